// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Passes.h"
#include "passes/fuse/Fusion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_FUSERESIDUALNORM
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// norm(x + y) = residual_norm(x, y); the sum is a result too, so that its other uses go on.
struct NormOfSum : FusionPattern<NormOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(NormOp norm, PatternRewriter &rewriter) const override {
    auto add = norm.getInput().getDefiningOp<arith::AddFOp>();
    if (!add || add->getBlock() != norm->getBlock())
      return rewriter.notifyMatchFailure(norm, "its input is not a sum of the same block");
    if (!isPlain(add))
      return rewriter.notifyMatchFailure(norm, "the sum is not a plain one of rows");
    if (!canBeUsedAt(norm.getWeight(), add) || !canBeUsedAt(norm.getBias(), add))
      return rewriter.notifyMatchFailure(norm, "its weight or bias is computed after the sum");
    hoistWeight(norm.getWeight(), add, rewriter);
    hoistWeight(norm.getBias(), add, rewriter);
    rewriter.setInsertionPoint(add);
    Location location = rewriter.getFusedLoc({add.getLoc(), norm.getLoc()});
    auto fused = ResidualNormOp::create(rewriter, location, norm.getKindAttr(), add.getLhs(), add.getRhs(),
                                        norm.getWeight(), norm.getBias(), norm.getEpsAttr(),
                                        norm.getWeightOffsetAttr());
    rewriter.replaceOp(norm, fused.getResult());
    rewriter.replaceOp(add, fused.getSum());
    ++count;
    return success();
  }

private:
  static bool isPlain(arith::AddFOp add) {
    auto type = dyn_cast<RankedTensorType>(add.getType());
    return type && type.getRank() == 2 && !type.getEncoding() &&
           add.getFastmath() == arith::FastMathFlags::none;
  }
};

struct FuseResidualNorm : transformer::impl::FuseResidualNormBase<FuseResidualNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<NormOfSum>(&getContext(), fused);
    if (failed(applyFusion(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
