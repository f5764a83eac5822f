// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Allocations become places in a workspace whose size is a known function of the number of tokens.

#include "passes/Passes.h"
#include "passes/layout/Formats.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

#include <deque>

namespace mlir::transformer {
#define GEN_PASS_DEF_PLANWORKSPACE
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Tokens are rounded up to this for sizes, so that every place is aligned.
constexpr int64_t kTokenMultiple = 16;
constexpr int64_t kAlignment = 64;

/// Bytes as a function of tokens: perToken * round_up(tokens, 16) + fixed.
struct Bytes {
  int64_t perToken = 0, fixed = 0;
};

/// A buffer to be placed: alive from operation `first` to `last` of its function's block.
struct Buffer {
  memref::AllocOp alloc;
  bool perToken;
  int64_t bytes, first, last, offset = 0;
};

/// First fit among the buffers that are alive at the same time; returns the size of all.
int64_t place(MutableArrayRef<Buffer *> buffers) {
  int64_t end = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    Buffer &buffer = *buffers[i];
    SmallVector<std::pair<int64_t, int64_t>> taken;
    for (Buffer *other : buffers.take_front(i))
      if (other->first <= buffer.last && buffer.first <= other->last)
        taken.push_back({other->offset, other->offset + other->bytes});
    llvm::sort(taken);
    int64_t offset = 0;
    for (auto [begin, finish] : taken) {
      if (offset + buffer.bytes <= begin)
        break;
      offset = std::max(offset, finish);
    }
    buffer.offset = offset;
    end = std::max(end, offset + buffer.bytes);
  }
  return end;
}

class FunctionPlan {
public:
  explicit FunctionPlan(func::FuncOp function) : function(function) {
    llvm::DenseMap<Operation *, int64_t> order;
    for (auto [index, op] : llvm::enumerate(function.front()))
      order[&op] = index;
    function.walk([&](memref::AllocOp alloc) { add(alloc, order); });
    own.perToken = placeAll(true);
    own.fixed = placeAll(false);
  }

  func::FuncOp function;
  Bytes own;   ///< of this function's buffers
  Bytes total; ///< with the functions that it calls
  SmallVector<Buffer> buffers;
  SmallVector<memref::AllocOp> unplaced;
  bool isKnown = true; ///< Whether all sizes are; it was said which one is not.

private:
  void add(memref::AllocOp alloc, const llvm::DenseMap<Operation *, int64_t> &order) {
    MemRefType type = alloc.getType();
    int64_t elements = 1, dynamic = 0;
    for (int64_t size : type.getShape())
      ShapedType::isDynamic(size) ? ++dynamic : elements *= size;
    if (dynamic > 1 || alloc->getBlock() != &function.front() || !type.getLayout().isIdentity()) {
      unplaced.push_back(alloc);
      return;
    }
    if (dynamic) {
      std::optional<int64_t> factor = perToken(alloc.getDynamicSizes().front());
      if (!factor) {
        alloc.emitOpError("has a size that is no known multiple of the number of tokens");
        isKnown = false;
        return;
      }
      elements *= *factor;
    }
    int64_t bytes = elements * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    bytes = llvm::alignTo(bytes, dynamic ? kAlignment / kTokenMultiple : kAlignment);
    auto [first, last] = lifetime(alloc, order);
    buffers.push_back({alloc, dynamic == 1, bytes, first, last});
  }

  /// How many times the number of tokens a size is at most, where that is known.
  static std::optional<int64_t> perToken(Value size) {
    IntegerAttr factor;
    if (auto product = size.getDefiningOp<arith::MulIOp>())
      for (auto [a, b] :
           {std::pair(product.getLhs(), product.getRhs()), std::pair(product.getRhs(), product.getLhs())})
        if (matchPattern(b, m_Constant(&factor)))
          return times(perToken(a), factor.getInt());
    if (auto dim = size.getDefiningOp<memref::DimOp>())
      return perToken(dim);
    if (auto apply = size.getDefiningOp<affine::AffineApplyOp>())
      return perToken(apply.getAffineMap().getResult(0), apply);
    return std::nullopt;
  }

  static std::optional<int64_t> times(std::optional<int64_t> size, int64_t factor) {
    return size && factor > 0 ? std::optional(*size * factor) : std::nullopt;
  }

  static std::optional<int64_t> perToken(AffineExpr size, affine::AffineApplyOp apply) {
    if (auto dim = dyn_cast<AffineDimExpr>(size))
      return perToken(apply.getDimOperands()[dim.getPosition()]);
    if (auto symbol = dyn_cast<AffineSymbolExpr>(size))
      return perToken(apply.getSymbolOperands()[symbol.getPosition()]);
    auto binary = dyn_cast<AffineBinaryOpExpr>(size);
    if (!binary)
      return std::nullopt;
    std::optional<int64_t> left = perToken(binary.getLHS(), apply);
    if (size.getKind() == AffineExprKind::Add) {
      std::optional<int64_t> right = perToken(binary.getRHS(), apply);
      return left && right ? std::optional(*left + *right) : std::nullopt;
    }
    auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (!left || !constant || constant.getValue() <= 0)
      return std::nullopt;
    switch (size.getKind()) {
    case AffineExprKind::Mul:
      return times(left, constant.getValue());
    case AffineExprKind::FloorDiv:
    case AffineExprKind::CeilDiv:
      return llvm::divideCeil(*left, constant.getValue());
    default: // a remainder is no more than what is divided
      return left;
    }
  }

  /// A dimension of an argument counts tokens, or fewer rows; of a buffer that was made here, its own size
  /// does.
  static std::optional<int64_t> perToken(memref::DimOp dim) {
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!index)
      return std::nullopt;
    return perToken(dim.getSource(), *index);
  }

  /// A dynamic size of what a subview gives, which may have fewer dimensions than it names.
  static Value sizeOf(memref::SubViewOp part, int64_t index) {
    llvm::SmallBitVector dropped = part.getDroppedDims();
    for (auto [dimension, size] : llvm::enumerate(part.getMixedSizes()))
      if (!dropped.test(dimension) && index-- == 0)
        return cast<Value>(size);
    llvm_unreachable("no such dimension");
  }

  static std::optional<int64_t> perToken(Value buffer, int64_t index) {
    auto type = cast<MemRefType>(buffer.getType());
    if (!type.isDynamicDim(index))
      return std::nullopt;
    if (isa<BlockArgument>(buffer))
      return 1;
    if (auto alloc = buffer.getDefiningOp<memref::AllocOp>())
      return perToken(alloc.getDynamicSizes()[type.getDynamicDimIndex(index)]);
    if (auto same = buffer.getDefiningOp<memref::CastOp>())
      return perToken(same.getSource(), index);
    if (auto expand = buffer.getDefiningOp<memref::ExpandShapeOp>())
      return perToken(cast<Value>(expand.getMixedOutputShape()[index]));
    if (auto part = buffer.getDefiningOp<memref::SubViewOp>())
      return perToken(sizeOf(part, index));
    // A dimension that was made from several.
    if (auto collapse = buffer.getDefiningOp<memref::CollapseShapeOp>()) {
      SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices();
      std::optional<int64_t> size;
      int64_t factor = 1;
      for (int64_t from : groups[static_cast<size_t>(index)])
        if (int64_t known = collapse.getSrcType().getDimSize(from); !ShapedType::isDynamic(known))
          factor *= known;
        else if (size)
          return std::nullopt;
        else if (!(size = perToken(collapse.getSrc(), from)))
          return std::nullopt;
      return times(size, factor);
    }
    return std::nullopt;
  }

  /// The operations of the function's block between which the buffer, or a view of it, is used.
  std::pair<int64_t, int64_t> lifetime(memref::AllocOp alloc,
                                       const llvm::DenseMap<Operation *, int64_t> &order) {
    int64_t first = order.lookup(alloc), last = first;
    llvm::SetVector<Value> values;
    values.insert(alloc.getResult());
    for (size_t i = 0; i < values.size(); ++i)
      for (Operation *user : values[i].getUsers()) {
        last = std::max(last, order.lookup(function.front().findAncestorOpInBlock(*user)));
        for (Value result : user->getResults())
          if (isa<MemRefType>(result.getType()))
            values.insert(result);
      }
    return {first, last};
  }

  int64_t placeAll(bool perToken) {
    SmallVector<Buffer *> chosen;
    for (Buffer &buffer : buffers)
      if (buffer.perToken == perToken)
        chosen.push_back(&buffer);
    return place(chosen);
  }
};

struct PlanWorkspace : transformer::impl::PlanWorkspaceBase<PlanWorkspace> {
  llvm::MapVector<StringAttr, FunctionPlan *> plans; // in the module's order
  std::deque<FunctionPlan> storage;

  void runOnOperation() override {
    plans.clear();
    storage.clear();
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        plans[function.getSymNameAttr()] = &storage.emplace_back(function);
    if (!llvm::all_of(storage, [](const FunctionPlan &plan) { return plan.isKnown; }))
      return signalPassFailure();
    for (auto &[name, plan] : plans)
      computeTotal(*plan, 0);
    for (auto &[name, plan] : plans)
      rewrite(*plan);
  }

  /// A function's workspace is followed by that of whichever function it calls.
  void computeTotal(FunctionPlan &plan, int depth) {
    Bytes callees;
    plan.function.walk([&](func::CallOp call) {
      if (depth > 64)
        return;
      FunctionPlan &callee = *plans[call.getCalleeAttr().getAttr()];
      computeTotal(callee, depth + 1);
      callees.perToken = std::max(callees.perToken, callee.total.perToken);
      callees.fixed = std::max(callees.fixed, callee.total.fixed);
    });
    plan.total = {plan.own.perToken + callees.perToken, plan.own.fixed + callees.fixed};
  }

  /// Adds the arguments (tokens rounded up, workspace), and uses them.
  void rewrite(FunctionPlan &plan) {
    func::FuncOp function = plan.function;
    OpBuilder builder(&getContext());
    auto memoryType = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
    bool isEntry = function.isPublic();
    Value tokens = isEntry ? Value() : addArgument(function, builder.getIndexType(), "tokens");
    Value workspace = addArgument(function, memoryType, "workspace");
    builder.setInsertionPointToStart(&function.front());
    if (isEntry) {
      tokens = roundedTokens(builder, function);
      function->setAttr("kernel.workspace_per_token", builder.getI64IntegerAttr(plan.total.perToken));
      function->setAttr("kernel.workspace_fixed", builder.getI64IntegerAttr(plan.total.fixed));
    }
    auto position = [&](Location loc, int64_t perToken, int64_t fixed) -> Value {
      Value scaled =
          arith::MulIOp::create(builder, loc, tokens, arith::ConstantIndexOp::create(builder, loc, perToken));
      return arith::AddIOp::create(builder, loc, scaled, arith::ConstantIndexOp::create(builder, loc, fixed));
    };
    for (Buffer &buffer : plan.buffers) {
      builder.setInsertionPoint(buffer.alloc);
      Location loc = buffer.alloc.getLoc();
      // Buffers of fixed size come first.
      Value offset =
          buffer.perToken ? position(loc, buffer.offset, plan.own.fixed) : position(loc, 0, buffer.offset);
      Value view = memref::ViewOp::create(builder, loc, buffer.alloc.getType(), workspace, offset,
                                          buffer.alloc.getDynamicSizes());
      buffer.alloc.replaceAllUsesWith(view);
      buffer.alloc.erase();
    }
    function.walk([&](func::CallOp call) {
      builder.setInsertionPoint(call);
      Location loc = call.getLoc();
      Value begin = position(loc, plan.own.perToken, plan.own.fixed);
      Value size = memref::DimOp::create(builder, loc, workspace, 0);
      Value left = arith::SubIOp::create(builder, loc, size, begin);
      call.getOperandsMutable().append(
          {tokens, memref::ViewOp::create(builder, loc, memoryType, workspace, begin, left).getResult()});
    });
    freeUnplaced(builder, plan);
  }

  static Value addArgument(func::FuncOp function, Type type, StringRef role) {
    Builder builder(function.getContext());
    unsigned index = function.getNumArguments();
    auto attributes =
        builder.getDictionaryAttr({builder.getNamedAttr(kRoleAttr, builder.getStringAttr(role)),
                                   builder.getNamedAttr(kNameAttr, builder.getStringAttr(role))});
    (void)function.insertArgument(index, type, attributes, function.getLoc());
    return function.getArgument(index);
  }

  /// The entry's number of tokens: rows of the batch.
  static Value roundedTokens(OpBuilder &builder, func::FuncOp function) {
    Location loc = function.getLoc();
    Value one;
    for (BlockArgument argument : function.getArguments())
      if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kNameAttr);
          name && name == "batch")
        one = memref::DimOp::create(builder, loc, argument, 0);
    if (!one)
      return arith::ConstantIndexOp::create(builder, loc, kTokenMultiple);
    Value multiple = arith::ConstantIndexOp::create(builder, loc, kTokenMultiple);
    return arith::MulIOp::create(builder, loc, arith::CeilDivUIOp::create(builder, loc, one, multiple),
                                 multiple);
  }

  /// Buffers of unusual shape (scores, in entries that show them) are allocated and freed.
  static void freeUnplaced(OpBuilder &builder, FunctionPlan &plan) {
    for (memref::AllocOp alloc : plan.unplaced) {
      builder.setInsertionPoint(alloc->getBlock()->getTerminator());
      memref::DeallocOp::create(builder, alloc.getLoc(), alloc);
    }
  }
};

} // namespace
