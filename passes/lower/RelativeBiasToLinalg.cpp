// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Learned biases of distances: the table of all distances, and, for attention in its parts, its addition to
// scores.

#include "dialect/Transformer.h"
#include "passes/layout/ToKernel.h"
#include "passes/lower/LinalgBuilder.h"
#include "passes/lower/ToLinalg.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Which bucket serves a distance is known here: elements of the table, by a constant list of places.
struct LowerDistanceBias : OpRewritePattern<DistanceBiasOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DistanceBiasOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    int64_t heads = type.getDimSize(0), most = op.getMaxDistance();
    SmallVector<int32_t> places;
    for (int64_t distance = -most; distance <= most; ++distance)
      places.push_back(static_cast<int32_t>(op.bucketOf(distance) * heads));
    auto placesType = RankedTensorType::get({type.getDimSize(1)}, rewriter.getI32Type());
    Value firsts = arith::ConstantOp::create(rewriter, l.loc,
                                             DenseElementsAttr::get(placesType, ArrayRef<int32_t>(places)));
    rewriter.replaceOp(op, l.map(firsts, l.dims(2, {1}), l.empty(type, {}), [&](ValueRange v) -> Value {
      Value first = arith::IndexCastOp::create(rewriter, l.loc, rewriter.getIndexType(), v[0]);
      Value place = arith::AddIOp::create(rewriter, l.loc, first, l.loopIndex(0));
      return tensor::ExtractOp::create(rewriter, l.loc, op.getTable(), ValueRange{place});
    }));
    return success();
  }
};

struct LowerRelativeBias : OpRewritePattern<RelativeBiasOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RelativeBiasOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    int64_t most = cast<RankedTensorType>(op.getBias().getType()).getDimSize(1) / 2;
    Value output = emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(op.getType()), op.getScores());
    rewriter.replaceOp(op, l.map(op.getScores(), l.identity(3), output, [&](ValueRange v) -> Value {
      Value position = tensor::ExtractOp::create(rewriter, l.loc, op.getBatch(),
                                                 ValueRange{l.loopIndex(0), l.index(kPosition)});
      position = arith::IndexCastOp::create(rewriter, l.loc, rewriter.getIndexType(), position);
      Value distance = arith::SubIOp::create(rewriter, l.loc, l.loopIndex(2), position);
      distance = arith::MaxSIOp::create(rewriter, l.loc, distance, l.index(-most));
      distance = arith::MinSIOp::create(rewriter, l.loc, distance, l.index(most));
      Value column = arith::AddIOp::create(rewriter, l.loc, distance, l.index(most));
      return l.add(
          v[0], tensor::ExtractOp::create(rewriter, l.loc, op.getBias(), ValueRange{l.loopIndex(1), column}));
    }));
    return success();
  }
};

} // namespace

void transformer::populateRelativeBiasPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerDistanceBias, LowerRelativeBias>(patterns.getContext());
}
