// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A builder for the inner loops: index arithmetic that folds, vectors of the target's width, loops with
/// carried values.

#ifndef ATTUNE_PASSES_CPU_EMITTER_H
#define ATTUNE_PASSES_CPU_EMITTER_H

#include "passes/cpu/Target.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer {

using Values = SmallVector<Value>;

class Emitter : public ImplicitLocOpBuilder {
public:
  /// Inserts before `op`.
  Emitter(Operation *op, const CpuTarget &target);

  const CpuTarget &target;

  /// f32 and i32 lanes of a vector.
  int lanes() const { return target.lanes(); }
  VectorType vectorOf(Type element, int64_t size) const { return VectorType::get(size, element); }
  VectorType floats() { return vectorOf(getF32Type(), lanes()); }
  VectorType ints() { return vectorOf(getI32Type(), lanes()); }
  VectorType bytes() { return vectorOf(getI8Type(), 4 * lanes()); }
  VectorType shorts() { return vectorOf(getI16Type(), 2 * lanes()); }

  // Index arithmetic; constants fold.
  Value index(int64_t value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, int64_t b);
  Value div(Value a, int64_t b);
  Value rem(Value a, int64_t b);
  Value min(Value a, Value b);
  /// `a` rounded down to a multiple of `b`.
  Value roundDown(Value a, int64_t b);
  /// Dimension `dim` of a memref: a constant where the type tells it.
  Value dimension(Value memref, int64_t dim);

  // Values in vectors.
  Value splat(VectorType type, double value);
  Value splat(VectorType type, int64_t value);
  Value zeros(VectorType type);
  Value broadcast(Value scalar, VectorType type);
  /// a * b + c, fused where the target can.
  Value fma(Value a, Value b, Value c);
  Value bitcast(Value vector, VectorType type);
  Value toFloats(Value ints);
  /// f16 or bf16 lanes as f32, exactly.
  Value extend(Value halves);
  /// Sums of neighbours in a balanced tree.
  Value sumInts(ArrayRef<Value> values);
  Value sumFloats(ArrayRef<Value> values);
  Value intrinsic(StringRef name, Type result, ValueRange arguments);

  // Memory.
  Value load(Value memref, ValueRange indices);
  Value loadVector(VectorType type, Value memref, ValueRange indices);
  /// `type` at byte `offset` of row `row` of a matrix of bytes.
  Value loadBytes(VectorType type, Value memref, Value row, Value offset);
  void storeVector(Value vector, Value memref, ValueRange indices);
  /// Brings the 64 bytes at `offset` of `row` into the cache. They may lie outside the matrix.
  void prefetch(Value memref, Value row, Value offset);

  /// Memory on the stack, for all iterations of the loops around: it is allocated where the function begins.
  Value stackBuffer(MemRefType type);

  using Body = function_ref<Values(Value iv, ValueRange carried)>;
  /// for iv = from; iv < to; iv += step; returns the last carried values.
  Values loop(Value from, Value to, int64_t step, ValueRange carried, Body body);
  void loop(Value from, Value to, int64_t step, function_ref<void(Value iv)> body);
  /// if condition; nothing is emitted for a branch that a constant condition excludes.
  void branch(Value condition, function_ref<void()> whenTrue, function_ref<void()> whenFalse);

private:
  Value extendHalfBits(Value halves);
};

/// An integer constant's value, if `value` is one.
std::optional<int64_t> constantOf(Value value);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_EMITTER_H
