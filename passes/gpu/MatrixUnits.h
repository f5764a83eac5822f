// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What kernels on NVIDIA's matrix units are made of.

#ifndef ATTUNE_PASSES_GPU_MATRIXUNITS_H
#define ATTUNE_PASSES_GPU_MATRIXUNITS_H

#include "dialect/PackedFormat.h"
#include "passes/gpu/DeviceEmitter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::transformer {

/// Emits `cp.async`, `ldmatrix` and `mma.sync.m16n8k16` of one type (f16 or bf16) with sums in f32.
class MatrixUnits {
public:
  static constexpr int64_t pad = 8;  ///< 16 bytes between rows in a block's memory: eight lie in eight banks
  static constexpr int64_t sums = 4; ///< numbers of a fragment of 16 x 8 sums that a work item has

  MatrixUnits(DeviceEmitter &e, Type type) : e(e), type(type) {}

  /// On its way to the block's memory, in registers.
  struct Pending {
    Value vector, memory;
    Values place;
  };
  void storeAll(ArrayRef<Pending> pending);

  /// Copies `bytes` (16, 8 or 4) of global memory to the block's, both of which lie row by row.
  void copy(Value from, ValueRange fromPlace, Value to, ValueRange toPlace, int64_t bytes);

  /// Weights in the type.
  attune::PackedFormat::Codes codes() const {
    return type.isF16() ? attune::PackedFormat::F16 : attune::PackedFormat::BF16;
  }
  /// The address of an element of a memref that lies row by row, as an i64; the same as a pointer.
  Value address(Value memref, ValueRange indices);
  Value pointer(Value memref, ValueRange indices, NVVM::NVVMMemorySpace space);

  /// A vector of f32 in the type.
  Value narrow(Value vector);
  /// Two neighbours of a row, in f32, as one register of an operand.
  Value pair(Value low, Value high);
  /// Four matrices of 8 x 8 as operands of a product; `place` is of the row that this work item points to.
  Values loadMatrices(Value memory, ValueRange place, NVVM::MMALayout layout);
  /// Adds to 16 x 8 sums the product of 16 rows (4 registers) and 8 columns (2), each of 16 elements.
  void accumulate(MutableArrayRef<Value> sums, ArrayRef<Value> rows, ArrayRef<Value> columns);

private:
  DeviceEmitter &e;
  Type type;
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_MATRIXUNITS_H
