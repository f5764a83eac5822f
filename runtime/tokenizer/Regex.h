// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regular expressions of tokenizers, in PCRE2's syntax (frontend/tokenizer/Expression.h makes it of theirs).
// Text is UTF-8, properties and shorthands are Unicode's, a line ends with a line feed, groups capture
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct pcre2_real_code_8;
struct pcre2_real_match_context_8;
struct pcre2_real_match_data_8;

namespace attune::tokenizer {

class Regex {
public:
  // Throws attune::Error with PCRE2's reason if the expression is malformed.
  explicit Regex(std::string_view expression);

  // What the constructor would throw, without throwing.
  static std::optional<std::string> problemOf(std::string_view expression) noexcept;

  // Calls `use(begin, end)` for each match from left to right. An empty match directly after a match does not
  // count. Throws attune::Error for a text that is no UTF-8 or takes too many steps.
  template <typename Use> void forEachMatch(std::string_view text, Use use) const {
    Searcher searcher(*this, text);
    size_t begin, end;
    while (searcher.next(begin, end))
      use(begin, end);
  }

private:
  struct Free {
    void operator()(pcre2_real_code_8 *code) const;
    void operator()(pcre2_real_match_context_8 *context) const;
    void operator()(pcre2_real_match_data_8 *data) const;
  };

  class Searcher {
  public:
    Searcher(const Regex &regex, std::string_view text);
    bool next(size_t &begin, size_t &end);

  private:
    const Regex &regex;
    std::string_view text;
    std::unique_ptr<pcre2_real_match_data_8, Free> data;
    size_t from = 0;
    size_t lastEnd = SIZE_MAX;
  };

  std::unique_ptr<pcre2_real_code_8, Free> pattern;
  std::unique_ptr<pcre2_real_match_context_8, Free> limits;
};

} // namespace attune::tokenizer
