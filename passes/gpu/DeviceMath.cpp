// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Mathematical functions for devices, which have no library: what `kernel-math-to-polynomials` leaves.

#include "passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_DEVICEMATH
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Arithmetic in f64.
struct Doubles {
  ImplicitLocOpBuilder &b;

  Value number(double value) { return arith::ConstantOp::create(b, b.getF64FloatAttr(value)); }
  Value multiply(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }

  /// c[0] + c[1] x + c[2] x^2 + ...
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = number(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, number(coefficient));
    return sum;
  }
};

/// sin(x + quarter * pi / 2): with n the multiple of pi/2 next to x, the rest goes into the Taylor series of
/// sine or cosine, as n says.
template <typename Op, int quarter> struct ExpandTrigonometry : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    bool isNarrow = op.getType().isF32();
    if (!isNarrow && !op.getType().isF64())
      return rewriter.notifyMatchFailure(op, "neither f32 nor f64");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Doubles d{b};
    Value x =
        isNarrow ? arith::ExtFOp::create(b, b.getF64Type(), op.getOperand()).getResult() : op.getOperand();
    Value turns = math::FloorOp::create(b, d.fma(x, d.number(0.63661977236758134308), d.number(0.5)));
    // pi/2 in two parts: the first has few bits, so that its product with any count below 2^24 is exact.
    Value rest = d.fma(turns, d.number(-1.57079632673412561417), x);
    rest = d.fma(turns, d.number(-6.07710050650619224932e-11), rest);
    Value square = d.multiply(rest, rest);
    Value sine = d.multiply(rest, d.polynomial(square, {1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880,
                                                        -1.0 / 39916800, 1.0 / 6227020800.0}));
    Value cosine = d.polynomial(square, {1.0, -0.5, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800,
                                         1.0 / 479001600, -1.0 / 87178291200.0});
    auto constant = [&](int64_t value) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); };
    auto isSet = [&](Value bits, int64_t bit) {
      Value masked = arith::AndIOp::create(b, bits, constant(bit));
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, masked, constant(0));
    };
    Value count =
        arith::AddIOp::create(b, arith::FPToSIOp::create(b, b.getI64Type(), turns), constant(quarter));
    Value value = arith::SelectOp::create(b, isSet(count, 1), cosine, sine);
    value = arith::SelectOp::create(b, isSet(count, 2), arith::NegFOp::create(b, value), value);
    rewriter.replaceOp(op, isNarrow ? arith::TruncFOp::create(b, b.getF32Type(), value).getResult() : value);
    return success();
  }
};

struct RsqrtToDivision : OpRewritePattern<math::RsqrtOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::RsqrtOp op, PatternRewriter &rewriter) const override {
    Value one = arith::ConstantOp::create(rewriter, op.getLoc(), rewriter.getFloatAttr(op.getType(), 1.0));
    Value root = math::SqrtOp::create(rewriter, op.getLoc(), op.getOperand());
    rewriter.replaceOpWithNewOp<arith::DivFOp>(op, one, root);
    return success();
  }
};

/// What devices have an instruction for. (Upstream's conversion would call a vendor's library.)
template <typename Op> struct CallIntrinsic : OpRewritePattern<Op> {
  CallIntrinsic(MLIRContext *context, StringRef name) : OpRewritePattern<Op>(context), name(name) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!isa<FloatType>(op.getType()))
      return rewriter.notifyMatchFailure(op, "not a scalar");
    std::string full = name + ".f" + std::to_string(op.getType().getIntOrFloatBitWidth());
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(op, op.getType(), rewriter.getStringAttr(full),
                                                       op->getOperands());
    return success();
  }

  std::string name;
};

struct DeviceMath : transformer::impl::DeviceMathBase<DeviceMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandTrigonometry<math::SinOp, 0>, ExpandTrigonometry<math::CosOp, 1>>(&getContext());
    patterns.add<RsqrtToDivision>(&getContext());
    patterns.add<CallIntrinsic<math::SqrtOp>>(&getContext(), "llvm.sqrt");
    patterns.add<CallIntrinsic<math::FloorOp>>(&getContext(), "llvm.floor");
    patterns.add<CallIntrinsic<math::FmaOp>>(&getContext(), "llvm.fma");
    patterns.add<CallIntrinsic<math::AbsFOp>>(&getContext(), "llvm.fabs");
    patterns.add<CallIntrinsic<math::CopySignOp>>(&getContext(), "llvm.copysign");
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
