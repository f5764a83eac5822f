// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Passes.h"
#include "passes/fuse/Fusion.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_FUSELINEARSPLIT
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// linear(x, a), linear(x, b), ... = linear_split(x, a, b, ...)
struct LinearsOfOneInput : FusionPattern<LinearOp> {
  using FusionPattern::FusionPattern;

  LogicalResult matchAndRewrite(LinearOp first, PatternRewriter &rewriter) const override {
    SmallVector<LinearOp> group = groupOf(first);
    if (group.size() < 2)
      return rewriter.notifyMatchFailure(
          first, "no later linear map of the same input, stored alike, whose weight can move here");
    SmallVector<Value> weights, biases;
    SmallVector<Type> types;
    SmallVector<Location> locations;
    for (LinearOp linear : group) {
      weights.push_back(linear.getWeight());
      if (linear.getBias())
        biases.push_back(linear.getBias());
      types.push_back(linear.getType());
      locations.push_back(linear.getLoc());
    }
    for (Value parameter : llvm::concat<Value>(weights, biases))
      hoistWeight(parameter, first, rewriter);
    rewriter.setInsertionPoint(first);
    auto split = LinearSplitOp::create(rewriter, rewriter.getFusedLoc(locations), types, first.getInput(),
                                       weights, biases);
    for (auto [linear, result] : llvm::zip_equal(group, split.getResults()))
      rewriter.replaceOp(linear, result);
    count += group.size();
    return success();
  }

private:
  /// `first` and the maps behind it in its block that can join it, in the order of the block.
  static SmallVector<LinearOp> groupOf(LinearOp first) {
    SmallVector<LinearOp> group;
    for (OpOperand &use : first.getInput().getUses()) {
      auto linear = dyn_cast<LinearOp>(use.getOwner());
      if (linear && &use == &linear.getInputMutable() && (linear == first || canJoin(linear, first)))
        group.push_back(linear);
    }
    llvm::sort(group, [](LinearOp a, LinearOp b) { return a->isBeforeInBlock(b); });
    return group;
  }

  static bool canJoin(LinearOp linear, LinearOp first) {
    return linear->getBlock() == first->getBlock() && first->isBeforeInBlock(linear) &&
           storedAs(linear) == storedAs(first) &&
           static_cast<bool>(linear.getBias()) == static_cast<bool>(first.getBias()) &&
           canBeUsedAt(linear.getWeight(), first) && canBeUsedAt(linear.getBias(), first);
  }

  static Attribute storedAs(LinearOp linear) {
    return cast<RankedTensorType>(linear.getWeight().getType()).getEncoding();
  }
};

struct FuseLinearSplit : transformer::impl::FuseLinearSplitBase<FuseLinearSplit> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LinearsOfOneInput>(&getContext(), fused);
    if (failed(applyFusion(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
