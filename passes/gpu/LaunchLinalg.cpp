// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// linalg operations on memrefs, shared out over work items.

#include "passes/gpu/Launches.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// The scalar code of one linalg operation.
class ElementEmitter {
public:
  ElementEmitter(LoopEmitter &e, linalg::LinalgOp op) : e(e), op(op) {
    for (Range range : op.createLoopRanges(e, e.getLoc()))
      extents.push_back(getValueOrCreateConstantIndexOp(e, e.getLoc(), range.size));
    for (auto [i, kind] : llvm::enumerate(op.getIteratorTypesArray()))
      (kind == utils::IteratorType::parallel ? parallel : reduced).push_back(i);
  }

  SmallVector<size_t> parallel, reduced; ///< loops

  /// Product of the extents of loops.
  Value count(ArrayRef<size_t> loops) {
    Value product = e.index(1);
    for (size_t loop : loops)
      product = e.createOrFold<arith::MulIOp>(product, extents[loop]);
    return product;
  }

  /// Sets the indices of loops from their number in row-major order.
  void setIndices(ArrayRef<size_t> loops, Value number) {
    indices.resize(extents.size());
    for (size_t i = loops.size(); i-- > 0;) {
      Value extent = extents[loops[i]];
      indices[loops[i]] = i == 0 ? number : e.createOrFold<arith::RemUIOp>(number, extent);
      number = e.createOrFold<arith::DivUIOp>(number, extent);
    }
  }

  /// What the outputs hold.
  Values loadOutputs() {
    Values values;
    for (OpOperand &operand : op.getDpsInitsMutable())
      values.push_back(loadOperand(operand));
    return values;
  }

  void storeOutputs(ValueRange values) {
    for (auto [operand, value] : llvm::zip(op.getDpsInitsMutable(), values))
      e.store(value, operand.get(), position(operand));
  }

  /// The body, with the outputs' values as they are so far.
  Values body(ValueRange outputs) {
    IRMapping map;
    Block &block = op->getRegion(0).front();
    for (OpOperand *operand : op.getDpsInputOperands())
      if (BlockArgument argument = op.getMatchingBlockArgument(operand); !argument.use_empty())
        map.map(argument, loadOperand(*operand));
    for (auto [operand, value] : llvm::zip(op.getDpsInitsMutable(), outputs))
      map.map(op.getMatchingBlockArgument(&operand), value);
    for (Operation &inner : block.without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(inner))
        map.map(index.getResult(), indices[index.getDim()]);
      else
        e.clone(inner, map);
    }
    return llvm::map_to_vector(block.getTerminator()->getOperands(),
                               [&](Value value) { return map.lookupOrDefault(value); });
  }

  /// All iterations of the loops that reduce, one after the other.
  Values reduce(ValueRange outputs) {
    return e.loop(e.index(0), count(reduced), 1, outputs, [&](Value number, ValueRange carried) {
      setIndices(reduced, number);
      return body(carried);
    });
  }

  /// The operation by which an output gathers its values, if it is one that may be done in any order.
  Operation *combiner() {
    if (op.getNumDpsInits() != 1)
      return nullptr;
    Value result = op->getRegion(0).front().getTerminator()->getOperand(0);
    Operation *combiner = result.getDefiningOp();
    BlockArgument output = op.getMatchingBlockArgument(&op.getDpsInitsMutable()[0]);
    if (!combiner || combiner->getNumOperands() != 2 ||
        !llvm::is_contained(combiner->getOperands(), output) || !output.hasOneUse() ||
        !arith::getNeutralElement(combiner))
      return nullptr;
    return combiner;
  }

private:
  LoopEmitter &e;
  linalg::LinalgOp op;
  Values extents, indices;

  Values position(OpOperand &operand) {
    return llvm::map_to_vector(
        op.getMatchingIndexingMap(&operand).getResults(), [&](AffineExpr expression) -> Value {
          if (auto dim = dyn_cast<AffineDimExpr>(expression))
            return indices[dim.getPosition()];
          if (auto constant = dyn_cast<AffineConstantExpr>(expression))
            return e.index(constant.getValue());
          AffineMap map = AffineMap::get(indices.size(), 0, expression);
          Values operands =
              llvm::map_to_vector(indices, [&](Value index) { return index ? index : e.index(0); });
          return affine::AffineApplyOp::create(e, map, operands);
        });
  }

  Value loadOperand(OpOperand &operand) {
    if (!isa<MemRefType>(operand.get().getType()))
      return operand.get();
    return e.load(operand.get(), position(operand));
  }
};

/// One operation on all work items of a block.
void emitInBlock(DeviceEmitter &e, linalg::LinalgOp op) {
  ElementEmitter element(e, op);
  Value outputs = element.count(element.parallel);
  Operation *combiner = element.reduced.empty() ? nullptr : element.combiner();
  std::optional<int64_t> single = constantOf(outputs);
  if (!combiner || !single || *single != 1) {
    e.forThreads(outputs, [&](Value number) {
      element.setIndices(element.parallel, number);
      Values values = element.loadOutputs();
      element.storeOutputs(element.reduced.empty() ? element.body(values) : element.reduce(values));
    });
    e.barrier();
    return;
  }
  // One output: work items reduce parts of it, which are then combined.
  element.setIndices(element.parallel, e.index(0));
  Value neutral = arith::ConstantOp::create(e, *arith::getNeutralElement(combiner));
  Values parts = e.loop(e.thread, element.count(element.reduced), e.threads, neutral,
                        [&](Value number, ValueRange carried) {
                          element.setIndices(element.reduced, number);
                          return element.body(carried);
                        });
  auto combine = [&](Value a, Value b) -> Value {
    OperationState state(e.getLoc(), combiner->getName(), ValueRange{a, b}, a.getType(),
                         combiner->getAttrs());
    return e.create(state)->getResult(0);
  };
  Value all = e.reduce(parts[0], combine);
  e.once([&] { element.storeOutputs(combine(element.loadOutputs()[0], all)); });
  e.barrier();
}

/// The body of a loop over tokens as a block's code.
class BlockBody {
public:
  BlockBody(DeviceEmitter &e, const GpuTarget &target) : e(e), target(target) {}

  /// What `block` holds, with `map` for the values that it takes.
  LogicalResult emit(Block &block, IRMapping &map) {
    for (Operation &inner : block.without_terminator())
      if (failed(emit(&inner, map)))
        return failure();
    return success();
  }

private:
  DeviceEmitter &e;
  const GpuTarget &target;
  int64_t sharedBytes = 0;

  LogicalResult emit(Operation *op, IRMapping &map) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      return allocate(alloc, map);
    if (isa<memref::DeallocOp>(op))
      return success();
    if (auto loop = dyn_cast<scf::ForOp>(op); loop && loop.getNumResults() == 0)
      return emitLoop(loop, map);
    if (isa<linalg::LinalgOp>(op)) {
      auto clone = cast<linalg::LinalgOp>(e.clone(*op, map));
      emitInBlock(e, clone);
      clone->erase();
      return success();
    }
    if (isa<kernel::CacheUpdateOp>(op)) {
      auto clone = cast<kernel::CacheUpdateOp>(e.clone(*op, map));
      emitCacheUpdate(e, clone, e.index(0));
      e.barrier();
      clone->erase();
      return success();
    }
    if (auto product = dyn_cast<kernel::LinearOp>(op)) {
      auto clone = cast<kernel::LinearOp>(e.clone(*op, map));
      LogicalResult result = emitRowProduct(e, clone);
      clone->erase();
      return result;
    }
    if (op->getNumRegions() != 0 || isa<kernel::KernelDialect>(op->getDialect()))
      return op->emitError() << "has no form for a device";
    keepMemorySpace(e.clone(*op, map));
    return success();
  }

  /// Views of the block's memory are of its kind too.
  static void keepMemorySpace(Operation *view) {
    auto source = view->getNumOperands() ? dyn_cast<MemRefType>(view->getOperand(0).getType()) : MemRefType();
    for (Value result : view->getResults())
      if (auto type = dyn_cast<MemRefType>(result.getType()); type && source)
        result.setType(MemRefType::get(type.getShape(), type.getElementType(), type.getLayout(),
                                       source.getMemorySpace()));
  }

  LogicalResult allocate(memref::AllocOp op, IRMapping &map) {
    MemRefType type = op.getType();
    int64_t bytes = type.hasStaticShape() ? type.getNumElements() * type.getElementTypeBitWidth() / 8 : -1;
    sharedBytes += bytes;
    if (bytes < 0 || sharedBytes > target.sharedBytes)
      return op->emitError() << "needs "
                             << (bytes < 0 ? std::string("an unknown number of")
                                           : std::to_string(sharedBytes))
                             << " bytes of a block's memory, which has " << target.sharedBytes;
    map.map(op.getResult(), e.shared(type.getShape(), type.getElementType()));
    return success();
  }

  LogicalResult emitLoop(scf::ForOp loop, IRMapping &map) {
    auto lookup = [&](Value value) { return map.lookupOrDefault(value); };
    auto copy = scf::ForOp::create(e, lookup(loop.getLowerBound()), lookup(loop.getUpperBound()),
                                   lookup(loop.getStep()));
    OpBuilder::InsertionGuard guard(e);
    e.setInsertionPointToStart(copy.getBody());
    map.map(loop.getInductionVar(), copy.getInductionVar());
    return emit(*loop.getBody(), map);
  }
};

/// A power of two, at most `most`, that is not much more than what there is to do.
int64_t threadsFor(Operation *root, int64_t most) {
  int64_t widest = 32;
  auto consider = [&](ArrayRef<int64_t> extents) {
    int64_t work = 1;
    for (int64_t extent : extents)
      work *= ShapedType::isDynamic(extent) ? 1 : extent;
    widest = std::max(widest, work);
  };
  root->walk([&](linalg::LinalgOp op) { consider(op.getStaticLoopRanges()); });
  root->walk(
      [&](kernel::CacheUpdateOp op) { consider(cast<MemRefType>(op.getKeys().getType()).getShape()); });
  return std::min<int64_t>(most, llvm::PowerOf2Ceil(widest));
}

template <typename Op> bool holds(scf::ForallOp loop) {
  return loop.walk([](Op) { return WalkResult::interrupt(); }).wasInterrupted();
}

} // namespace

LogicalResult transformer::launchForall(scf::ForallOp op, const GpuTarget &target) {
  if (op.getRank() > 3)
    return op.emitError() << "runs over " << op.getRank() << " dimensions, a launch over 3 at most";
  LoopEmitter host(op);
  auto value = [&](OpFoldResult result) {
    return getValueOrCreateConstantIndexOp(host, op.getLoc(), result);
  };
  Values begins, steps, grid;
  for (auto [begin, end, step] :
       llvm::zip(op.getMixedLowerBound(), op.getMixedUpperBound(), op.getMixedStep())) {
    begins.push_back(value(begin));
    steps.push_back(value(step));
    Value length = host.sub(value(end), begins.back());
    grid.push_back(host.createOrFold<arith::CeilDivUIOp>(length, steps.back()));
  }
  // The last dimension varies fastest.
  std::reverse(grid.begin(), grid.end());
  bool isProduct = holds<kernel::LinearOp>(op);
  DeviceEmitter e(op, isProduct ? "linear_few" : "rows", grid,
                  isProduct ? target.threads : threadsFor(op, target.threads));
  IRMapping map;
  for (auto [i, variable] : llvm::enumerate(op.getInductionVars())) {
    Value number = e.block(static_cast<int>(op.getRank() - 1 - i));
    map.map(variable, e.add(begins[i], e.createOrFold<arith::MulIOp>(number, steps[i])));
  }
  return BlockBody(e, target).emit(*op.getBody(), map);
}

LogicalResult transformer::launchLinalg(linalg::LinalgOp op, const GpuTarget &target) {
  LoopEmitter host(op);
  Value outputs = ElementEmitter(host, op).count(ElementEmitter(host, op).parallel);
  DeviceEmitter e(op, "elements", {ceilDiv(host, outputs, target.threads)}, target.threads);
  ElementEmitter element(e, op);
  Value number = e.add(e.mul(e.block(0), target.threads), e.thread);
  e.when(arith::CmpIOp::create(e, arith::CmpIPredicate::ult, number, outputs), [&] {
    element.setIndices(element.parallel, number);
    Values values = element.loadOutputs();
    element.storeOutputs(element.reduced.empty() ? element.body(values) : element.reduce(values));
  });
  return success();
}
