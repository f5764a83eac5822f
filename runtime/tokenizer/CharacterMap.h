// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SentencePiece's precompiled character map: a double-array trie (u32 size in bytes, then its units) whose
// values are positions in a pool of zero-terminated replacements that follows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace attune::tokenizer {

class CharacterMap {
public:
  // Throws attune::Error if the trie does not fit in the bytes, which must stay.
  explicit CharacterMap(std::string_view bytes);

  // What the constructor would throw, without throwing.
  static std::optional<std::string> problemOf(std::string_view bytes) noexcept;

  // The text with everything replaced. Requires valid UTF-8 and gives valid UTF-8.
  std::string apply(std::string_view text) const;

  // The same as SentencePiece itself does it: at each place the longest key decides.
  std::string applyLongest(std::string_view text) const;

private:
  struct Match {
    size_t length; // of the key
    std::string_view replacement;
  };
  // The shortest or the longest key that the text begins with.
  std::optional<Match> match(std::string_view text, bool longest) const;
  std::optional<std::string_view> replacementOf(std::string_view text) const;
  std::optional<uint32_t> unit(size_t index) const;

  std::string_view units, pool;
};

} // namespace attune::tokenizer
