// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// UTF-8: reading, writing and repairing. No function reads past its text, whatever the bytes are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attune::tokenizer {

inline constexpr std::string_view ReplacementCharacter = "\xEF\xBF\xBD"; // U+FFFD

enum class Utf8Status { Valid, Invalid, Incomplete };

// One character of a text. `length` is at least 1: for invalid bytes, that of the longest beginning of a
// character; Incomplete: the text ends within what may become a character.
struct Utf8Character {
  uint32_t codePoint;
  uint32_t length;
  Utf8Status status;
};

// Requires a non-empty text.
Utf8Character firstCharacter(std::string_view text);

bool isValidUtf8(std::string_view text);
bool isAscii(std::string_view text);

void appendCharacter(std::string &out, uint32_t codePoint);

// Each invalid stretch becomes one U+FFFD.
std::string repairUtf8(std::string_view text);

// Calls `use(codePoint, position, length)` for each character; invalid bytes count as U+FFFD.
template <typename Use> void forEachCharacter(std::string_view text, Use use) {
  for (size_t position = 0; position < text.size();) {
    unsigned char lead = static_cast<unsigned char>(text[position]);
    Utf8Character c =
        lead < 0x80 ? Utf8Character{lead, 1, Utf8Status::Valid} : firstCharacter(text.substr(position));
    use(c.codePoint, position, size_t{c.length});
    position += c.length;
  }
}

} // namespace attune::tokenizer
