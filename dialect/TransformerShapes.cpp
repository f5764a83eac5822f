// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Shapes of results in terms of those of operands (ReifyRankedShapedTypeOpInterface). Two sizes are not: the
// largest key count of a batch and the number of a cache's rows; they are left open.

#include "dialect/Transformer.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

using Shapes = ReifiedRankedShapedTypeDims;

namespace {
/// Where a result's dimension comes from: a dimension of an operand.
struct Source {
  Value operand;
  int64_t dim;
};
} // namespace

/// The shape of one result: static sizes from its type, the others from `sources`, of which one without an
/// operand is open.
static SmallVector<OpFoldResult> reify(OpBuilder &builder, Operation *op, Value result,
                                       ArrayRef<Source> sources) {
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<OpFoldResult> shape;
  for (auto [dim, source] : llvm::enumerate(sources)) {
    if (!type.isDynamicDim(dim))
      shape.push_back(builder.getIndexAttr(type.getDimSize(dim)));
    else
      shape.push_back(source.operand ? tensor::getMixedSize(builder, op->getLoc(), source.operand, source.dim)
                                     : OpFoldResult());
  }
  return shape;
}

/// The shape of each result is that of `like`.
static LogicalResult reifyLike(OpBuilder &builder, Operation *op, Value like, Shapes &shapes) {
  SmallVector<Source> sources;
  for (int64_t dim = 0, rank = cast<RankedTensorType>(like.getType()).getRank(); dim < rank; ++dim)
    sources.push_back({like, dim});
  for (Value result : op->getResults())
    shapes.push_back(reify(builder, op, result, sources));
  return success();
}

/// The shape of the only result.
static LogicalResult reifyOne(OpBuilder &builder, Operation *op, ArrayRef<Source> sources, Shapes &shapes) {
  shapes.push_back(reify(builder, op, op->getResult(0), sources));
  return success();
}

static constexpr Source kOpen{Value(), 0};

LogicalResult EmbedOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getIds(), 0}, {getTable(), 1}}, shapes);
}
LogicalResult PositionsOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getBatch(), 0}}, shapes);
}
LogicalResult PositionOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getBatch(), 0}, kOpen}, shapes);
}
LogicalResult RotaryTableOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  OpFoldResult frequencies = builder.getIndexAttr(getFrequencies().size());
  shapes.push_back(
      {tensor::getMixedSize(builder, getLoc(), getBatch(), 0), builder.getIndexAttr(2), frequencies});
  return success();
}
LogicalResult RotaryOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getInput(), shapes);
}
LogicalResult GatherOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getRows(), 0}, {getInput(), 1}}, shapes);
}

LogicalResult NormOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getInput(), shapes);
}
LogicalResult LinearOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getInput(), 0}, {getWeight(), 0}}, shapes);
}
LogicalResult ActivationOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getInput(), shapes);
}
LogicalResult ScaleOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getInput(), shapes);
}
LogicalResult SoftCapOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getInput(), shapes);
}

/// The tables that a cache gives.
static LogicalResult reifyTables(OpBuilder &builder, CacheType cache, Value keyRows, Value valueRows,
                                 Shapes &shapes) {
  for (auto [rows, size] : {std::pair{keyRows, cache.getKeySize()}, {valueRows, cache.getValueSize()}}) {
    int64_t count = cast<RankedTensorType>(rows.getType()).getDimSize(0);
    OpFoldResult rowCount = ShapedType::isDynamic(count) ? OpFoldResult() : builder.getIndexAttr(count);
    shapes.push_back({rowCount, builder.getIndexAttr(cache.getHeads()), builder.getIndexAttr(size)});
  }
  return success();
}
LogicalResult CacheUpdateOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyTables(builder, getCache().getType(), getKeyRows(), getValueRows(), shapes);
}
LogicalResult CacheReadOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyTables(builder, getCache().getType(), getKeyRows(), getValueRows(), shapes);
}
LogicalResult ScoresOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getQueries(), 0}, {getQueries(), 1}, kOpen}, shapes);
}
/// Only the size that is asked for: building others and failing would make patterns that ask try for ever.
FailureOr<OpFoldResult> ScoresOp::reifyDimOfResult(OpBuilder &builder, int result, int dim) {
  int64_t size = getResult().getType().getDimSize(dim);
  if (!ShapedType::isDynamic(size))
    return OpFoldResult(builder.getIndexAttr(size));
  if (dim == 2)
    return failure();
  return tensor::getMixedSize(builder, getLoc(), getQueries(), dim);
}
LogicalResult MaskOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getScores(), shapes);
}
LogicalResult SoftmaxOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getScores(), shapes);
}
LogicalResult SumNormalizeOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getScores(), shapes);
}
LogicalResult WeightedSumOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getWeights(), 0}, {getWeights(), 1}, {getValues(), 2}}, shapes);
}

LogicalResult AttentionOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getQueries(), 0}, {getQueries(), 1}, {getValues(), 2}}, shapes);
}
LogicalResult TemperatureOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getInput(), shapes);
}
LogicalResult HeadLinearOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getInput(), 0}, {getInput(), 1}, {getWeights(), 1}}, shapes);
}
LogicalResult ScaleRowsOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getInput(), shapes);
}
LogicalResult RouteOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  for (Value result : getResults())
    shapes.push_back(reify(builder, *this, result, {{getLogits(), 0}, kOpen}));
  return success();
}
LogicalResult ExpertsOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getInput(), shapes);
}
LogicalResult DistanceBiasOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {kOpen, kOpen}, shapes);
}
LogicalResult RelativeBiasOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getScores(), shapes);
}
LogicalResult ResidualNormOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyLike(builder, *this, getResidual(), shapes);
}
LogicalResult LinearSplitOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  for (auto [result, weight] : llvm::zip_equal(getResults(), getWeights()))
    shapes.push_back(reify(builder, *this, result, {{getInput(), 0}, {weight, 0}}));
  return success();
}
LogicalResult FfnOp::reifyResultShapes(OpBuilder &builder, Shapes &shapes) {
  return reifyOne(builder, *this, {{getInput(), 0}, {getDown(), 0}}, shapes);
}
