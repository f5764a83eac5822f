// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Activation functions as elementwise operations, for epilogues and for linalg bodies.

#include "passes/layout/ToKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Short names for building f32 arithmetic.
struct Arithmetic {
  OpBuilder &builder;
  Location loc;

  Value constant(double value) const {
    return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(static_cast<float>(value)));
  }
  Value add(Value a, Value b) const { return arith::AddFOp::create(builder, loc, a, b); }
  Value mul(Value a, Value b) const { return arith::MulFOp::create(builder, loc, a, b); }
  /// 1 / (1 + exp(-x))
  Value sigmoid(Value x) const {
    Value e = math::ExpOp::create(builder, loc, arith::NegFOp::create(builder, loc, x));
    return arith::DivFOp::create(builder, loc, constant(1.0), add(constant(1.0), e));
  }
  Value relu(Value x) const { return arith::MaximumFOp::create(builder, loc, x, constant(0.0)); }
  Value tanh(Value x) const { return math::TanhOp::create(builder, loc, x); }
};

} // namespace

Value transformer::emitActivation(OpBuilder &builder, Location loc, Activation kind, Value x) {
  Arithmetic a{builder, loc};
  switch (kind) {
  case Activation::identity:
    return x;
  case Activation::relu:
    return a.relu(x);
  case Activation::relu_squared:
    return a.mul(a.relu(x), a.relu(x));
  case Activation::silu:
    return a.mul(x, a.sigmoid(x));
  case Activation::sigmoid:
    return a.sigmoid(x);
  case Activation::tanh:
    return a.tanh(x);
  case Activation::quick_gelu:
    return a.mul(x, a.sigmoid(a.mul(a.constant(1.702), x)));
  case Activation::gelu: {
    Value erf = math::ErfOp::create(builder, loc, a.mul(x, a.constant(M_SQRT1_2)));
    return a.mul(a.mul(a.constant(0.5), x), a.add(a.constant(1.0), erf));
  }
  case Activation::gelu_tanh: {
    Value cube = a.mul(a.mul(x, x), x);
    Value inner = a.mul(a.constant(std::sqrt(2.0 / M_PI)), a.add(x, a.mul(a.constant(0.044715), cube)));
    return a.mul(a.mul(a.constant(0.5), x), a.add(a.constant(1.0), a.tanh(inner)));
  }
  }
  llvm_unreachable("every activation has a formula");
}
