// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Passes.h"
#include "passes/fuse/Fusion.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_FUSEATTENTION
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// What stands between scores and weighted sum; optional operations are null where absent.
struct Parts {
  ScoresOp scores;
  ScaleOp scale;
  SoftCapOp softCap;
  RelativeBiasOp bias;
  MaskOp mask;
  SoftmaxOp softmax; // else sum_normalize

  double getScale() {
    double factor = scale ? scale.getFactor().convertToDouble() : 1.0;
    return scores.getScale().convertToDouble() * factor;
  }
  double getSoftCap() { return softCap ? softCap.getCap().convertToDouble() : 0.0; }
};

/// weighted_sum(normalizer(mask(relative_bias(soft_cap(scale(scores(q, K)))))), V) = attention(q, K, V)
struct AttentionFromParts : FusionPattern<WeightedSumOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(WeightedSumOp sum, PatternRewriter &rewriter) const override {
    Parts parts;
    if (failed(findParts(sum, parts, rewriter)) || failed(checkFit(sum, parts, rewriter)))
      return failure();
    auto normalizer = parts.softmax ? Normalizer::softmax : Normalizer::sum;
    Location location = rewriter.getFusedLoc({parts.scores.getLoc(), parts.mask.getLoc(), sum.getLoc()});
    auto attention = AttentionOp::create(
        rewriter, location, sum.getType(), parts.scores.getQueries(), parts.scores.getKeys(), sum.getValues(),
        sum.getBatch(), parts.softmax ? parts.softmax.getSinks() : Value(),
        parts.bias ? parts.bias.getBias() : Value(), parts.mask.getMaskAttr(),
        rewriter.getF64FloatAttr(parts.getScale()), rewriter.getF64FloatAttr(parts.getSoftCap()),
        NormalizerAttr::get(getContext(), normalizer));
    rewriter.replaceOp(sum, attention);
    ++count;
    return success();
  }

private:
  static LogicalResult findParts(WeightedSumOp sum, Parts &parts, PatternRewriter &rewriter) {
    parts.softmax = soleProducer<SoftmaxOp>(sum.getWeights());
    auto sumNormalize = soleProducer<SumNormalizeOp>(sum.getWeights());
    if (!parts.softmax && !sumNormalize)
      return rewriter.notifyMatchFailure(
          sum, "its weights do not come from a softmax or sum that is used here alone");
    parts.mask = soleProducer<MaskOp>(parts.softmax ? parts.softmax.getScores() : sumNormalize.getScores());
    if (!parts.mask)
      return rewriter.notifyMatchFailure(sum, "no mask, or a mask with another use");
    Value scores = parts.mask.getScores();
    if ((parts.bias = soleProducer<RelativeBiasOp>(scores)))
      scores = parts.bias.getScores();
    if ((parts.softCap = soleProducer<SoftCapOp>(scores)))
      scores = parts.softCap.getInput();
    if ((parts.scale = soleProducer<ScaleOp>(scores)))
      scores = parts.scale.getInput();
    parts.scores = soleProducer<ScoresOp>(scores);
    if (!parts.scores)
      return rewriter.notifyMatchFailure(sum, "no scores behind the mask, or scores with another use");
    return success();
  }

  /// What `attention` asks of its operands beyond what its parts do.
  static LogicalResult checkFit(WeightedSumOp sum, Parts &parts, PatternRewriter &rewriter) {
    if (parts.scores.getBatch() != sum.getBatch() || parts.mask.getBatch() != sum.getBatch())
      return rewriter.notifyMatchFailure(sum, "scores, mask and weighted sum have different batches");
    if (parts.bias && parts.bias.getBatch() != sum.getBatch())
      return rewriter.notifyMatchFailure(sum, "the relative bias has another batch");
    auto keys = cast<ShapedType>(parts.scores.getKeys().getType()),
         values = cast<ShapedType>(sum.getValues().getType());
    if (keys.getDimSize(1) != values.getDimSize(1))
      return rewriter.notifyMatchFailure(sum, "keys and values have different heads");
    return success();
  }
};

struct FuseAttention : transformer::impl::FuseAttentionBase<FuseAttention> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<AttentionFromParts>(&getContext(), fused);
    if (failed(applyFusion(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
