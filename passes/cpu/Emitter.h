// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A builder for the inner loops of a processor: vectors of the target's width.

#ifndef ATTUNE_PASSES_CPU_EMITTER_H
#define ATTUNE_PASSES_CPU_EMITTER_H

#include "passes/cpu/Target.h"
#include "passes/lower/LoopEmitter.h"

namespace mlir::transformer {

class Emitter : public LoopEmitter {
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
  Value loadVector(VectorType type, Value memref, ValueRange indices);
  /// `type` at byte `offset` of row `row` of a matrix of bytes.
  Value loadBytes(VectorType type, Value memref, Value row, Value offset);
  void storeVector(Value vector, Value memref, ValueRange indices);
  /// Brings the 64 bytes at `offset` of `row`, which may lie outside the matrix, into a cache: the first
  /// level for `locality` 3, the second for 2.
  void prefetch(Value memref, Value row, Value offset, int locality);

private:
  Value extendHalfBits(Value halves);
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_EMITTER_H
