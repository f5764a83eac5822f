// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A tensor whose every element is replaced by slices need not be what it was.

#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/BitVector.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_FRESHDESTINATIONS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Slices that are put into one tensor, one after the other.
class Chain {
public:
  explicit Chain(tensor::InsertSliceOp last) {
    for (tensor::InsertSliceOp op = last; op; op = op.getDest().getDefiningOp<tensor::InsertSliceOp>()) {
      if (op != last && !llvm::hasSingleElement(op->getUsers()))
        break; // seen before it is whole
      slices.push_back(op);
    }
  }

  tensor::InsertSliceOp first() const { return slices.back(); }
  Value base() const { return first().getDest(); }

  /// Whether all dimensions but one are whole in every slice, and the slices make up that one.
  bool coversAll() const {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(base().getType()).getShape();
    std::optional<int64_t> cut;
    for (int64_t dim = 0; dim < static_cast<int64_t>(shape.size()); ++dim)
      if (!llvm::all_of(slices, [&](tensor::InsertSliceOp op) { return isWhole(op, dim); })) {
        if (cut || ShapedType::isDynamic(shape[dim]))
          return false;
        cut = dim;
      }
    return !cut || covers(*cut, shape[*cut]);
  }

private:
  SmallVector<tensor::InsertSliceOp> slices; // from the last one

  bool isWhole(tensor::InsertSliceOp op, int64_t dim) const {
    if (!isZeroInteger(op.getMixedOffsets()[dim]) || !isOneInteger(op.getMixedStrides()[dim]))
      return false;
    OpFoldResult size = op.getMixedSizes()[dim];
    int64_t extent = op.getDestType().getDimSize(dim);
    if (!ShapedType::isDynamic(extent))
      return getConstantIntValue(size) == extent;
    auto value = dyn_cast<Value>(size);
    auto asked = value ? value.getDefiningOp<tensor::DimOp>() : tensor::DimOp();
    return asked && asked.getSource() == base() && asked.getConstantIndex() == dim;
  }

  bool covers(int64_t dim, int64_t extent) const {
    llvm::BitVector seen(extent);
    for (tensor::InsertSliceOp op : slices) {
      auto offset = getConstantIntValue(op.getMixedOffsets()[dim]),
           size = getConstantIntValue(op.getMixedSizes()[dim]),
           stride = getConstantIntValue(op.getMixedStrides()[dim]);
      if (!offset || !size || !stride)
        continue;
      for (int64_t i = 0; i < *size; ++i)
        seen.set(*offset + i * *stride);
    }
    return seen.all();
  }
};

struct WholeDestination : OpRewritePattern<tensor::InsertSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tensor::InsertSliceOp op, PatternRewriter &rewriter) const override {
    Chain chain(op);
    if (chain.base().getDefiningOp<tensor::EmptyOp>())
      return rewriter.notifyMatchFailure(op, "fresh already");
    if (!chain.coversAll())
      return rewriter.notifyMatchFailure(op, "some elements stay");
    tensor::InsertSliceOp first = chain.first();
    rewriter.setInsertionPoint(first);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, op.getLoc(), chain.base());
    Value fresh = tensor::EmptyOp::create(rewriter, op.getLoc(), sizes, op.getDestType().getElementType());
    rewriter.modifyOpInPlace(first, [&] { first.getDestMutable().assign(fresh); });
    return success();
  }
};

struct FreshDestinations : transformer::impl::FreshDestinationsBase<FreshDestinations> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<WholeDestination>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
