// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who looks at whom in a text: what `attend` shows of models that read texts.
#pragma once

#include "runtime/model/Model.h"

#include <string>
#include <vector>

namespace attune::cli {

/// Attention weights of a text, as the entry with taps gives them.
struct AttentionMaps {
  std::vector<std::string> labels; ///< of the tokens, for people
  int64_t heads = 0;
  std::vector<std::vector<float>> layers; ///< each [heads, tokens, tokens]

  int64_t tokens() const { return static_cast<int64_t>(labels.size()); }
  /// [tokens, tokens] of one head, or the mean of all heads if `head` is negative.
  std::vector<float> map(int64_t layer, int64_t head) const;
};

/// Throws attune::Error if the text is too long or the model shows no attention.
AttentionMaps attentionMapsOf(Model &model, std::string_view text);

/// A page that shows them, with nothing that comes from elsewhere.
std::string pageOf(const AttentionMaps &maps, std::string_view model, std::string_view text);

} // namespace attune::cli
