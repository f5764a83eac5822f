// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/Rows.h"

#include "dialect/Kernel.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::transformer;

/// Of a block's memory for one token: there is room for what reductions need as well.
static constexpr int64_t kMostRowBytes = 32 * 1024;

/// What `view` is a view of, one step; nothing if it is none.
static Value sourceOf(Value view) {
  auto op = dyn_cast_or_null<ViewLikeOpInterface>(view.getDefiningOp());
  return op ? op.getViewSource() : Value();
}

Value transformer::memoryOf(Value view) {
  while (Value source = sourceOf(view))
    view = source;
  return view;
}

bool transformer::leavesMemory(Operation *op) {
  return isPure(op) || isa<memref::AllocOp, memref::DimOp, ViewLikeOpInterface>(op);
}

/// Whether row t of a view lies in row t of what it is a view of, all the way down.
static bool keepsRows(Value view) {
  for (; Value source = sourceOf(view); view = source) {
    Operation *op = view.getDefiningOp();
    if (isa<memref::CastOp>(op))
      continue;
    if (auto expand = dyn_cast<memref::ExpandShapeOp>(op);
        expand && expand.getReassociationIndices()[0].size() == 1)
      continue;
    if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op);
        collapse && collapse.getReassociationIndices()[0].size() == 1)
      continue;
    auto part = dyn_cast<memref::SubViewOp>(op);
    if (!part || part.getDroppedDims().test(0) || !isZeroInteger(part.getMixedOffsets()[0]) ||
        !isOneInteger(part.getMixedStrides()[0]))
      return false;
  }
  return true;
}

/// The value that says how many elements a dimension has, where a buffer was made, or the argument.
static Value extentOf(Value size);
static Value extentOf(Value buffer, int64_t dim) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.isDynamicDim(dim))
    return nullptr;
  Operation *op = buffer.getDefiningOp();
  auto dynamic = [&](OpFoldResult size) {
    auto value = dyn_cast<Value>(size);
    return value ? extentOf(value) : Value();
  };
  if (auto alloc = dyn_cast_or_null<memref::AllocOp>(op))
    return extentOf(alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)]);
  if (auto cast = dyn_cast_or_null<memref::CastOp>(op))
    return extentOf(cast.getSource(), dim);
  if (auto expand = dyn_cast_or_null<memref::ExpandShapeOp>(op))
    return dynamic(expand.getMixedOutputShape()[dim]);
  if (auto part = dyn_cast_or_null<memref::SubViewOp>(op); part && part.getDroppedDims().none())
    return dynamic(part.getMixedSizes()[dim]);
  if (auto collapse = dyn_cast_or_null<memref::CollapseShapeOp>(op)) {
    ReassociationIndices group = collapse.getReassociationIndices()[dim];
    return group.size() == 1 ? extentOf(collapse.getSrc(), group[0]) : Value();
  }
  return dim == 0 && isa<BlockArgument>(buffer) ? buffer : Value(); // stands for its rows
}

static Value extentOf(Value size) {
  auto dim = size.getDefiningOp<memref::DimOp>();
  if (!dim || !dim.getConstantIndex())
    return size;
  Value known = extentOf(dim.getSource(), *dim.getConstantIndex());
  return known ? known : size;
}

Value transformer::rowsOf(Value buffer) { return extentOf(buffer, 0); }

namespace {

/// Finds what a loop over tokens touches. A loop's iteration may touch row t alone, by a subview at (t, ...).
class LoopAccesses {
public:
  LoopAccesses(scf::ForallOp loop, SmallVector<RowAccess> &accesses) : loop(loop), accesses(accesses) {}

  LogicalResult find() {
    return failure(loop.getBody()->walk([&](Operation *op) { return visit(op); }).wasInterrupted());
  }

private:
  scf::ForallOp loop;
  SmallVector<RowAccess> &accesses;

  WalkResult visit(Operation *op) {
    if (leavesMemory(op) || isa<memref::DeallocOp>(op))
      return WalkResult::advance();
    auto interface = dyn_cast<MemoryEffectOpInterface>(op);
    if (!interface) // what it does is what its regions do, or not known
      return op->hasTrait<OpTrait::HasRecursiveMemoryEffects>() ? WalkResult::advance()
                                                                : WalkResult::interrupt();
    SmallVector<MemoryEffects::EffectInstance> effects;
    interface.getEffects(effects);
    for (const MemoryEffects::EffectInstance &effect : effects) {
      if (!effect.getValue())
        return WalkResult::interrupt();
      add(effect.getValue(), isa<MemoryEffects::Write>(effect.getEffect()));
    }
    return WalkResult::advance();
  }

  void add(Value view, bool isWritten) {
    bool isOwnRow = false;
    while (!loop.isDefinedOutsideOfLoop(view)) {
      Value source = sourceOf(view);
      if (!source)
        return; // memory of the iteration
      isOwnRow = isRow(view.getDefiningOp());
      view = source;
    }
    accesses.push_back({memoryOf(view), isWritten, isOwnRow && keepsRows(view)});
  }

  bool isRow(Operation *op) {
    auto part = dyn_cast<memref::SubViewOp>(op);
    return part && part.getMixedOffsets()[0] == OpFoldResult(loop.getInductionVar(0)) &&
           isOneInteger(part.getMixedSizes()[0]) && isOneInteger(part.getMixedStrides()[0]);
  }
};

} // namespace

static int64_t bytesOf(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  return type.hasStaticShape() ? type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8)
                               : kMostRowBytes; // refused later
}

static std::optional<RowOperation> ofLoop(scf::ForallOp loop) {
  if (loop.getRank() != 1 || !loop.isNormalized() || loop.getNumResults())
    return std::nullopt;
  auto end = dyn_cast<Value>(loop.getMixedUpperBound()[0]);
  RowOperation result{loop, end ? extentOf(end) : Value(), {}};
  if (!end || failed(LoopAccesses(loop, result.accesses).find()))
    return std::nullopt;
  loop.walk([&](memref::AllocOp alloc) { result.bytes += bytesOf(alloc); });
  return result;
}

/// Whether an operand's first dimension is the first loop, and no other is.
static bool isByRows(AffineMap map) {
  return map.getNumResults() && map.getResult(0) == getAffineDimExpr(0, map.getContext()) &&
         llvm::none_of(map.getResults().drop_front(), [](AffineExpr e) { return e.isFunctionOfDim(0); });
}

static std::optional<RowOperation> ofLinalg(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumLoops() == 0 || op.hasIndexSemantics() ||
      op.getIteratorTypesArray().front() != utils::IteratorType::parallel ||
      !ShapedType::isDynamic(op.getStaticLoopRanges().front()))
    return std::nullopt;
  // Bodies that read memory are no rows of operands.
  if (!llvm::all_of(*op.getBlock(), [](Operation &inner) { return isPure(&inner); }))
    return std::nullopt;
  RowOperation result{op, Value(), {}};
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool isWritten = op.isDpsInit(&operand), byRows = isByRows(op.getMatchingIndexingMap(&operand));
    if (isWritten && !byRows)
      return std::nullopt;
    if (isWritten)
      result.tokens = rowsOf(operand.get());
    bool isOwnRow = byRows && keepsRows(operand.get());
    result.accesses.push_back({memoryOf(operand.get()), isWritten, isOwnRow});
    if (isWritten) // what an output holds may be read as well
      result.accesses.push_back({memoryOf(operand.get()), false, isOwnRow});
  }
  if (!result.tokens)
    return std::nullopt;
  return result;
}

static std::optional<RowOperation> ofCacheUpdate(kernel::CacheUpdateOp op) {
  if (!isa<MemRefType>(op.getKeys().getType()))
    return std::nullopt;
  RowOperation result{op, rowsOf(op.getKeys()), {}};
  for (Value rows : {op.getKeys(), op.getValues(), op.getBatch()})
    result.accesses.push_back({memoryOf(rows), false, keepsRows(rows)});
  for (Value cache : {op.getKeyMemory(), op.getValueMemory()})
    result.accesses.push_back({memoryOf(cache), true, false});
  if (!result.tokens)
    return std::nullopt;
  return result;
}

std::optional<RowOperation> RowOperation::of(Operation *op) {
  if (auto loop = dyn_cast<scf::ForallOp>(op))
    return ofLoop(loop);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return ofLinalg(linalgOp);
  if (auto update = dyn_cast<kernel::CacheUpdateOp>(op))
    return ofCacheUpdate(update);
  return std::nullopt;
}

OpFoldResult RowOperation::end(OpBuilder &builder) const {
  if (auto loop = dyn_cast<scf::ForallOp>(op))
    return loop.getMixedUpperBound()[0];
  return cast<TilingInterface>(op).getIterationDomain(builder)[0].size;
}

LogicalResult RowOperation::emit(OpBuilder &builder, Value token) const {
  if (auto loop = dyn_cast<scf::ForallOp>(op)) {
    IRMapping map;
    map.map(loop.getInductionVar(0), token);
    for (Operation &inner : loop.getBody()->without_terminator())
      builder.clone(inner, map);
    return success();
  }
  auto tileable = cast<TilingInterface>(op);
  SmallVector<OpFoldResult> offsets, sizes;
  for (Range range : tileable.getIterationDomain(builder)) {
    offsets.push_back(range.offset);
    sizes.push_back(range.size);
  }
  offsets[0] = token;
  sizes[0] = builder.getIndexAttr(1);
  return tileable.getTiledImplementation(builder, offsets, sizes);
}

bool transformer::canShareIterations(const RowOperation &first, const RowOperation &second) {
  if (first.tokens != second.tokens || first.bytes + second.bytes > kMostRowBytes)
    return false;
  for (const RowAccess &a : first.accesses)
    for (const RowAccess &b : second.accesses)
      if (a.buffer == b.buffer && (a.isWritten || b.isWritten) && !(a.isOwnRow && b.isOwnRow))
        return false;
  return true;
}
