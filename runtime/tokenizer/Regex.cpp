// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Regex.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/Utf8.h"

#include <fmt/format.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace attune::tokenizer {

static PCRE2_SPTR unitsOf(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data() ? text.data() : "");
}

static std::string messageOf(int code) {
  PCRE2_UCHAR buffer[256];
  int length = pcre2_get_error_message(code, buffer, std::size(buffer));
  return length < 0 ? fmt::format("error {}", code) : std::string(reinterpret_cast<char *>(buffer));
}

void Regex::Free::operator()(pcre2_real_code_8 *code) const { pcre2_code_free(code); }
void Regex::Free::operator()(pcre2_real_match_context_8 *context) const { pcre2_match_context_free(context); }
void Regex::Free::operator()(pcre2_real_match_data_8 *data) const { pcre2_match_data_free(data); }

template <typename T> static T *allocated(T *pointer) {
  if (!pointer)
    throw Error("regular expression: out of memory");
  return pointer;
}

Regex::Regex(std::string_view expression) {
  struct FreeContext {
    void operator()(pcre2_compile_context *context) const { pcre2_compile_context_free(context); }
  };
  std::unique_ptr<pcre2_compile_context, FreeContext> context(
      allocated(pcre2_compile_context_create(nullptr)));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int code;
  PCRE2_SIZE offset;
  constexpr uint32_t Options = PCRE2_UTF | PCRE2_UCP | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C;
  pattern.reset(
      pcre2_compile(unitsOf(expression), expression.size(), Options, &code, &offset, context.get()));
  if (!pattern)
    throw Error(fmt::format("regular expression '{}': {} (at byte {})", expression, messageOf(code), offset));
  // Where memory cannot be made executable, matches are interpreted.
  pcre2_jit_compile(pattern.get(), PCRE2_JIT_COMPLETE);

  limits.reset(allocated(pcre2_match_context_create(nullptr)));
  // Long runs of one kind of character are ordinary text; these stop expressions that try for ever.
  pcre2_set_match_limit(limits.get(), 200'000'000);
  pcre2_set_heap_limit(limits.get(), 1 << 20); // KiB
}

std::optional<std::string> Regex::problemOf(std::string_view expression) noexcept {
  try {
    Regex regex(expression);
    return std::nullopt;
  } catch (const std::exception &error) {
    return error.what();
  }
}

Regex::Searcher::Searcher(const Regex &regex, std::string_view text)
    : regex(regex), text(text), data(allocated(pcre2_match_data_create(1, nullptr))) {
  if (!isValidUtf8(text))
    throw Error("regular expression: the text is not UTF-8");
}

bool Regex::Searcher::next(size_t &begin, size_t &end) {
  while (from <= text.size()) {
    auto match = [&](uint32_t options) {
      return pcre2_match(regex.pattern.get(), unitsOf(text), text.size(), from, PCRE2_NO_UTF_CHECK | options,
                         data.get(), regex.limits.get());
    };
    int code = match(0);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT) // the interpreter keeps its stack on the heap
      code = match(PCRE2_NO_JIT);
    if (code == PCRE2_ERROR_NOMATCH)
      return false;
    if (code < 0)
      throw Error(fmt::format("regular expression: {} in a text of {} bytes", messageOf(code), text.size()));
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(data.get());
    begin = offsets[0];
    end = offsets[1];
    if (begin < from || end < begin)
      throw Error("regular expression: a match begins before its search");
    if (begin == end && lastEnd == end) {
      from += from < text.size() ? firstCharacter(text.substr(from)).length : 1;
      continue;
    }
    from = lastEnd = end;
    return true;
  }
  return false;
}

} // namespace attune::tokenizer
