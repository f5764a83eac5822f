// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokens that are looked for in the text before anything else is done to it, or right after its
// normalisation.
#pragma once

#include "runtime/tokenizer/Normalizer.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Vocabulary.h"

#include <functional>
#include <string>
#include <vector>

namespace attune::tokenizer {

class AddedTokens {
public:
  AddedTokens(const Blob &blob, const Vocabulary &vocabulary, const Normalizer &normalizer);

  // A stretch of text: a token, or text between tokens (id -1, never empty).
  struct Span {
    size_t begin, end;
    int32_t id;
  };

  // Cuts a text that is not normalised yet at the tokens that do not want normalisation. Control tokens stay
  // text with `plainControl`. Of tokens that begin at one place the longest counts.
  std::vector<Span> split(std::string_view text, bool plainControl) const;

  // The same after normalisation, at the tokens that want it.
  std::vector<Span> splitNormalized(std::string_view text, bool plainControl) const;

  bool wantsNormalized() const { return !normalizedTrie.empty(); }

private:
  struct Group {
    Trie trie;
    std::vector<bool> begins = std::vector<bool>(256); // bytes that some token begins with
    bool normalized = false;
  };
  std::vector<Span> split(std::string_view text, bool plainControl, const Group &group) const;
  bool fits(std::string_view text, size_t begin, size_t end, uint32_t flags) const;

  std::span<const AddedToken> tokens;
  std::vector<TrieNode> normalizedTrie;
  std::vector<std::string> normalizedSpellings;
  Group raw, normalized;
};

} // namespace attune::tokenizer
