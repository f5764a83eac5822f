// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A builder for loops: index arithmetic that folds, loops with carried values, memory.

#ifndef ATTUNE_PASSES_LOWER_LOOPEMITTER_H
#define ATTUNE_PASSES_LOWER_LOOPEMITTER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer {

using Values = SmallVector<Value>;

class LoopEmitter : public ImplicitLocOpBuilder {
public:
  /// Inserts before `op`.
  explicit LoopEmitter(Operation *op) : ImplicitLocOpBuilder(op->getLoc(), op) {}

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

  Value load(Value memref, ValueRange indices);
  void store(Value value, Value memref, ValueRange indices);

  /// Memory on the stack, for all iterations of the loops around: it is allocated where the
  /// function, or the body of a `gpu.launch`, begins.
  Value stackBuffer(MemRefType type);

  using Body = function_ref<Values(Value iv, ValueRange carried)>;
  /// for iv = from; iv < to; iv += step; returns the last carried values.
  Values loop(Value from, Value to, int64_t step, ValueRange carried, Body body);
  void loop(Value from, Value to, int64_t step, function_ref<void(Value iv)> body);
  /// if condition; nothing is emitted for a branch that a constant condition excludes.
  void branch(Value condition, function_ref<void()> whenTrue, function_ref<void()> whenFalse);
};

/// An integer constant's value, if `value` is one.
std::optional<int64_t> constantOf(Value value);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LOWER_LOOPEMITTER_H
