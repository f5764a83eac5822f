// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Unicode.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/Utf8.h"

#include <cstdlib>
#include <memory>
#include <utf8proc.h>

namespace attune::tokenizer {

static int optionsOf(NormalForm form) {
  switch (form) {
  case NormalForm::C:
    return UTF8PROC_STABLE | UTF8PROC_COMPOSE;
  case NormalForm::D:
    return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
  case NormalForm::KC:
    return UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
  case NormalForm::KD:
    return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
  }
  return 0;
}

std::string normalForm(std::string_view text, NormalForm form) {
  if (isAscii(text))
    return std::string(text);
  utf8proc_uint8_t *result = nullptr;
  utf8proc_ssize_t length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t *>(text.data()),
                                         static_cast<utf8proc_ssize_t>(text.size()), &result,
                                         static_cast<utf8proc_option_t>(optionsOf(form)));
  if (length < 0)
    throw Error(std::string("Unicode normalisation failed: ") + utf8proc_errmsg(length));
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  return std::string(reinterpret_cast<const char *>(result), static_cast<size_t>(length));
}

static utf8proc_category_t categoryOf(uint32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

static bool between(uint32_t c, uint32_t first, uint32_t last) { return c >= first && c <= last; }

bool isWhiteSpace(uint32_t c) {
  return between(c, 0x09, 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         between(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool isNumeric(uint32_t c) {
  if (c < 0x80)
    return between(c, '0', '9');
  auto category = categoryOf(c);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

bool isPunctuation(uint32_t c) {
  if (c < 0x80)
    return between(c, 33, 47) || between(c, 58, 64) || between(c, 91, 96) || between(c, 123, 126);
  auto category = categoryOf(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool isMark(uint32_t c) {
  auto category = categoryOf(c);
  return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

bool isNonSpacingMark(uint32_t c) { return categoryOf(c) == UTF8PROC_CATEGORY_MN; }

bool isControl(uint32_t c) { return categoryOf(c) >= UTF8PROC_CATEGORY_CC; }

bool isWordCharacter(uint32_t c) {
  if (c < 0x80)
    return between(c, '0', '9') || between(c, 'A', 'Z') || between(c, 'a', 'z') || c == '_';
  switch (categoryOf(c)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_PC:
    return true;
  case UTF8PROC_CATEGORY_SO: // circled and squared letters are alphabetic
    return between(c, 0x24B6, 0x24E9) || between(c, 0x1F130, 0x1F149) || between(c, 0x1F150, 0x1F169) ||
           between(c, 0x1F170, 0x1F189);
  default:
    return c == 0x200C || c == 0x200D; // the joiners
  }
}

bool isChineseCharacter(uint32_t c) {
  return between(c, 0x4E00, 0x9FFF) || between(c, 0x3400, 0x4DBF) || between(c, 0x20000, 0x2A6DF) ||
         between(c, 0x2A700, 0x2B73F) || between(c, 0x2B740, 0x2B81F) || between(c, 0x2B820, 0x2CEAF) ||
         between(c, 0xF900, 0xFAFF) || between(c, 0x2F800, 0x2FA1F);
}

void appendLowercase(std::string &out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(between(c, 'A', 'Z') ? c + 32 : c);
  } else if (c == 0x130) { // the one letter whose lower case is two characters: i and a dot above
    out += "i\xCC\x87";
  } else {
    appendCharacter(out, static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

size_t graphemeLength(std::string_view text) {
  Utf8Character first = firstCharacter(text);
  auto previous = static_cast<utf8proc_int32_t>(first.codePoint);
  utf8proc_int32_t state = 0;
  size_t length = first.length;
  while (length < text.size()) {
    Utf8Character next = firstCharacter(text.substr(length));
    auto current = static_cast<utf8proc_int32_t>(next.codePoint);
    if (utf8proc_grapheme_break_stateful(previous, current, &state))
      break;
    previous = current;
    length += next.length;
  }
  return length;
}

} // namespace attune::tokenizer
