// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A map of each head by a matrix of its own becomes a parallel loop over heads, each a product with its
// panels.

#include "passes/layout/Formats.h"
#include "passes/layout/ToKernel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Tokens x one head of `heads`, as a matrix.
struct HeadSlice {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  RankedTensorType type;

  HeadSlice(OpBuilder &builder, Location loc, Value heads, Value head) {
    auto whole = cast<RankedTensorType>(heads.getType());
    OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1);
    offsets = {zero, head, zero};
    sizes = {tensor::getMixedSize(builder, loc, heads, 0), one, builder.getIndexAttr(whole.getDimSize(2))};
    strides = {one, one, one};
    type = RankedTensorType::get({whole.getDimSize(0), whole.getDimSize(2)}, whole.getElementType());
  }
  Value of(OpBuilder &builder, Location loc, Value heads) const {
    return tensor::ExtractSliceOp::create(builder, loc, type, heads, offsets, sizes, strides);
  }
};

struct LowerHeadLinear : OpRewritePattern<HeadLinearOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(HeadLinearOp op, PatternRewriter &rewriter) const override {
    Value panels = physicalOf(op.getWeights());
    if (!panels)
      return rewriter.notifyMatchFailure(op, "weights have no packed form yet");
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getType());
    Value output = emptyLike(rewriter, loc, type, op.getInput());
    auto loop = scf::ForallOp::create(rewriter, loc,
                                      ArrayRef<OpFoldResult>{rewriter.getIndexAttr(type.getDimSize(1))},
                                      ValueRange(output), /*mapping=*/std::nullopt);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(loop.getBody());
    Value head = loop.getInductionVar(0), results = loop.getRegionIterArgs().front();
    HeadSlice from(rewriter, loc, op.getInput(), head), to(rewriter, loc, results, head);
    Value product =
        emitProduct(op, from.of(rewriter, loc, op.getInput()), panelsOf(op, panels, head, rewriter),
                    to.of(rewriter, loc, results), rewriter);
    rewriter.setInsertionPointToEnd(loop.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(rewriter, loc, product, results, to.offsets, to.sizes, to.strides);
    rewriter.replaceOp(op, loop.getResults());
    return success();
  }

private:
  /// The panels of one head's matrix.
  static Value panelsOf(HeadLinearOp op, Value panels, Value head, PatternRewriter &rewriter) {
    auto weights = cast<RankedTensorType>(op.getWeights().getType());
    int64_t count = attune::PackedFormat::panels(weights.getDimSize(1));
    Value first = affine::makeComposedAffineApply(rewriter, op.getLoc(), rewriter.getAffineDimExpr(0) * count,
                                                  OpFoldResult(head));
    OpFoldResult zero = rewriter.getIndexAttr(0), one = rewriter.getIndexAttr(1);
    int64_t bytes = cast<MemRefType>(panels.getType()).getDimSize(1);
    return memref::SubViewOp::create(
        rewriter, op.getLoc(), panels, ArrayRef<OpFoldResult>{first, zero},
        ArrayRef<OpFoldResult>{rewriter.getIndexAttr(count), rewriter.getIndexAttr(bytes)},
        ArrayRef<OpFoldResult>{one, one});
  }

  static Value emitProduct(HeadLinearOp op, Value input, Value panels, Value output,
                           PatternRewriter &rewriter) {
    Location loc = op.getLoc();
    auto weights = cast<RankedTensorType>(op.getWeights().getType());
    auto product = kernel::LinearOp::create(
        rewriter, loc, output.getType(), input, Value(), Value(), Value(), panels, ValueRange(), output,
        packedFor(op.getContext(), storageOf(weights)), rewriter.getI64IntegerAttr(weights.getDimSize(2)));
    OpBuilder::InsertionGuard guard(rewriter);
    Block *body = rewriter.createBlock(&product.getEpilogue(), {}, rewriter.getF32Type(), loc);
    kernel::YieldOp::create(rewriter, loc, body->getArgument(0));
    return product.getResult();
  }
};

} // namespace

void transformer::populateHeadLinearPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerHeadLinear>(patterns.getContext());
}
