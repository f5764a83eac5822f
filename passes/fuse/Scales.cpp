// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Passes.h"
#include "passes/fuse/Fusion.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_FOLDSCALES
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// A use that asks only for a size does not see a factor.
bool hasOneUseOfElements(Value value) {
  return llvm::count_if(value.getUsers(), [](Operation *user) { return !isa<tensor::DimOp>(user); }) == 1;
}

/// The scale whose factor is one of all elements of `value` and of nothing else: it is found through
/// operations that are linear and have no other use.
ScaleOp scaleBehind(Value value) {
  while (hasOneUseOfElements(value)) {
    Operation *producer = value.getDefiningOp();
    if (auto scale = dyn_cast_or_null<ScaleOp>(producer))
      return scale;
    if (!isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp, RotaryOp>(producer))
      return {};
    value = producer->getOperand(0);
  }
  return {};
}

/// scores(a q, b K) = a b scores(q, K), and the same for attention.
template <typename Op> struct ScaleOfQueriesOrKeys : FusionPattern<Op> {
  using FusionPattern<Op>::FusionPattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    ScaleOp scale = scaleBehind(op.getQueries());
    if (!scale)
      scale = scaleBehind(op.getKeys());
    if (!scale)
      return rewriter.notifyMatchFailure(op, "no factor of all queries or keys");
    double product = op.getScale().convertToDouble() * scale.getFactor().convertToDouble();
    rewriter.modifyOpInPlace(op, [&] { op.setScaleAttr(rewriter.getF64FloatAttr(product)); });
    rewriter.replaceOp(scale, scale.getInput());
    ++this->count;
    return success();
  }
};

struct FoldScales : transformer::impl::FoldScalesBase<FoldScales> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ScaleOfQueriesOrKeys<ScoresOp>, ScaleOfQueriesOrKeys<AttentionOp>>(&getContext(), folded);
    if (failed(applyFusion(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
