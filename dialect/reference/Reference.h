// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A slow, obvious interpreter of `transformer` functions, before or after fusion: what every other way of
/// running a model is compared with. One small function per operation, no tiles, no packing.

#ifndef ATTUNE_DIALECT_REFERENCE_REFERENCE_H
#define ATTUNE_DIALECT_REFERENCE_REFERENCE_H

#include "dialect/reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>
#include <optional>

namespace mlir::transformer::reference {

/// What is kept between operations. Inside one, sums and functions are in f64 either way; with `f32` each
/// result of type f32 is rounded. Results of type f16 and bf16 always are.
enum class Precision { f32, f64 };

struct ReferenceOptions {
  Precision precision = Precision::f64;

  /// Gives the value of a parameter that has no literal `value`, for a record below `getRecords()`, in the
  /// logical shape of its type (`[out, in]` also when the file holds it transposed). Not set: such a
  /// parameter is an error.
  std::function<llvm::Expected<Tensor>(ParameterOp, int64_t record)> parameters;

  /// Called for each `transformer.tap` in order of execution. `type` is the static type of the value.
  std::function<void(llvm::StringRef name, std::optional<int64_t> layer, const Tensor &value, Type type)>
      taps;

  /// Called after each operation other than a terminator, with its results, in order of execution.
  std::function<void(Operation *, llvm::ArrayRef<RuntimeValue> results)> observer;

  /// Bounds on what a program may use: operations executed, calls inside calls.
  int64_t maxOperations = int64_t{1} << 32;
  int64_t maxCallDepth = 64;
};

/// Runs a verified function and gives its results. Arguments are checked against its type; a cache argument
/// is changed in place. Errors name the operation and its location: one without a meaning here, operands
/// whose sizes do not fit, an index (token id, row, layer, record) out of range.
llvm::Expected<llvm::SmallVector<RuntimeValue>>
run(func::FuncOp entry, llvm::ArrayRef<RuntimeValue> arguments, const ReferenceOptions &options = {});

/// The elements of a literal: an attribute with float or integer elements.
llvm::Expected<Tensor> tensorOf(ElementsAttr elements);

} // namespace mlir::transformer::reference

#endif // ATTUNE_DIALECT_REFERENCE_REFERENCE_H
