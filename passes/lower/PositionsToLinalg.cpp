// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Positions: learned ids, sinusoids, rotary tables and rotations.

#include "dialect/Transformer.h"
#include "passes/layout/ToKernel.h"
#include "passes/lower/LinalgBuilder.h"
#include "passes/lower/ToLinalg.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// A column of the batch, as i32 of the current token (loop 0).
Value batchEntry(LinalgBuilder &l, Value batch, BatchColumn column) {
  return tensor::ExtractOp::create(l.b, l.loc, batch, ValueRange{l.loopIndex(0), l.index(column)});
}

Value positionOfToken(LinalgBuilder &l, Value batch) { return batchEntry(l, batch, kPosition); }

Value positionAsFloat(LinalgBuilder &l, Value batch) {
  return arith::SIToFPOp::create(l.b, l.loc, l.b.getF32Type(), positionOfToken(l, batch));
}

template <typename T> Value constantVector(LinalgBuilder &l, ArrayRef<T> values) {
  Type element = std::is_same_v<T, double> ? l.b.getF64Type() : Type(l.b.getF32Type());
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
  return arith::ConstantOp::create(l.b, l.loc, DenseElementsAttr::get(type, values));
}

struct LowerPositions : OpRewritePattern<PositionsOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PositionsOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    Value output = emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(op.getType()), op.getBatch());
    rewriter.replaceOp(op, l.map({}, {}, output, [&](ValueRange) -> Value {
      Value offset = arith::ConstantIntOp::create(rewriter, l.loc, static_cast<int64_t>(op.getOffset()), 32);
      return arith::AddIOp::create(rewriter, l.loc, positionOfToken(l, op.getBatch()), offset);
    }));
    return success();
  }
};

struct LowerPosition : OpRewritePattern<PositionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PositionOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    int64_t features = type.getDimSize(1), half = features / 2;
    bool interleaved = op.getPairing() == Pairing::interleaved;
    SmallVector<double> frequencies(features), phases(features);
    for (int64_t i = 0; i < features; ++i) {
      int64_t pair = interleaved ? i / 2 : i % half;
      frequencies[i] = std::pow(op.getBase().convertToDouble(), -static_cast<double>(pair) / half);
      phases[i] = (interleaved ? i % 2 : i / half) ? 1.0 : 0.0;
    }
    Value output = emptyLike(rewriter, op.getLoc(), type, op.getBatch());
    SmallVector<Value> inputs{constantVector<double>(l, frequencies), constantVector<double>(l, phases)};
    rewriter.replaceOp(
        op, l.map(inputs, {l.dims(2, {1}), l.dims(2, {1})}, output, [&](ValueRange v) -> Value {
          // In f64 and rounded, as the tables of published models are: in f32 late positions lose digits.
          Type f64 = rewriter.getF64Type();
          Value position = arith::SIToFPOp::create(rewriter, l.loc, f64, positionOfToken(l, op.getBatch()));
          Value angle = l.mul(position, v[0]);
          Value half = arith::ConstantOp::create(rewriter, l.loc, rewriter.getF64FloatAttr(0.5));
          Value isCosine = arith::CmpFOp::create(rewriter, l.loc, arith::CmpFPredicate::OGT, v[1], half);
          Value value = arith::SelectOp::create(rewriter, l.loc, isCosine,
                                                math::CosOp::create(rewriter, l.loc, angle).getResult(),
                                                math::SinOp::create(rewriter, l.loc, angle).getResult());
          return arith::TruncFOp::create(rewriter, l.loc, rewriter.getF32Type(), value);
        }));
    return success();
  }
};

struct LowerRotaryTable : OpRewritePattern<RotaryTableOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RotaryTableOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    Value output = emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(op.getType()), op.getBatch());
    SmallVector<Value> frequencies{constantVector<float>(l, op.getFrequencies())};
    if (auto ofLong = op.getLongFrequencies())
      frequencies.push_back(constantVector<float>(l, *ofLong));
    SmallVector<AffineMap> maps(frequencies.size(), l.dims(3, {2}));
    rewriter.replaceOp(op, l.map(frequencies, maps, output, [&](ValueRange v) -> Value {
      Value frequency = v[0];
      if (op.getLongFrequencies()) {
        Value limit =
            arith::ConstantIntOp::create(rewriter, l.loc, static_cast<int64_t>(op.getSwitchLength()), 32);
        Value isLong = arith::CmpIOp::create(rewriter, l.loc, arith::CmpIPredicate::sgt,
                                             batchEntry(l, op.getBatch(), kKeyCount), limit);
        frequency = arith::SelectOp::create(rewriter, l.loc, isLong, v[1], v[0]);
      }
      Value angle = l.mul(positionAsFloat(l, op.getBatch()), frequency);
      Value isSine =
          arith::CmpIOp::create(rewriter, l.loc, arith::CmpIPredicate::eq, l.loopIndex(1), l.index(1));
      Value value = arith::SelectOp::create(rewriter, l.loc, isSine,
                                            math::SinOp::create(rewriter, l.loc, angle).getResult(),
                                            math::CosOp::create(rewriter, l.loc, angle).getResult());
      return l.mul(value, l.f32(op.getMagnitude().convertToDouble()));
    }));
    return success();
  }
};

struct LowerTemperature : OpRewritePattern<TemperatureOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TemperatureOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    auto perToken = RankedTensorType::get(type.getShape().front(), type.getElementType());
    Value factors = l.map({}, {}, emptyLike(rewriter, l.loc, perToken, op.getInput()), [&](ValueRange) {
      Value steps = l.div(l.add(positionAsFloat(l, op.getBatch()), l.f32(1)),
                          l.f32(op.getFloorScale().convertToDouble()));
      steps = math::FloorOp::create(rewriter, l.loc, steps);
      Value growth = math::LogOp::create(rewriter, l.loc, l.add(steps, l.f32(1)));
      return l.add(l.f32(1), l.mul(l.f32(op.getScale().convertToDouble()), growth));
    });
    rewriter.replaceOp(op, l.map({op.getInput(), factors}, {l.identity(3), l.leading(3, 1)},
                                 emptyLike(rewriter, l.loc, type, op.getInput()),
                                 [&](ValueRange v) { return l.mul(v[0], v[1]); }));
    return success();
  }
};

/// Rotates the first and second elements of all pairs, taken as slices, and puts them back.
struct LowerRotary : OpRewritePattern<RotaryOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RotaryOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    bool interleaved = op.getPairing() == Pairing::interleaved;
    int64_t pairs = cast<RankedTensorType>(op.getTable().getType()).getDimSize(2);
    Value input = op.getInput();
    auto part = [&](Value from, int64_t which) { return pairPart(l, from, pairs, which, interleaved); };
    Value first = part(input, 0), second = part(input, 1), cosines = tablePart(l, op.getTable(), 0),
          sines = tablePart(l, op.getTable(), 1);
    auto rotate = [&](Value a, Value b, bool plus) {
      AffineMap perToken = l.dims(3, {0, 2});
      Value output = emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(a.getType()), a);
      return l.map({a, b, cosines, sines}, {l.identity(3), l.identity(3), perToken, perToken}, output,
                   [&](ValueRange v) {
                     Value x = l.mul(v[0], v[2]), y = l.mul(v[1], v[3]);
                     return plus ? l.add(x, y) : l.sub(x, y);
                   });
    };
    Value rotatedFirst = rotate(first, second, false), rotatedSecond = rotate(second, first, true);
    Value result = insertPart(l, rotatedFirst, input, pairs, 0, interleaved);
    result = insertPart(l, rotatedSecond, result, pairs, 1, interleaved);
    rewriter.replaceOp(op, result);
    return success();
  }

  struct Slice {
    SmallVector<OpFoldResult> offsets, sizes, strides;
  };

  static Slice slice(LinalgBuilder &l, Value heads, int64_t pairs, int64_t which, bool interleaved) {
    auto attr = [&](int64_t value) { return l.b.getIndexAttr(value); };
    return {
        {attr(0), attr(0), attr(interleaved ? which : which * pairs)},
        {tensor::getMixedSize(l.b, l.loc, heads, 0), tensor::getMixedSize(l.b, l.loc, heads, 1), attr(pairs)},
        {attr(1), attr(1), attr(interleaved ? 2 : 1)}};
  }

  static Value pairPart(LinalgBuilder &l, Value heads, int64_t pairs, int64_t which, bool interleaved) {
    Slice s = slice(l, heads, pairs, which, interleaved);
    return tensor::ExtractSliceOp::create(l.b, l.loc, heads, s.offsets, s.sizes, s.strides);
  }

  static Value insertPart(LinalgBuilder &l, Value part, Value heads, int64_t pairs, int64_t which,
                          bool interleaved) {
    Slice s = slice(l, heads, pairs, which, interleaved);
    return tensor::InsertSliceOp::create(l.b, l.loc, part, heads, s.offsets, s.sizes, s.strides);
  }

  /// Cosines (0) or sines (1): tokens x pairs.
  static Value tablePart(LinalgBuilder &l, Value table, int64_t which) {
    auto type = cast<RankedTensorType>(table.getType());
    auto attr = [&](int64_t value) -> OpFoldResult { return l.b.getIndexAttr(value); };
    auto result = RankedTensorType::get({type.getDimSize(0), type.getDimSize(2)}, type.getElementType());
    return tensor::ExtractSliceOp::create(
        l.b, l.loc, result, table, SmallVector<OpFoldResult>{attr(0), attr(which), attr(0)},
        SmallVector<OpFoldResult>{tensor::getMixedSize(l.b, l.loc, table, 0), attr(1),
                                  attr(type.getDimSize(2))},
        SmallVector<OpFoldResult>{attr(1), attr(1), attr(1)});
  }
};

} // namespace

void transformer::populatePositionPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerPositions, LowerPosition, LowerRotaryTable, LowerRotary, LowerTemperature>(
      patterns.getContext());
}
