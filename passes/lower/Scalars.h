// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A builder for scalar arithmetic in loops.

#ifndef ATTUNE_PASSES_LOWER_SCALARS_H
#define ATTUNE_PASSES_LOWER_SCALARS_H

#include "passes/lower/LoopEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

namespace mlir::transformer {

using arith::CmpFPredicate;
using arith::CmpIPredicate;

/// Emits scalar arithmetic.
struct Scalars {
  LoopEmitter &e;

  Value number(double value) { return arith::ConstantOp::create(e, e.getF32FloatAttr(value)); }
  Value minusInfinity() { return number(-std::numeric_limits<float>::infinity()); }
  Value add(Value a, Value b) { return arith::AddFOp::create(e, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(e, a, b); }
  Value larger(Value a, Value b) { return arith::MaxNumFOp::create(e, a, b); }
  Value smaller(Value a, Value b) { return arith::MinNumFOp::create(e, a, b); }
  Value exp(Value x) { return math::ExpOp::create(e, x); }
  Value compare(CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(e, predicate, a, b);
  }
  Value compare(CmpIPredicate predicate, Value a, Value b) {
    return arith::CmpIOp::create(e, predicate, a, b);
  }
  Value both(Value a, Value b) { return arith::AndIOp::create(e, a, b); }
  Value either(Value a, Value b) { return arith::OrIOp::create(e, a, b); }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(e, condition, a, b); }
  /// What is not a number counts as minus infinity.
  Value orMinusInfinity(Value x) { return select(compare(CmpFPredicate::UNO, x, x), minusInfinity(), x); }
  void store(Value value, Value memref, ValueRange indices) { e.store(value, memref, indices); }

  Value loadIndex(Value memref, ValueRange indices) {
    return arith::IndexCastOp::create(e, e.getIndexType(), e.load(memref, indices));
  }
  void storeIndex(Value index, Value memref, ValueRange indices) {
    store(arith::IndexCastOp::create(e, e.getI32Type(), index), memref, indices);
  }
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LOWER_SCALARS_H
