// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/fuse/Fusion.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace mlir::transformer;

LogicalResult transformer::applyFusion(Operation *root, RewritePatternSet patterns) {
  GreedyRewriteConfig config;
  config.setUseTopDownTraversal(); // the first of several candidates in a block fuses
  config.enableFolding(false).enableConstantCSE(false).setRegionSimplificationLevel(
      GreedySimplifyRegionLevel::Disabled);
  return applyPatternsGreedily(root, std::move(patterns), config);
}

/// A value of another block dominates the whole block of `point`, since it has a use there.
static bool isComputedBefore(Value value, Operation *point) {
  Operation *producer = value.getDefiningOp();
  return !producer || producer->getBlock() != point->getBlock() || producer->isBeforeInBlock(point);
}

bool transformer::canBeUsedAt(Value value, Operation *point) {
  if (!value || isComputedBefore(value, point))
    return true;
  auto weight = value.getDefiningOp<WeightOp>();
  return weight && (!weight.getRecord() || isComputedBefore(weight.getRecord(), point));
}

void transformer::hoistWeight(Value value, Operation *point, RewriterBase &rewriter) {
  if (value && !isComputedBefore(value, point))
    rewriter.moveOpBefore(value.getDefiningOp(), point);
}
