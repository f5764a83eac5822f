// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/safetensors/Safetensors.h"

namespace attune {

/// A rectangle of token ids, of whose rows a mask may choose a run: what `run` reads.
struct TokenBatch {
  /// The tokens of a row that count.
  struct Row {
    int64_t start = 0;
    std::vector<int32_t> ids;
    std::vector<int32_t> types; ///< empty, or one per id
  };

  int64_t width = 0; ///< columns of the rectangle
  std::vector<Row> rows;

  /// The longest row's number of tokens.
  int64_t longest() const;
};

/// From tensors `input_ids`, and where given `attention_mask` (a run of 1s in each row), `token_type_ids` (if
/// `withTypes`), all of one shape [rows, columns]. Throws attune::Error naming the tensor, the row, what was
/// found and what was expected; an input of another name is an error too.
TokenBatch readTokenBatch(std::span<const NamedTensor> tensors, bool withTypes);

/// What an encoder-decoder's `run` reads.
struct PairBatch {
  TokenBatch sources;
  TokenBatch targets; ///< no rows: there are none
};

/// From `input_ids` and `attention_mask` as above, and `decoder_input_ids` [rows, columns] for as many rows.
PairBatch readPairBatch(std::span<const NamedTensor> tensors);

} // namespace attune
