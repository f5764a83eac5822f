// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A builder for the code of one block of work items.

#ifndef ATTUNE_PASSES_GPU_DEVICEEMITTER_H
#define ATTUNE_PASSES_GPU_DEVICEEMITTER_H

#include "passes/lower/LoopEmitter.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace mlir::transformer {

/// Creates a `gpu.launch` and inserts into its body, which every work item runs. Blocks are one-dimensional.
class DeviceEmitter : public LoopEmitter {
public:
  /// Attribute of a module that is being mapped: how many launches were created, for their names.
  static constexpr StringLiteral kLaunchCount = "kernel.launches";

  /// Before `op`: `grid` holds the number of blocks along one to three dimensions, `threads` is the size of a
  /// block, a power of two. `what` becomes part of the kernel's name. `chip` is the one whose instructions it
  /// needs; empty: all have them.
  DeviceEmitter(Operation *op, StringRef what, ArrayRef<Value> grid, int64_t threads, StringRef chip = "");

  gpu::LaunchOp launch;
  int64_t threads;
  Value thread; ///< index of the work item in its block

  Value block(int dimension) const;

  /// Memory of the block.
  Value shared(ArrayRef<int64_t> shape, Type element);
  void barrier();

  /// for i = thread; i < end; i += threads
  void forThreads(Value end, function_ref<void(Value i)> body);
  /// Only the first work item.
  void once(function_ref<void()> body);
  void when(Value condition, function_ref<void()> body);

  /// The sum, maximum, ... of all work items' values, given to each of them. Two barriers and more: all work
  /// items must come here.
  using Combine = function_ref<Value(Value, Value)>;
  Value reduce(Value value, Combine combine);

private:
  llvm::SmallDenseMap<Type, Value> scratches; ///< of reduce: an element for each work item
};

/// Launches before `op`, chosen by the number of rows: those of `few` up to `limit`, else those of `many`.
/// Each is given the operation to insert before.
LogicalResult launchByRows(Operation *op, Value rows, int64_t limit,
                           function_ref<LogicalResult(Operation *)> few,
                           function_ref<LogicalResult(Operation *)> many);

/// Calls a function of the runtime (runtime/device/DeviceAbi.h) from host code.
Value callRuntime(LoopEmitter &host, StringRef name, Type result, ValueRange arguments);

/// Blocks of `size` that cover `count`.
Value ceilDiv(LoopEmitter &e, Value count, int64_t size);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_DEVICEEMITTER_H
