// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/template/Strings.h"

#include "runtime/template/Value.h"

#include <algorithm>
#include <fmt/format.h>
#include <utf8proc.h>

namespace attune::jinja {

namespace {

template <typename Map> std::string mapCodePoints(std::string_view text, Map map) {
  std::string result;
  result.reserve(text.size());
  for (size_t offset = 0; offset < text.size();) {
    size_t begin = offset;
    uint32_t codePoint = decodeAt(text, offset);
    if (codePoint < 0x80 || offset - begin > 1)
      map(codePoint, result);
    else // an invalid byte stays as it is
      result += text[begin];
  }
  return result;
}

void appendUpper(uint32_t codePoint, std::string &to) {
  if (codePoint == 0xdf) // the one letter of daily use whose capital is two
    to += "SS";
  else
    encode(static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(codePoint))), to);
}

void appendLower(uint32_t codePoint, std::string &to) {
  encode(static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(codePoint))), to);
}

utf8proc_category_t categoryOf(uint32_t codePoint) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(codePoint));
}

bool isLetter(uint32_t codePoint) {
  auto category = categoryOf(codePoint);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool isNumeric(uint32_t codePoint) {
  auto category = categoryOf(codePoint);
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool isUpperLetter(uint32_t codePoint) { return utf8proc_isupper(static_cast<utf8proc_int32_t>(codePoint)); }
bool isLowerLetter(uint32_t codePoint) { return utf8proc_islower(static_cast<utf8proc_int32_t>(codePoint)); }

bool isLineEnd(uint32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

template <typename Holds> bool allCodePoints(std::string_view text, Holds holds) {
  for (size_t offset = 0; offset < text.size();)
    if (!holds(decodeAt(text, offset)))
      return false;
  return !text.empty();
}

/// Has a letter with case, and none of the other case.
bool hasOnlyCase(std::string_view text, bool (*wanted)(uint32_t), bool (*other)(uint32_t)) {
  bool any = false;
  for (size_t offset = 0; offset < text.size();) {
    uint32_t codePoint = decodeAt(text, offset);
    if (other(codePoint))
      return false;
    any |= wanted(codePoint);
  }
  return any;
}

template <typename Strips>
std::string_view stripWhile(std::string_view text, bool left, bool right, Strips strips) {
  size_t begin = 0, end = text.size();
  while (left && begin < end) {
    size_t next = begin;
    if (!strips(decodeAt(text, next)))
      break;
    begin = next;
  }
  while (right && begin < end) {
    size_t last = end - 1;
    while (last > begin && end - last < 4 && (text[last] & 0xc0) == 0x80)
      --last;
    size_t next = last;
    uint32_t codePoint = decodeAt(text, next);
    if (next != end) { // not one valid code point: the last byte stands for itself
      last = end - 1;
      codePoint = static_cast<unsigned char>(text[last]);
    }
    if (!strips(codePoint))
      break;
    end = last;
  }
  return text.substr(begin, end - begin);
}

} // namespace

uint32_t decodeAt(std::string_view text, size_t &offset) {
  auto lead = static_cast<unsigned char>(text[offset]);
  if (lead < 0x80) {
    ++offset;
    return lead;
  }
  utf8proc_int32_t codePoint;
  utf8proc_ssize_t length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t *>(text.data() + offset),
                                             static_cast<utf8proc_ssize_t>(text.size() - offset), &codePoint);
  if (length <= 0) {
    ++offset;
    return lead;
  }
  offset += static_cast<size_t>(length);
  return static_cast<uint32_t>(codePoint);
}

void encode(uint32_t codePoint, std::string &to) {
  utf8proc_uint8_t bytes[4];
  auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(codePoint), bytes);
  to.append(reinterpret_cast<char *>(bytes), static_cast<size_t>(length));
}

size_t countCodePoints(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; }))
    return text.size();
  size_t count = 0;
  for (size_t offset = 0; offset < text.size(); ++count)
    decodeAt(text, offset);
  return count;
}

size_t offsetOf(std::string_view text, size_t position) {
  size_t offset = 0;
  for (; position > 0 && offset < text.size(); --position)
    decodeAt(text, offset);
  return offset;
}

std::vector<std::string_view> splitCodePoints(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t offset = 0; offset < text.size();) {
    size_t begin = offset;
    decodeAt(text, offset);
    parts.push_back(text.substr(begin, offset - begin));
  }
  return parts;
}

bool isValidUtf8(std::string_view text) {
  for (size_t offset = 0; offset < text.size();) {
    size_t begin = offset;
    if (decodeAt(text, offset) >= 0x80 && offset - begin == 1)
      return false;
  }
  return true;
}

bool isSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

std::string upper(std::string_view text) { return mapCodePoints(text, appendUpper); }

std::string lower(std::string_view text) { return mapCodePoints(text, appendLower); }

std::string capitalize(std::string_view text) {
  bool first = true;
  return mapCodePoints(text, [&](uint32_t codePoint, std::string &to) {
    first ? encode(static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(codePoint))), to)
          : appendLower(codePoint, to);
    first = false;
  });
}

std::string title(std::string_view text) {
  bool afterLetter = false;
  return mapCodePoints(text, [&](uint32_t codePoint, std::string &to) {
    afterLetter
        ? appendLower(codePoint, to)
        : encode(static_cast<uint32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(codePoint))), to);
    afterLetter = isUpperLetter(codePoint) || isLowerLetter(codePoint);
  });
}

std::string swapCase(std::string_view text) {
  return mapCodePoints(text, [](uint32_t codePoint, std::string &to) {
    isUpperLetter(codePoint) ? appendLower(codePoint, to) : appendUpper(codePoint, to);
  });
}

std::string_view strip(std::string_view text, bool left, bool right) {
  return stripWhile(text, left, right, isSpace);
}

std::string_view strip(std::string_view text, std::string_view characters, bool left, bool right) {
  return stripWhile(text, left, right, [&](uint32_t codePoint) {
    for (size_t offset = 0; offset < characters.size();)
      if (decodeAt(characters, offset) == codePoint)
        return true;
    return false;
  });
}

std::vector<std::string_view> splitAtSpace(std::string_view text, int64_t most) {
  std::vector<std::string_view> parts;
  text = strip(text, true, false);
  while (!text.empty()) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(text);
      break;
    }
    size_t end = 0;
    for (size_t next = 0; end < text.size() && !isSpace(decodeAt(text, next));)
      end = next;
    parts.push_back(text.substr(0, end));
    text = strip(text.substr(end), true, false);
  }
  return parts;
}

std::vector<std::string_view> splitAtSpaceFromRight(std::string_view text, int64_t most) {
  std::vector<std::string_view> words = splitAtSpace(text, -1);
  if (most < 0 || words.size() <= static_cast<size_t>(most))
    return words;
  auto rest = words.end() - static_cast<ptrdiff_t>(most) - 1; // this word and those before it stay one part
  std::string_view head = text.substr(0, static_cast<size_t>(rest->data() + rest->size() - text.data()));
  std::vector<std::string_view> parts{head};
  parts.insert(parts.end(), rest + 1, words.end());
  return parts;
}

std::vector<std::string_view> splitAt(std::string_view text, std::string_view separator, int64_t most) {
  std::vector<std::string_view> parts;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    size_t at = text.find(separator);
    if (at == text.npos)
      break;
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> splitAtFromRight(std::string_view text, std::string_view separator,
                                               int64_t most) {
  std::vector<std::string_view> parts;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    size_t at = text.rfind(separator);
    if (at == text.npos)
      break;
    parts.push_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> splitLines(std::string_view text, bool keepEnds) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t offset = 0; offset < text.size();) {
    size_t end = offset;
    uint32_t codePoint = decodeAt(text, offset);
    if (!isLineEnd(codePoint))
      continue;
    if (codePoint == '\r' && offset < text.size() && text[offset] == '\n')
      ++offset;
    lines.push_back(text.substr(begin, (keepEnds ? offset : end) - begin));
    begin = offset;
  }
  if (begin < text.size())
    lines.push_back(text.substr(begin));
  return lines;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t most) {
  TextBuilder result;
  for (; from.empty() && most != 0; --most) {
    result.append(to);
    if (text.empty())
      break;
    size_t end = 0;
    decodeAt(text, end);
    result.append(text.substr(0, end));
    text.remove_prefix(end);
  }
  for (size_t at; !from.empty() && most != 0 && (at = text.find(from)) != text.npos; --most) {
    result.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return result.append(text).take();
}

std::string quote(std::string_view text) {
  char mark = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  std::string result(1, mark);
  for (size_t offset = 0; offset < text.size();) {
    size_t begin = offset;
    uint32_t c = decodeAt(text, offset);
    auto category = categoryOf(c);
    bool printable = c == ' ' || !(category >= UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_CN);
    if (c == '\n')
      result += "\\n";
    else if (c == '\r')
      result += "\\r";
    else if (c == '\t')
      result += "\\t";
    else if (c == '\\' || c == static_cast<unsigned char>(mark))
      (result += '\\') += static_cast<char>(c);
    else if (printable)
      result += text.substr(begin, offset - begin);
    else
      result += c < 0x100     ? fmt::format("\\x{:02x}", c)
                : c < 0x10000 ? fmt::format("\\u{:04x}", c)
                              : fmt::format("\\U{:08x}", c);
  }
  return result += mark;
}

bool isAlpha(std::string_view text) { return allCodePoints(text, isLetter); }

bool isAlphanumeric(std::string_view text) {
  return allCodePoints(text, [](uint32_t c) { return isLetter(c) || isNumeric(c); });
}

bool isDigit(std::string_view text) {
  return allCodePoints(text, [](uint32_t c) { return categoryOf(c) == UTF8PROC_CATEGORY_ND; });
}

bool isSpaceText(std::string_view text) { return allCodePoints(text, isSpace); }
bool isUpper(std::string_view text) { return hasOnlyCase(text, isUpperLetter, isLowerLetter); }
bool isLower(std::string_view text) { return hasOnlyCase(text, isLowerLetter, isUpperLetter); }

bool isIdentifierStart(uint32_t c) {
  return c == '_' || isLetter(c) || categoryOf(c) == UTF8PROC_CATEGORY_NL;
}

bool isIdentifierPart(uint32_t c) {
  auto category = categoryOf(c);
  return isIdentifierStart(c) || category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
         category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_PC;
}

} // namespace attune::jinja
