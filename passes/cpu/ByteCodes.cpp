// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/ByteCodes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::transformer;

/// A number, or a vector of it, of the type of `like`.
static Value number(Emitter &e, Value like, double value) {
  if (auto type = dyn_cast<VectorType>(like.getType()))
    return e.splat(type, value);
  return arith::ConstantOp::create(e, e.getF32FloatAttr(static_cast<float>(value)));
}

Value transformer::larger(Emitter &e, Value a, Value b) {
  auto op = arith::MaxNumFOp::create(e, a, b);
  op.setFastmath(arith::FastMathFlags::nnan);
  return op;
}

Value transformer::largestMagnitude(Emitter &e, ArrayRef<Value> vectors) {
  Value largest = math::AbsFOp::create(e, vectors.front());
  for (Value vector : vectors.drop_front())
    largest = larger(e, largest, math::AbsFOp::create(e, vector));
  return vector::ReductionOp::create(e, vector::CombiningKind::MAXNUMF, largest, arith::FastMathFlags::nnan);
}

CodeScale transformer::scaleFor(Emitter &e, Value largest) {
  Value scale = arith::DivFOp::create(e, largest, number(e, largest, 127)), zero = number(e, largest, 0);
  Value inverse = arith::DivFOp::create(e, number(e, largest, 1), scale);
  Value isNormal = arith::CmpFOp::create(e, arith::CmpFPredicate::OGE, scale,
                                         number(e, largest, std::numeric_limits<float>::min()));
  return {arith::SelectOp::create(e, isNormal, scale, zero),
          arith::SelectOp::create(e, isNormal, inverse, zero)};
}

Value transformer::roundToInts(Emitter &e, Value x) { // 1.5 * 2^23 leaves it in the low bits of the sum
  auto floats = cast<VectorType>(x.getType());
  auto ints = floats.clone(e.getI32Type());
  Value sum = arith::AddFOp::create(e, x, e.splat(floats, 12582912.0));
  return arith::SubIOp::create(e, e.bitcast(sum, ints), e.splat(ints, int64_t(0x4B400000)));
}

Value transformer::codesOf(Emitter &e, Value x, Value inverse) {
  return roundToInts(e, arith::MulFOp::create(e, x, e.broadcast(inverse, cast<VectorType>(x.getType()))));
}

Value transformer::toBytes(Emitter &e, Value codes) {
  return arith::TruncIOp::create(e, cast<VectorType>(codes.getType()).clone(e.getI8Type()), codes);
}
