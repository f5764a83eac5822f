// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regular expressions of tokenizers, on Oniguruma, whose syntax they are written in.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct re_pattern_buffer;

namespace attune::tokenizer {

class Regex {
public:
  // Throws attune::Error with Oniguruma's reason if the expression is malformed.
  explicit Regex(std::string_view expression);

  // What the constructor would throw, without throwing.
  static std::optional<std::string> problemOf(std::string_view expression) noexcept;

  // Calls `use(begin, end)` for each match from left to right. An empty match directly after a match does not
  // count. Requires valid UTF-8.
  template <typename Use> void forEachMatch(std::string_view text, Use use) const {
    Searcher searcher(*this, text);
    size_t begin, end;
    while (searcher.next(begin, end))
      use(begin, end);
  }

private:
  class Searcher {
  public:
    Searcher(const Regex &regex, std::string_view text);
    ~Searcher();
    Searcher(const Searcher &) = delete;
    bool next(size_t &begin, size_t &end);

  private:
    struct State;
    std::unique_ptr<State> state;
  };

  struct Free {
    void operator()(re_pattern_buffer *pattern) const;
  };
  std::unique_ptr<re_pattern_buffer, Free> pattern;
};

} // namespace attune::tokenizer
