// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Where the buffers of a block lie in its memory, if they follow each other.

#ifndef ATTUNE_PASSES_GPU_BLOCKMEMORY_H
#define ATTUNE_PASSES_GPU_BLOCKMEMORY_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer {

struct BlockMemory {
  explicit BlockMemory(gpu::GPUFuncOp kernel);

  SmallVector<int64_t> offsets; ///< of each buffer
  int64_t bytes = 0, alignment = 64;

  /// What a kernel can have without asking is 48 KB; more is given at the launch.
  bool isDynamic() const { return bytes > 48 * 1024; }
};

/// The descriptor of a buffer at `address`, as a memref of `type`.
Value describeBuffer(ImplicitLocOpBuilder &b, Value address, MemRefType type);

/// Buffers are arguments of the kernel's first block: from which number on.
inline unsigned firstBuffer(gpu::GPUFuncOp kernel) { return kernel.getFunctionType().getNumInputs(); }

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_BLOCKMEMORY_H
