// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Mathematical functions become polynomials: a call of the mathematical library for each lane would cost ten
// times as much. Coefficients are least-maximum fits; test/unit/kernels/PolynomialTest.cpp holds the errors
// that are stated here.

#include "passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_MATHTOPOLYNOMIALS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Builds f32 arithmetic of a scalar or of the lanes of a vector.
struct Lanes {
  OpBuilder &builder;
  Location loc;
  Type floats;

  Type ints() const {
    Type i32 = builder.getI32Type();
    auto vector = dyn_cast<VectorType>(floats);
    return vector ? Type(vector.clone(i32)) : i32;
  }
  Value constant(Type type, Attribute value) const {
    if (auto vector = dyn_cast<VectorType>(type))
      value = DenseElementsAttr::get(vector, value);
    return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(value));
  }
  Value number(float value) const { return constant(floats, builder.getF32FloatAttr(value)); }
  Value integer(int32_t value) const { return constant(ints(), builder.getI32IntegerAttr(value)); }
  Value fma(Value a, Value b, Value c) const { return math::FmaOp::create(builder, loc, a, b, c); }
  Value mul(Value a, Value b) const { return arith::MulFOp::create(builder, loc, a, b); }
  Value compare(arith::CmpFPredicate predicate, Value a, float b) const {
    return arith::CmpFOp::create(builder, loc, predicate, a, number(b));
  }
  Value select(Value condition, Value a, float b) const {
    return arith::SelectOp::create(builder, loc, condition, a, number(b));
  }
  /// Clamps; what is no number stays none.
  Value atMost(Value x, float most) const {
    return select(compare(arith::CmpFPredicate::ULE, x, most), x, most);
  }
  Value atLeast(Value x, float least) const {
    return select(compare(arith::CmpFPredicate::UGE, x, least), x, least);
  }
  Value bitcast(Value value, Type type) const { return arith::BitcastOp::create(builder, loc, type, value); }

  /// c[0] + c[1] x + c[2] x^2 + ...
  Value polynomial(Value x, ArrayRef<float> c) const {
    Value sum = number(c.back());
    for (float coefficient : llvm::reverse(c.drop_back()))
      sum = fma(sum, x, number(coefficient));
    return sum;
  }
};

template <typename Op> struct OnF32 : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not of f32");
    rewriter.replaceOp(op, evaluate({rewriter, op.getLoc(), op.getType()}, op.getOperand()));
    return success();
  }
  virtual Value evaluate(Lanes lanes, Value x) const = 0;
};

/// e^x = 2^n e^r, n the integer nearest to x / ln 2. Relative error below 8e-8; 0 below the smallest normal
/// number, 2.4e38 above that.
struct ExpToPolynomial : OnF32<math::ExpOp> {
  using OnF32::OnF32;
  Value evaluate(Lanes e, Value x) const override {
    constexpr float smallest = -87.33654f, largest = 88.37f;
    constexpr float shift = 12582912.0f; // 1.5 * 2^23: what is added to it is rounded to an integer
    Value bounded = e.atMost(x, largest);
    Value shifted = e.fma(bounded, e.number(1.44269504f), e.number(shift));
    Value n = arith::SubFOp::create(e.builder, e.loc, shifted, e.number(shift));
    // ln 2 in two parts, of which the first has few enough digits for an exact product.
    Value r = e.fma(n, e.number(-0.693359375f), bounded);
    r = e.fma(n, e.number(2.12194440e-4f), r);
    Value p = e.polynomial(
        r, {1.0f, 1.0f, 4.999999343e-1f, 1.666652040e-1f, 4.166839079e-2f, 8.368745151e-3f, 1.381454014e-3f});
    // n stands in the low bits of `shifted`, and goes to the exponent.
    Value bits = e.bitcast(shifted, e.ints());
    Value exponent = arith::ShLIOp::create(e.builder, e.loc, bits, e.integer(23));
    Value scaled = arith::AddIOp::create(e.builder, e.loc, e.bitcast(p, e.ints()), exponent);
    return e.select(e.compare(arith::CmpFPredicate::UGE, x, smallest), e.bitcast(scaled, e.floats), 0.0f);
  }
};

/// erf x = x P(x^2) / Q(x^2). Absolute and relative error below 3.3e-7; 1 and -1 from 3.86 on.
struct ErfToRational : OnF32<math::ErfOp> {
  using OnF32::OnF32;
  Value evaluate(Lanes e, Value x) const override {
    constexpr float end = 3.86f;
    Value bounded = e.atLeast(e.atMost(x, end), -end), square = e.mul(bounded, bounded);
    Value p = e.polynomial(square, {1.128379107f, 1.904074401e-1f, 5.274885520e-2f, 3.765660105e-3f,
                                    2.848839504e-4f, 2.050083140e-6f});
    Value q = e.polynomial(
        square, {1.0f, 5.020769238e-1f, 1.141095161e-1f, 1.496930234e-2f, 1.162546454e-3f, 3.809173722e-5f});
    return arith::DivFOp::create(e.builder, e.loc, e.mul(bounded, p), q);
  }
};

struct MathToPolynomials : transformer::impl::MathToPolynomialsBase<MathToPolynomials> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpToPolynomial, ErfToRational>(&getContext());
    // Upstream's exp clamps twice, its erf chooses among four sets of coefficients. Not sin and cos: their
    // upstream forms lose accuracy at the angles of late positions.
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
      return name == math::TanhOp::getOperationName() || name == math::LogOp::getOperationName();
    });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
