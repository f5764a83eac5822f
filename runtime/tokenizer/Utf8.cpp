// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Utf8.h"

#include <cstring>

namespace attune::tokenizer {

Utf8Character firstCharacter(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  uint32_t lead = byte(0);
  if (lead < 0x80)
    return {lead, 1, Utf8Status::Valid};
  uint32_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                    : lead >= 0xE0 && lead < 0xF0 ? 3
                    : lead >= 0xF0 && lead < 0xF5 ? 4
                                                  : 0;
  if (length == 0)
    return {0xFFFD, 1, Utf8Status::Invalid};

  // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  uint32_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint32_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  uint32_t codePoint = lead & (0x7Fu >> length);
  for (uint32_t i = 1; i < length; ++i) {
    if (i == text.size())
      return {0xFFFD, i, Utf8Status::Incomplete};
    uint32_t next = byte(i);
    if (next < low || next > high)
      return {0xFFFD, i, Utf8Status::Invalid};
    codePoint = (codePoint << 6) | (next & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {codePoint, length, Utf8Status::Valid};
}

// The length of the ASCII text in front, eight bytes at a time.
static size_t asciiPrefix(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if (word & 0x8080808080808080ull)
      break;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80)
    ++i;
  return i;
}

bool isAscii(std::string_view text) { return asciiPrefix(text) == text.size(); }

bool isValidUtf8(std::string_view text) {
  while (true) {
    text.remove_prefix(asciiPrefix(text));
    if (text.empty())
      return true;
    Utf8Character c = firstCharacter(text);
    if (c.status != Utf8Status::Valid)
      return false;
    text.remove_prefix(c.length);
  }
}

void appendCharacter(std::string &out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
  } else {
    if (c < 0x10000) {
      out += static_cast<char>(0xE0 | (c >> 12));
    } else {
      out += static_cast<char>(0xF0 | (c >> 18));
      out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    }
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
  }
  out += static_cast<char>(0x80 | (c & 0x3F));
}

std::string repairUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Utf8Character c = firstCharacter(text);
    out += c.status == Utf8Status::Valid ? text.substr(0, c.length) : ReplacementCharacter;
    text.remove_prefix(c.length);
  }
  return out;
}

} // namespace attune::tokenizer
