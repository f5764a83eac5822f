// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The patterns of the pass that turns operations on logical weights and caches into the kernel dialect. A
/// memref stands for a logical tensor through an unrealized_conversion_cast, which the patterns look through.

#ifndef ATTUNE_PASSES_LAYOUT_TOKERNEL_H
#define ATTUNE_PASSES_LAYOUT_TOKERNEL_H

#include "dialect/Kernel.h"

#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// The memory that a logical tensor or cache stands for; null when `value` is not such a cast.
Value physicalOf(Value value);

/// A table of keys or values in memory, and the scales of its rows if it holds integers.
struct TableMemory {
  Value elements, scales;
  explicit operator bool() const { return static_cast<bool>(elements); }
};

/// The memory that a logical table of a cache stands for; null when `table` is not such a cast.
TableMemory tableMemoryOf(Value table);

/// A tensor of the shape `type`, whose dynamic dimensions are those of `like`, in order.
Value emptyLike(OpBuilder &builder, Location loc, RankedTensorType type, Value like);

/// How products with block-quantised weights take their activations.
struct Quantization {
  bool activations = false; ///< as int8 codes
  bool byRow = false;       ///< with one scale for a row, not for each block of columns
  int64_t outliers = 0;     ///< elements of a row that are kept in f32 beside the codes
};

void populateWeightPatterns(RewritePatternSet &patterns);
void populateCachePatterns(RewritePatternSet &patterns);
void populateLinearPatterns(RewritePatternSet &patterns, const Quantization &quantization);
void populateHeadLinearPatterns(RewritePatternSet &patterns);

/// route, experts.
void populateExpertPatterns(RewritePatternSet &patterns, const Quantization &quantization);

/// Emits scalar (or elementwise vector) operations for an activation function.
Value emitActivation(OpBuilder &builder, Location loc, Activation kind, Value x);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LAYOUT_TOKERNEL_H
