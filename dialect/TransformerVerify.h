// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Checks that several operations share. Each emits a diagnostic that names the operand, the size found and
/// the one expected.

#ifndef ATTUNE_DIALECT_TRANSFORMERVERIFY_H
#define ATTUNE_DIALECT_TRANSFORMERVERIFY_H

#include "dialect/Transformer.h"

namespace mlir::transformer::checks {

/// Dimension `dim` of `value` (called `what`) must be `expected`, which is the size of `source`; dynamic
/// sizes pass.
LogicalResult expectDim(Operation *op, StringRef what, Value value, unsigned dim, int64_t expected,
                        StringRef source);
/// `value` (called `what`) must have as many rows as `tokens`, which `source` describes.
LogicalResult expectTokens(Operation *op, StringRef what, Value value, Value tokens, StringRef source);
LogicalResult expectBatch(Operation *op, Value batch);
/// Grouped-query attention: each key head serves the same number of query heads.
LogicalResult expectGroups(Operation *op, int64_t queryHeads, int64_t keyHeads);
/// `bias` must have a row for each query head of `heads`, with one column per distance, as many either way.
LogicalResult expectDistances(Operation *op, Value bias, Value heads);
LogicalResult verifyLinear(Operation *op, Value input, Value weight, Value bias, Value result);
LogicalResult verifyNorm(Operation *op, NormKind kind, Value input, Value weight, Value bias, double eps);

} // namespace mlir::transformer::checks

#endif // ATTUNE_DIALECT_TRANSFORMERVERIFY_H
