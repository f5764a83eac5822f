// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/template/Lexer.h"

#include "runtime/template/Strings.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

bool isDigitChar(char c) { return c >= '0' && c <= '9'; }

bool isDigitOfBase(char c, int base) {
  int digit = isDigitChar(c)         ? c - '0'
              : c >= 'a' && c <= 'f' ? c - 'a' + 10
              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                     : 99;
  return digit < base;
}

class Lexer {
public:
  explicit Lexer(std::string_view source) : source(source) {}

  std::vector<Token> run() {
    while (position < source.size())
      lexText();
    add(Token::End, position, "");
    return std::move(tokens);
  }

private:
  [[noreturn]] void fail(size_t offset, std::string message) const {
    throw SourceProblem{static_cast<uint32_t>(offset), std::move(message)};
  }

  void add(Token::Kind kind, size_t offset, std::string text) {
    tokens.push_back({kind, static_cast<uint32_t>(offset), std::move(text)});
  }

  bool startsWith(std::string_view prefix) const { return source.substr(position).starts_with(prefix); }
  char peek(size_t ahead = 0) const {
    return position + ahead < source.size() ? source[position + ahead] : '\0';
  }

  void skipSpace() {
    while (position < source.size()) {
      size_t next = position;
      if (!isSpace(decodeAt(source, next)))
        return;
      position = next;
    }
  }

  /// Text up to the next tag, then the tag.
  void lexText() {
    size_t begin = position, tag = source.find('{', position);
    while (tag != source.npos && (tag + 1 == source.size() ||
                                  std::string_view("{%#").find(source[tag + 1]) == std::string_view::npos))
      tag = source.find('{', tag + 1);
    if (tag == source.npos) {
      addText(begin, source.substr(begin));
      position = source.size();
      return;
    }
    char sign = tag + 2 < source.size() ? source[tag + 2] : '\0';
    addText(begin, trimBeforeTag(source.substr(begin, tag - begin), sign, source[tag + 1] == '{'));
    position = tag + 2;
    if (sign == '-' || sign == '+')
      ++position;
    lexTag(tag);
  }

  void addText(size_t offset, std::string_view text) {
    if (!text.empty())
      add(Token::Text, offset, std::string(text));
  }

  std::string_view trimBeforeTag(std::string_view text, char sign, bool isOutput) const {
    if (sign == '-')
      return strip(text, false, true);
    if (sign == '+' || isOutput)
      return text;
    size_t line = text.rfind('\n') + 1; // 0 if there is none
    if ((line > 0 || atLineStart) && strip(text.substr(line), true, false).empty())
      return text.substr(0, line);
    return text;
  }

  void lexTag(size_t tag) {
    switch (source[tag + 1]) {
    case '#':
      lexComment(tag);
      break;
    case '{':
      lexInside(tag, Token::OutputBegin, Token::OutputEnd, "}}");
      break;
    default:
      if (!lexRaw(tag))
        lexInside(tag, Token::BlockBegin, Token::BlockEnd, "%}");
    }
  }

  /// Moves past a tag's end, `end` with its sign if any, and the white space that goes with it. False if it
  /// is not here.
  bool skipEnd(std::string_view end, bool trimsNewline) {
    bool dash = peek() == '-', plus = peek() == '+' && trimsNewline;
    if (!source.substr(position + (dash || plus)).starts_with(end))
      return false;
    position += (dash || plus) + end.size();
    if (dash)
      skipSpace();
    else if (!plus && trimsNewline && peek() == '\n')
      ++position;
    atLineStart = source[position - 1] == '\n';
    return true;
  }

  void lexComment(size_t tag) {
    for (; position < source.size(); ++position)
      if (skipEnd("#}", true))
        return;
    fail(tag, "this comment has no end, expected '#}'");
  }

  /// {% raw %} … {% endraw %}. False, with nothing read, if this is another tag.
  bool lexRaw(size_t tag) {
    size_t begin = position;
    skipSpace();
    if (!startsWith("raw")) {
      position = begin;
      return false;
    }
    position += 3;
    skipSpace();
    bool dash = peek() == '-';
    if (!source.substr(position + dash).starts_with("%}")) {
      position = begin;
      return false;
    }
    position += dash + 2;
    if (dash)
      skipSpace();
    atLineStart = source[position - 1] == '\n';
    size_t textBegin = position;
    for (size_t end = source.find("{%", position); end != source.npos; end = source.find("{%", end + 1)) {
      position = end + 2;
      char sign = peek();
      if (sign == '-' || sign == '+')
        ++position;
      skipSpace();
      if (!startsWith("endraw"))
        continue;
      position += 6;
      skipSpace();
      std::string_view text = trimBeforeTag(source.substr(textBegin, end - textBegin), sign, false);
      if (!skipEnd("%}", true))
        continue;
      addText(textBegin, text);
      return true;
    }
    fail(tag, "this raw block has no end, expected '{% endraw %}'");
  }

  void lexInside(size_t tag, Token::Kind begin, Token::Kind end, std::string_view endText) {
    add(begin, tag, std::string(source.substr(tag, 2)));
    std::string open; // brackets whose closing ones are due
    while (true) {
      skipSpace();
      if (position >= source.size())
        fail(tag, fmt::format("this tag has no end, expected '{}'", endText));
      size_t at = position;
      if (open.empty() && skipEnd(endText, end == Token::BlockEnd)) {
        add(end, at, std::string(endText));
        return;
      }
      lexToken();
      if (tokens.back().kind == Token::Operator)
        balance(tokens.back(), open);
    }
  }

  void balance(const Token &token, std::string &open) const {
    constexpr std::string_view Opening = "([{", Closing = ")]}";
    if (size_t which = Opening.find(token.text); which != Opening.npos) {
      open += Closing[which];
    } else if (Closing.find(token.text) != Closing.npos) {
      if (open.empty())
        fail(token.offset, fmt::format("unexpected '{}'", token.text));
      if (open.back() != token.text[0])
        fail(token.offset, fmt::format("unexpected '{}', expected '{}'", token.text, open.back()));
      open.pop_back();
    }
  }

  void lexToken() {
    char c = peek();
    size_t next = position;
    if (isDigitChar(c))
      lexNumber();
    else if (c == '\'' || c == '"')
      lexString();
    else if (isIdentifierStart(decodeAt(source, next)))
      lexName();
    else
      lexOperator();
  }

  void lexName() {
    size_t begin = position;
    while (position < source.size()) {
      size_t next = position;
      if (!isIdentifierPart(decodeAt(source, next)))
        break;
      position = next;
    }
    add(Token::Name, begin, std::string(source.substr(begin, position - begin)));
  }

  /// Reads digits with single underscores between them.
  void readDigits(std::string &digits, int base) {
    while (isDigitOfBase(peek(), base) ||
           (peek() == '_' && !digits.empty() && isDigitOfBase(peek(1), base))) {
      if (peek() != '_')
        digits += peek();
      ++position;
    }
  }

  void lexNumber() {
    size_t begin = position;
    char mark = static_cast<char>(peek(1) | 0x20);
    int base = peek() != '0' ? 10 : mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    std::string digits;
    if (base != 10 && isDigitOfBase(peek(2), base)) {
      position += 2;
      readDigits(digits, base);
      add(Token::Integer, begin, std::string(source.substr(begin, 2)) + digits);
      return;
    }
    readDigits(digits, 10);
    bool isFloat = readFraction(digits, begin);
    isFloat |= readExponent(digits);
    if (!isFloat && digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != digits.npos)
      fail(begin, "leading zeros in an integer");
    add(isFloat ? Token::Float : Token::Integer, begin, digits);
  }

  /// Not after a dot: in `a.1.2` both numbers are subscripts.
  bool readFraction(std::string &digits, size_t begin) {
    if (peek() != '.' || !isDigitChar(peek(1)) || (begin > 0 && source[begin - 1] == '.'))
      return false;
    ++position;
    std::string fraction;
    readDigits(fraction, 10);
    digits += '.' + fraction;
    return true;
  }

  bool readExponent(std::string &digits) {
    bool sign = peek(1) == '+' || peek(1) == '-';
    if ((peek() | 0x20) != 'e' || !isDigitChar(peek(1 + sign)))
      return false;
    digits += 'e';
    if (sign)
      digits += peek(1);
    position += 1 + sign;
    std::string exponent;
    readDigits(exponent, 10);
    digits += exponent;
    return true;
  }

  void lexString() {
    size_t begin = position;
    char mark = source[position++];
    std::string text;
    while (true) {
      size_t next = source.find_first_of(mark == '\'' ? "'\\" : "\"\\", position);
      if (next == source.npos)
        fail(begin, "this string has no end");
      text += source.substr(position, next - position);
      position = next + 1;
      if (source[next] == mark)
        break;
      lexEscape(text);
    }
    add(Token::String, begin, std::move(text));
  }

  /// What follows a backslash, as in Python. Unknown escapes stand for themselves.
  void lexEscape(std::string &text) {
    if (position >= source.size())
      fail(position, "this string has no end");
    char c = source[position++];
    constexpr std::string_view Names = "abfnrtv\\'\"", Meanings = "\a\b\f\n\r\t\v\\'\"";
    if (size_t which = Names.find(c); which != Names.npos)
      text += Meanings[which];
    else if (c == 'x')
      encode(readHex(2), text);
    else if (c == 'u')
      encode(readPair(readHex(4)), text);
    else if (c == 'U')
      encode(readHex(8), text);
    else if (c >= '0' && c <= '7')
      encode(readOctal(c), text);
    else if (c == 'N')
      fail(position - 2, "'\\N{...}' in a string is not supported");
    else if (c != '\n') // a backslash at a line's end joins the lines
      (text += '\\') += c;
  }

  uint32_t readHex(size_t digits) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i, ++position) {
      if (!isDigitOfBase(peek(), 16))
        fail(position, fmt::format("expected {} hexadecimal digits in this escape", digits));
      char c = peek();
      value = value * 16 + static_cast<uint32_t>(isDigitChar(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    if (value > 0x10ffff)
      fail(position, "this escape is beyond the last code point");
    return value;
  }

  /// The second half of a surrogate pair, if `high` is a first half.
  uint32_t readPair(uint32_t high) {
    if (high < 0xd800 || high > 0xdfff)
      return high;
    if (high < 0xdc00 && startsWith("\\u")) {
      position += 2;
      if (uint32_t low = readHex(4); low >= 0xdc00 && low <= 0xdfff)
        return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    fail(position, "half a surrogate pair in a string is not supported");
  }

  uint32_t readOctal(char first) {
    auto value = static_cast<uint32_t>(first - '0');
    for (int i = 0; i < 2 && peek() >= '0' && peek() <= '7'; ++i)
      value = value * 8 + static_cast<uint32_t>(source[position++] - '0');
    return value;
  }

  void lexOperator() {
    for (std::string_view sign : {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                  "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"})
      if (startsWith(sign)) {
        add(Token::Operator, position, std::string(sign));
        position += sign.size();
        return;
      }
    size_t end = position;
    decodeAt(source, end);
    fail(position, fmt::format("unexpected character {}", quote(source.substr(position, end - position))));
  }

  std::string_view source;
  size_t position = 0;
  bool atLineStart = true; // what was read last ended with a newline
  std::vector<Token> tokens;
};

} // namespace

std::string normalizeSource(std::string_view source) {
  std::string result;
  result.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r')
      result += source[i];
    else if (i + 1 == source.size() || source[i + 1] != '\n')
      result += '\n';
  }
  if (result.ends_with('\n'))
    result.pop_back();
  return result;
}

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

} // namespace attune::jinja
