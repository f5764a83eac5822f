// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Regex.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/Utf8.h"

#include <climits>
#include <fmt/format.h>
#include <mutex>
#include <oniguruma.h>

namespace attune::tokenizer {

static const UChar *bytesOf(std::string_view text) { return reinterpret_cast<const UChar *>(text.data()); }

static void initializeOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
  });
}

// Some codes quote a part of the expression, which `info` tells.
static std::string messageOf(int code, OnigErrorInfo info = {}) {
  UChar buffer[ONIG_MAX_ERROR_MESSAGE_LEN];
  int length = onig_error_code_to_str(buffer, code, &info);
  return std::string(reinterpret_cast<const char *>(buffer), static_cast<size_t>(length));
}

void Regex::Free::operator()(re_pattern_buffer *pattern) const { onig_free(pattern); }

Regex::Regex(std::string_view expression) {
  initializeOnce();
  if (!isValidUtf8(expression))
    throw Error("regular expression: not UTF-8");
  regex_t *compiled = nullptr;
  OnigErrorInfo info{};
  int code = onig_new(&compiled, bytesOf(expression), bytesOf(expression) + expression.size(),
                      ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_DEFAULT, &info);
  if (code != ONIG_NORMAL)
    throw Error(fmt::format("regular expression '{}': {}", expression, messageOf(code, info)));
  pattern.reset(compiled);
}

std::optional<std::string> Regex::problemOf(std::string_view expression) noexcept {
  try {
    Regex regex(expression);
    return std::nullopt;
  } catch (const std::exception &error) {
    return error.what();
  }
}

struct Regex::Searcher::State {
  State(regex_t *pattern, std::string_view text)
      : pattern(pattern), text(text), region(onig_region_new()), parameters(onig_new_match_param()) {
    onig_initialize_match_param(parameters);
    // Long runs of one kind of character are ordinary text here: no limit on how often a match is tried anew.
    onig_set_retry_limit_in_match_of_match_param(parameters, ULONG_MAX);
    onig_set_match_stack_limit_size_of_match_param(parameters, 0);
  }
  ~State() {
    onig_region_free(region, 1);
    onig_free_match_param(parameters);
  }

  regex_t *pattern;
  std::string_view text;
  OnigRegion *region;
  OnigMatchParam *parameters;
  size_t from = 0;
  size_t lastEnd = SIZE_MAX;
};

Regex::Searcher::Searcher(const Regex &regex, std::string_view text)
    : state(std::make_unique<State>(regex.pattern.get(), text)) {}
Regex::Searcher::~Searcher() = default;

bool Regex::Searcher::next(size_t &begin, size_t &end) {
  State &s = *state;
  const UChar *text = bytesOf(s.text), *textEnd = text + s.text.size();
  while (s.from <= s.text.size()) {
    int code = onig_search_with_param(s.pattern, text, textEnd, text + s.from, textEnd, s.region,
                                      ONIG_OPTION_NONE, s.parameters);
    if (code == ONIG_MISMATCH)
      return false;
    if (code < 0)
      throw Error(fmt::format("regular expression: {}", messageOf(code)));
    begin = static_cast<size_t>(s.region->beg[0]);
    end = static_cast<size_t>(s.region->end[0]);
    if (begin == end && s.lastEnd == end) {
      s.from += s.from < s.text.size() ? firstCharacter(s.text.substr(s.from)).length : 1;
      continue;
    }
    s.from = s.lastEnd = end;
    return true;
  }
  return false;
}

} // namespace attune::tokenizer
