// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Operations on memrefs become launches of kernels: one function for each kind.

#ifndef ATTUNE_PASSES_GPU_LAUNCHES_H
#define ATTUNE_PASSES_GPU_LAUNCHES_H

#include "dialect/Kernel.h"
#include "passes/gpu/DeviceEmitter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::transformer {

/// Keys that a block of attention looks at together.
inline constexpr int64_t kKeyTile = 128;

/// Up to this many rows of a product, weights are not kept in the block's memory.
inline constexpr int64_t kFewRows = 8;

/// What a device's kernels are shaped by.
struct GpuTarget {
  int64_t threads = 256;           ///< work items of a block
  int64_t sharedBytes = 48 * 1024; ///< memory that a block can have
  Type matrixType;                 ///< f16 or bf16: products of many rows multiply in it, on matrix units
  bool warpGroups = false;         ///< kernels for warp groups too, which the device decides on
};

// Each creates the launch before `op`; the caller erases `op`. Failures have been reported.

/// A loop over tokens: a block for each iteration, whose work items share out the elements.
LogicalResult launchForall(scf::ForallOp op, const GpuTarget &target);
/// An operation that no loop over tokens holds: a work item for each output.
LogicalResult launchLinalg(linalg::LinalgOp op, const GpuTarget &target);
LogicalResult launchLinear(kernel::LinearOp op, const GpuTarget &target);
LogicalResult launchGroupedLinear(kernel::GroupedLinearOp op, const GpuTarget &target);
LogicalResult launchAttention(kernel::AttentionOp op, const GpuTarget &target);
LogicalResult launchCacheUpdate(kernel::CacheUpdateOp op, const GpuTarget &target);
LogicalResult launchLikeliest(kernel::LikeliestOp op, const GpuTarget &target);
LogicalResult launchEmbed(kernel::EmbedOp op, const GpuTarget &target);
LogicalResult launchRoute(kernel::RouteOp op, const GpuTarget &target);
LogicalResult launchDispatch(kernel::DispatchOp op, const GpuTarget &target);

// Of an operation in the code of one block.

/// Keys and values of row `token`.
void emitCacheUpdate(DeviceEmitter &e, kernel::CacheUpdateOp op, Value token);
/// A product of one row with one panel of each weight.
LogicalResult emitRowProduct(DeviceEmitter &e, kernel::LinearOp op);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_LAUNCHES_H
