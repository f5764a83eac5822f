// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Folders and canonicalisations. None changes what is computed beyond the rounding of merged constants.

#include "dialect/Transformer.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::transformer;

OpFoldResult ActivationOp::fold(FoldAdaptor) {
  return getKind() == Activation::identity ? getInput() : Value();
}

OpFoldResult ScaleOp::fold(FoldAdaptor) { return getFactor().isExactlyValue(1.0) ? getInput() : Value(); }

static FloatAttr product(Builder &builder, const APFloat &a, const APFloat &b) {
  return builder.getF64FloatAttr(a.convertToDouble() * b.convertToDouble());
}

namespace {

/// repeat(repeat(x)) over layers that follow each other = one repeat
struct MergeRepeats : OpRewritePattern<RepeatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RepeatOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<RepeatOp>();
    if (!inner || !inner->hasOneUse() || inner->getNextNode() != op ||
        inner.getLayerAttr() != op.getLayerAttr() || inner.getShared() != op.getShared())
      return failure();
    if (inner.getRecord() + inner.getCount() != op.getRecord() ||
        inner.getFirst() + inner.getCount() != op.getFirst())
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(inner.getInput());
      op.setRecord(inner.getRecord());
      op.setFirst(inner.getFirst());
      op.setCount(inner.getCount() + op.getCount());
    });
    rewriter.eraseOp(inner);
    return success();
  }
};

/// scale(scale(x, a), b) = scale(x, a * b)
struct MergeScales : OpRewritePattern<ScaleOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScaleOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<ScaleOp>();
    if (!inner)
      return failure();
    rewriter.replaceOpWithNewOp<ScaleOp>(op, op.getType(), inner.getInput(),
                                         product(rewriter, inner.getFactor(), op.getFactor()));
    return success();
  }
};

/// scale(scores(q, K)) = scores(q, K) with the scale
struct ScaleIntoScores : OpRewritePattern<ScaleOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScaleOp op, PatternRewriter &rewriter) const override {
    auto scores = op.getInput().getDefiningOp<ScoresOp>();
    if (!scores || !scores->hasOneUse()) // with other uses the product would be computed twice
      return failure();
    rewriter.modifyOpInPlace(
        scores, [&] { scores.setScaleAttr(product(rewriter, scores.getScale(), op.getFactor())); });
    rewriter.replaceOp(op, scores);
    return success();
  }
};

/// scores(scale(q), K) = scores(q, K) with the scale
struct QueryScaleIntoScores : OpRewritePattern<ScoresOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScoresOp op, PatternRewriter &rewriter) const override {
    auto scale = op.getQueries().getDefiningOp<ScaleOp>();
    if (!scale)
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.getQueriesMutable().assign(scale.getInput());
      op.setScaleAttr(product(rewriter, scale.getFactor(), op.getScale()));
    });
    return success();
  }
};

/// mask(mask(s, a), b) = mask(s, a and b)
struct MergeMasks : OpRewritePattern<MaskOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MaskOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getScores().getDefiningOp<MaskOp>();
    if (!inner || inner.getBatch() != op.getBatch())
      return failure();
    MaskAttr a = inner.getMask(), b = op.getMask();
    if (a.getChunk() && b.getChunk() && a.getChunk() != b.getChunk())
      return failure();
    // 0 is no window: the smaller of two windows is seen by both.
    int64_t window = a.getWindow() && b.getWindow() ? std::min(a.getWindow(), b.getWindow())
                                                    : std::max(a.getWindow(), b.getWindow());
    auto both = MaskAttr::get(getContext(), a.getCausal() || b.getCausal(), window,
                              std::max(a.getChunk(), b.getChunk()));
    rewriter.modifyOpInPlace(op, [&] {
      op.getScoresMutable().assign(inner.getScores());
      op.setMaskAttr(both);
    });
    return success();
  }
};

} // namespace

void RepeatOp::getCanonicalizationPatterns(RewritePatternSet &results, MLIRContext *context) {
  results.add<MergeRepeats>(context);
}

void ScaleOp::getCanonicalizationPatterns(RewritePatternSet &results, MLIRContext *context) {
  results.add<MergeScales, ScaleIntoScores>(context);
}

void ScoresOp::getCanonicalizationPatterns(RewritePatternSet &results, MLIRContext *context) {
  results.add<QueryScaleIntoScores>(context);
}

void MaskOp::getCanonicalizationPatterns(RewritePatternSet &results, MLIRContext *context) {
  results.add<MergeMasks>(context);
}
