// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What the fusion patterns share.

#ifndef ATTUNE_PASSES_FUSE_FUSION_H
#define ATTUNE_PASSES_FUSE_FUSION_H

#include "dialect/Transformer.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace mlir::transformer {

/// A pattern that counts its rewrites.
template <typename Op> struct FusionPattern : OpRewritePattern<Op> {
  FusionPattern(MLIRContext *context, Pass::Statistic &count) : OpRewritePattern<Op>(context), count(count) {}

protected:
  Pass::Statistic &count;
};

/// The `Op` that gives `value` to its only user, in the user's block; null if there is none such.
template <typename Op> Op soleProducer(Value value) {
  auto op = value.getDefiningOp<Op>();
  if (!op || !value.hasOneUse() || op->getBlock() != (*value.user_begin())->getBlock())
    return {};
  return op;
}

/// Applies `patterns` below `root`, from the top down, until none matches. Erases operations that have
/// become dead; folds nothing.
LogicalResult applyFusion(Operation *root, RewritePatternSet patterns);

/// Whether `value`, used in the block of `point`, can be used at `point`: it is computed before, or it is a
/// weight that can move there. Null values (absent optional operands) can.
bool canBeUsedAt(Value value, Operation *point);

/// Moves the weight that gives `value` before `point` if it stands after it. Requires `canBeUsedAt`.
void hoistWeight(Value value, Operation *point, RewriterBase &rewriter);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_FUSE_FUSION_H
