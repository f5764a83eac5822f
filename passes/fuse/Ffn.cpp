// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Passes.h"
#include "passes/fuse/Fusion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_FUSEFFN
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// activation(linear(x)), or linear(x) alone with the activation `identity`.
struct Branch {
  LinearOp linear;
  Activation activation = Activation::identity;
};

Branch branchBehind(Value value) {
  auto activation = soleProducer<ActivationOp>(value);
  if (!activation)
    return {soleProducer<LinearOp>(value)};
  return {soleProducer<LinearOp>(activation.getInput()), activation.getKind()};
}

/// linear(activation(linear(x))) = ffn(x)
struct PlainFfn : FusionPattern<LinearOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(LinearOp down, PatternRewriter &rewriter) const override {
    auto [up, activation] = branchBehind(down.getInput());
    if (!up || activation == Activation::identity)
      return rewriter.notifyMatchFailure(down,
                                         "its input is not an activation of a linear map, used here alone");
    Location location = rewriter.getFusedLoc({up.getLoc(), down.getLoc()});
    auto ffn =
        FfnOp::create(rewriter, location, down.getType(), activation, up.getInput(), /*gate=*/Value(),
                      /*gate_bias=*/Value(), up.getWeight(), up.getBias(), down.getWeight(), down.getBias());
    rewriter.replaceOp(down, ffn);
    ++count;
    return success();
  }
};

/// linear(activation(linear(x)) * linear(x)) = gated ffn(x); either operand of the product may be the gate.
struct GatedFfn : FusionPattern<LinearOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(LinearOp down, PatternRewriter &rewriter) const override {
    auto product = soleProducer<arith::MulFOp>(down.getInput());
    if (!product || product.getFastmath() != arith::FastMathFlags::none)
      return rewriter.notifyMatchFailure(down, "its input is not a plain product, used here alone");
    Branch gate = branchBehind(product.getLhs()), up = branchBehind(product.getRhs());
    if (gate.activation == Activation::identity)
      std::swap(gate, up);
    if (!gate.linear || !up.linear || up.activation != Activation::identity)
      return rewriter.notifyMatchFailure(down,
                                         "the product is not of a gate and a linear map, used here alone");
    if (gate.linear.getInput() != up.linear.getInput())
      return rewriter.notifyMatchFailure(down, "gate and up have different inputs");
    Location location = rewriter.getFusedLoc({gate.linear.getLoc(), up.linear.getLoc(), down.getLoc()});
    auto ffn = FfnOp::create(rewriter, location, down.getType(), gate.activation, up.linear.getInput(),
                             gate.linear.getWeight(), gate.linear.getBias(), up.linear.getWeight(),
                             up.linear.getBias(), down.getWeight(), down.getBias());
    rewriter.replaceOp(down, ffn);
    ++count;
    return success();
  }
};

struct FuseFfn : transformer::impl::FuseFfnBase<FuseFfn> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<GatedFfn>(&getContext(), gated);
    patterns.add<PlainFfn>(&getContext(), plain);
    if (failed(applyFusion(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
