// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Operations on memrefs that run over tokens, and which rows of which buffers they touch.

#ifndef ATTUNE_PASSES_GPU_ROWS_H
#define ATTUNE_PASSES_GPU_ROWS_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

namespace mlir::transformer {

/// A buffer as an operation over tokens uses it.
struct RowAccess {
  Value buffer;   ///< the memory itself: what views are of
  bool isWritten; ///< else it is read
  bool isOwnRow;  ///< iteration t touches row t of the buffer and no other
};

/// An operation that runs over tokens in any order: a loop, or what a loop can be made of.
class RowOperation {
public:
  /// If `op` is one whose uses of memory are all known.
  static std::optional<RowOperation> of(Operation *op);

  Operation *op;
  Value tokens; ///< how many there are; equal values are equal numbers
  SmallVector<RowAccess> accesses;
  int64_t bytes = 0; ///< of memory that an iteration makes for itself

  /// Emits iteration `token`.
  LogicalResult emit(OpBuilder &builder, Value token) const;
  /// The end of the loop, as a value before `op`.
  OpFoldResult end(OpBuilder &builder) const;
};

/// Whether each iteration of both can run the first and then the second, in any order of the iterations, and
/// a block's memory is enough for both.
bool canShareIterations(const RowOperation &first, const RowOperation &second);

/// Where each row of a product's input is made by an iteration of the loop before it and nothing else needs
/// that, each block of the product makes the row itself, in the block's memory, if there are few rows.
void fuseIntoProducts(Block &block);

/// The value that says how many rows a buffer has; equal values are equal numbers.
Value rowsOf(Value buffer);

/// The memory that a view is of.
Value memoryOf(Value view);

/// Whether an operation leaves memory as it is, but for making some.
bool leavesMemory(Operation *op);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_ROWS_H
