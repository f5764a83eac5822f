// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Python's str operations on UTF-8. Positions and lengths are in code points. A byte that is no valid UTF-8
/// counts as one code point of its own value, so that no input is read past its end.
namespace attune::jinja {

/// Decodes the code point at `offset`, which lies inside the text, and moves past it.
uint32_t decodeAt(std::string_view text, size_t &offset);
void encode(uint32_t codePoint, std::string &to);
size_t countCodePoints(std::string_view text);
/// Byte offset of code point number `position`, or the text's end.
size_t offsetOf(std::string_view text, size_t position);
std::vector<std::string_view> splitCodePoints(std::string_view text);
bool isValidUtf8(std::string_view text);

bool isSpace(uint32_t codePoint);
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
/// str.title(): a capital after every character that is not a letter.
std::string title(std::string_view text);
std::string swapCase(std::string_view text);

/// `characters` empty with `whitespace` set strips white space.
std::string_view strip(std::string_view text, bool left, bool right);
std::string_view strip(std::string_view text, std::string_view characters, bool left, bool right);

/// `most` < 0 splits everywhere.
std::vector<std::string_view> splitAtSpace(std::string_view text, int64_t most);
std::vector<std::string_view> splitAtSpaceFromRight(std::string_view text, int64_t most);
std::vector<std::string_view> splitAt(std::string_view text, std::string_view separator, int64_t most);
std::vector<std::string_view> splitAtFromRight(std::string_view text, std::string_view separator,
                                               int64_t most);
std::vector<std::string_view> splitLines(std::string_view text, bool keepEnds);

/// `most` < 0 replaces all. An empty `from` matches between all characters, as in Python.
std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t most);

/// A Python string literal: single quotes unless only those occur inside, escapes for what cannot be printed.
std::string quote(std::string_view text);

/// Character classes of str.isalpha() and the like; all false for empty text.
bool isAlpha(std::string_view text);
bool isAlphanumeric(std::string_view text);
bool isDigit(std::string_view text);
bool isSpaceText(std::string_view text);
bool isUpper(std::string_view text);
bool isLower(std::string_view text);
bool isIdentifierStart(uint32_t codePoint);
bool isIdentifierPart(uint32_t codePoint);

} // namespace attune::jinja
