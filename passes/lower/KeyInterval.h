// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Which keys a token sees: every mask lets it see an interval of them.

#ifndef ATTUNE_PASSES_LOWER_KEYINTERVAL_H
#define ATTUNE_PASSES_LOWER_KEYINTERVAL_H

#include "dialect/Transformer.h"
#include "passes/lower/LoopEmitter.h"

namespace mlir::transformer {

/// An entry of the batch (i32 [tokens, 3]) as an index.
Value batchColumn(LoopEmitter &e, Value batch, Value token, BatchColumn column);

/// Keys [low, high), counted from the sequence's first one; empty if high <= low.
struct KeyInterval {
  Value low, high;
};

/// Of a token at `position` in a sequence of `count` keys.
KeyInterval keyInterval(LoopEmitter &e, MaskAttr mask, Value position, Value count);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LOWER_KEYINTERVAL_H
