// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Attention of many tokens on matrix units.

#ifndef ATTUNE_PASSES_GPU_TILEDATTENTION_H
#define ATTUNE_PASSES_GPU_TILEDATTENTION_H

#include "passes/gpu/Launches.h"

namespace mlir::transformer {

/// Whether `launchTiledAttention` takes the operation: weights are a softmax's, and the tiles of one head's
/// keys and values fit a block's memory and registers.
bool canTileAttention(kernel::AttentionOp op, const GpuTarget &target);

/// Before `before`, inside of what holds `op`.
void launchTiledAttention(kernel::AttentionOp op, const GpuTarget &target, Operation *before);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_TILEDATTENTION_H
