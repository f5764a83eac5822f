// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Operations on each row: norms, activations, scales, gathers. And the pass.

#include "passes/Passes.h"
#include "passes/layout/ToKernel.h"
#include "passes/lower/Kinds.h"
#include "passes/lower/LinalgBuilder.h"
#include "passes/lower/ToLinalg.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TOLINALG
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

RankedTensorType withoutLast(RankedTensorType type) {
  return RankedTensorType::get(type.getShape().drop_back(), type.getElementType());
}

/// The parts of a norm over the last dimension of `x`.
class NormBuilder : public LinalgBuilder {
public:
  NormBuilder(OpBuilder &builder, Location loc, Value x)
      : LinalgBuilder(builder, loc), x(x), type(cast<RankedTensorType>(x.getType())), rank(type.getRank()) {}

  /// Sum over the last dimension of `term(element, statistic of the row)`.
  Value sum(Value statistic, function_ref<Value(Value, Value)> term) {
    Value zero = filled(emptyLike(b, loc, withoutLast(type), x), 0.0);
    SmallVector<Value> inputs{x};
    SmallVector<AffineMap> maps{identity(rank)};
    if (statistic) {
      inputs.push_back(statistic);
      maps.push_back(leading(rank, rank - 1));
    }
    return reduceLast(inputs, maps, zero,
                      [&](ValueRange v) { return add(v.back(), term(v[0], statistic ? v[1] : Value())); });
  }

  /// A function of each row's statistic.
  Value perRow(Value statistic, function_ref<Value(Value)> function) {
    Value output = emptyLike(b, loc, withoutLast(type), x);
    return map(statistic, identity(rank - 1), output, [&](ValueRange v) { return function(v[0]); });
  }

  Value features() { return f32(static_cast<double>(type.getShape().back())); }
  Value inverseDeviation(Value squares, double eps) {
    return perRow(squares, [&](Value v) -> Value {
      return math::RsqrtOp::create(b, loc, add(div(v, features()), f32(eps)));
    });
  }

  /// (x - mean) * inverse * (weight + offset) + bias
  Value apply(Value mean, Value inverse, Value weight, double offset, Value bias) {
    SmallVector<Value> inputs{x, inverse};
    SmallVector<AffineMap> maps{identity(rank), leading(rank, rank - 1)};
    auto input = [&](Value value, AffineMap map) -> int {
      if (!value)
        return -1;
      inputs.push_back(value);
      maps.push_back(map);
      return static_cast<int>(inputs.size()) - 1;
    };
    int meanAt = input(mean, leading(rank, rank - 1)), weightAt = input(weight, dims(rank, {rank - 1})),
        biasAt = input(bias, dims(rank, {rank - 1}));
    return map(inputs, maps, emptyLike(b, loc, type, x), [&](ValueRange v) {
      Value result = mul(meanAt < 0 ? v[0] : sub(v[0], v[meanAt]), v[1]);
      if (weightAt >= 0)
        result = mul(result, offset == 0.0 ? v[weightAt] : add(v[weightAt], f32(offset)));
      return biasAt < 0 ? result : add(result, v[biasAt]);
    });
  }

private:
  Value x;
  RankedTensorType type;
  unsigned rank;
};

struct LowerNorm : OpRewritePattern<NormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NormOp op, PatternRewriter &rewriter) const override {
    NormBuilder n(rewriter, op.getLoc(), op.getInput());
    double eps = op.getEps().convertToDouble(), offset = op.getWeightOffset().convertToDouble();
    Value mean, squares;
    if (op.getKind() == NormKind::layer) {
      mean = n.perRow(n.sum({}, [](Value x, Value) { return x; }),
                      [&](Value sum) { return n.div(sum, n.features()); });
      squares = n.sum(mean, [&](Value x, Value m) { return n.mul(n.sub(x, m), n.sub(x, m)); });
    } else {
      squares = n.sum({}, [&](Value x, Value) { return n.mul(x, x); });
    }
    rewriter.replaceOp(op,
                       n.apply(mean, n.inverseDeviation(squares, eps), op.getWeight(), offset, op.getBias()));
    return success();
  }
};

/// An operation of one input that is a function of each element.
template <typename Op> struct LowerElementwise : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    Value output = emptyLike(rewriter, op.getLoc(), type, op.getInput());
    rewriter.replaceOp(op, l.map(op.getInput(), l.identity(type.getRank()), output,
                                 [&](ValueRange v) { return element(l, op, v[0]); }));
    return success();
  }
  static Value element(LinalgBuilder &l, ActivationOp op, Value x) {
    return emitActivation(l.b, l.loc, op.getKind(), x);
  }
  static Value element(LinalgBuilder &l, ScaleOp op, Value x) {
    return l.mul(x, l.f32(op.getFactor().convertToDouble()));
  }
  static Value element(LinalgBuilder &l, SoftCapOp op, Value x) {
    double cap = op.getCap().convertToDouble();
    return l.mul(l.f32(cap), math::TanhOp::create(l.b, l.loc, l.mul(x, l.f32(1.0 / cap))));
  }
};

struct LowerScaleRows : OpRewritePattern<ScaleRowsOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScaleRowsOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    auto type = cast<RankedTensorType>(op.getType());
    AffineExpr token = rewriter.getAffineDimExpr(0), first = rewriter.getAffineConstantExpr(0);
    AffineMap factorOfRow = AffineMap::get(2, 0, {token, first}, getContext());
    rewriter.replaceOp(op, l.map({op.getInput(), op.getFactors()}, {l.identity(2), factorOfRow},
                                 emptyLike(rewriter, l.loc, type, op.getInput()),
                                 [&](ValueRange v) { return l.mul(v[0], v[1]); }));
    return success();
  }
};

struct LowerGather : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op, PatternRewriter &rewriter) const override {
    LinalgBuilder l(rewriter, op.getLoc());
    Value output = emptyLike(rewriter, op.getLoc(), cast<RankedTensorType>(op.getType()), op.getRows());
    rewriter.replaceOp(op, l.map(op.getRows(), l.dims(2, {0}), output, [&](ValueRange v) -> Value {
      Value row = arith::IndexCastOp::create(rewriter, l.loc, rewriter.getIndexType(), v[0]);
      return tensor::ExtractOp::create(rewriter, l.loc, op.getInput(), ValueRange{row, l.loopIndex(1)});
    }));
    return success();
  }
};

struct ToLinalg : transformer::impl::ToLinalgBase<ToLinalg> {
  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      if (!isa<FunctionOpInterface, ModuleOp>(op))
        op->setLoc(withKind(op));
    });
    RewritePatternSet patterns(&getContext());
    populateRowPatterns(patterns);
    populatePositionPatterns(patterns);
    populatePlainAttentionPatterns(patterns);
    populateRelativeBiasPatterns(patterns);
    linalg::populateElementwiseToLinalgConversionPatterns(patterns);
    tensor::populateDecomposeTensorConcatPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    WalkResult left = getOperation().walk([](Operation *op) {
      if (!isa<TransformerDialect>(op->getDialect()) || isa<ParameterOp>(op))
        return WalkResult::advance();
      op->emitOpError() << "has no lowering in this form";
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace

void transformer::populateRowPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerNorm, LowerElementwise<ActivationOp>, LowerElementwise<ScaleOp>,
               LowerElementwise<SoftCapOp>, LowerScaleRows, LowerGather>(patterns.getContext());
}
