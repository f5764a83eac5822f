// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The patterns that take what the kernel dialect does not cover to linalg on tensors.

#ifndef ATTUNE_PASSES_LOWER_TOLINALG_H
#define ATTUNE_PASSES_LOWER_TOLINALG_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// norm, activation, scale, soft_cap, scale_rows, gather.
void populateRowPatterns(RewritePatternSet &patterns);
/// positions, position, rotary_table, rotary, temperature.
void populatePositionPatterns(RewritePatternSet &patterns);
/// scores, mask, softmax, sum_normalize, weighted_sum: attention that was not fused, over the physical cache.
void populatePlainAttentionPatterns(RewritePatternSet &patterns);
/// distance_bias, relative_bias.
void populateRelativeBiasPatterns(RewritePatternSet &patterns);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LOWER_TOLINALG_H
