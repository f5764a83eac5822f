// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values as text: str(), repr() and json.dumps() of Python.
#include "runtime/template/Evaluator.h"
#include "runtime/template/Strings.h"
#include "runtime/template/Value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

void appendRepr(const Value &value, TextBuilder &to);

void appendItems(const std::vector<Value> &items, TextBuilder &to) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0)
      to.append(", ");
    appendRepr(items[i], to);
  }
}

void appendDict(const Dict &dict, TextBuilder &to) {
  to.append("{");
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i > 0)
      to.append(", ");
    appendRepr(dict.entries[i].first, to);
    to.append(": ");
    appendRepr(dict.entries[i].second, to);
  }
  to.append("}");
}

std::string rangeText(const Sequence &range) {
  return range.rangeStep == 1
             ? fmt::format("range({}, {})", range.rangeBegin, range.rangeEnd)
             : fmt::format("range({}, {}, {})", range.rangeBegin, range.rangeEnd, range.rangeStep);
}

void appendRepr(const Value &value, TextBuilder &to) {
  switch (value.kind()) {
  case Kind::String:
    to.append(quote(value.asText()));
    break;
  case Kind::List:
    to.append("[");
    appendItems(value.items(), to);
    to.append("]");
    break;
  case Kind::Tuple:
    to.append("(");
    appendItems(value.items(), to);
    to.append(value.items().size() == 1 ? ",)" : ")");
    break;
  case Kind::View:
    to.append(value.typeName()).append("([");
    appendItems(value.items(), to);
    to.append("])");
    break;
  case Kind::Dict:
    appendDict(value.asDict(), to);
    break;
  case Kind::Undefined:
    to.append("Undefined");
    break;
  default:
    to.append(toText(value));
  }
}

/// Python's float repr: the shortest digits that read back as the same number, in positional form for
/// exponents from -4 to 15.
std::string shortestFloat(double number) {
  char buffer[40];
  auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(number), std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2)
    digits += text.substr(2, e - 2);
  int exponent = 0;
  std::from_chars(text.data() + e + 1 + (text[e + 1] == '+'), text.data() + text.size(), exponent);
  int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    std::string mantissa = count == 1 ? digits : digits.substr(0, 1) + "." + digits.substr(1);
    return fmt::format("{}e{}{:02}", mantissa, exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0)
    return "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (exponent + 1 >= count)
    return digits + std::string(static_cast<size_t>(exponent + 1 - count), '0') + ".0";
  return digits.insert(static_cast<size_t>(exponent + 1), ".");
}

/// Writes one JSON document.
class JsonWriter {
public:
  explicit JsonWriter(const JsonStyle &style) : style(style) {}

  void write(const Value &value) {
    switch (value.kind()) {
    case Kind::None:
      to.append("null");
      break;
    case Kind::Boolean:
      to.append(value.asBoolean() ? "true" : "false");
      break;
    case Kind::Integer:
      to.append(std::to_string(value.asInteger()));
      break;
    case Kind::Float:
      to.append(numberText(value.asNumber()));
      break;
    case Kind::String:
      writeString(value.asText());
      break;
    case Kind::List:
    case Kind::Tuple:
      writeList(value.items());
      break;
    case Kind::Dict:
      writeDict(value.asDict());
      break;
    default:
      throw Problem(fmt::format("Object of type {} is not JSON serializable", value.typeName()));
    }
  }

  std::string take() { return to.take(); }

private:
  static std::string numberText(double number) {
    if (std::isnan(number))
      return "NaN";
    return std::isinf(number) ? (number < 0 ? "-Infinity" : "Infinity") : floatText(number);
  }

  void newLine() {
    if (!style.multiline)
      return;
    to.append("\n");
    for (int i = 0; i < level; ++i)
      to.append(style.indentUnit);
  }

  void writeList(const std::vector<Value> &items) {
    if (items.empty()) {
      to.append("[]");
      return;
    }
    to.append("[");
    ++level;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0)
        to.append(style.itemSeparator);
      newLine();
      write(items[i]);
    }
    --level;
    newLine();
    to.append("]");
  }

  void writeDict(const Dict &dict) {
    if (dict.entries.empty()) {
      to.append("{}");
      return;
    }
    std::vector<const std::pair<Value, Value> *> entries;
    for (const auto &entry : dict.entries)
      entries.push_back(&entry);
    if (style.sortKeys)
      std::stable_sort(entries.begin(), entries.end(),
                       [](auto *a, auto *b) { return isLess(a->first, b->first); });
    to.append("{");
    ++level;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0)
        to.append(style.itemSeparator);
      newLine();
      writeString(keyText(entries[i]->first));
      to.append(style.keySeparator);
      write(entries[i]->second);
    }
    --level;
    newLine();
    to.append("}");
  }

  static std::string keyText(const Value &key) {
    switch (key.kind()) {
    case Kind::String:
      return key.asText();
    case Kind::None:
      return "null";
    case Kind::Boolean:
      return key.asBoolean() ? "true" : "false";
    case Kind::Integer:
      return std::to_string(key.asInteger());
    case Kind::Float:
      return numberText(key.asNumber());
    default:
      throw Problem(fmt::format("keys must be str, int, float, bool or None, not {}", key.typeName()));
    }
  }

  void writeString(std::string_view text) {
    to.append("\"");
    size_t plain = 0; // where the text not yet written begins
    for (size_t offset = 0; offset < text.size();) {
      size_t begin = offset;
      uint32_t c = decodeAt(text, offset);
      std::string escaped = escape(c);
      if (escaped.empty())
        continue;
      to.append(text.substr(plain, begin - plain)).append(escaped);
      plain = offset;
    }
    to.append(text.substr(plain)).append("\"");
  }

  /// Empty if the character stands for itself.
  std::string escape(uint32_t c) const {
    switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    }
    if (c < 0x20 || (style.asciiOnly && c >= 0x7f && c < 0x10000 && c != 0x7f))
      return fmt::format("\\u{:04x}", c);
    if (style.asciiOnly && c >= 0x10000)
      return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((c - 0x10000) >> 10),
                         0xdc00 + ((c - 0x10000) & 0x3ff));
    return "";
  }

  const JsonStyle &style;
  TextBuilder to;
  int level = 0;
};

} // namespace

std::string floatText(double number) {
  if (std::isnan(number))
    return "nan";
  std::string magnitude = std::isinf(number) ? "inf" : shortestFloat(number);
  return std::signbit(number) ? "-" + magnitude : magnitude;
}

std::string repr(const Value &value) {
  TextBuilder to;
  appendRepr(value, to);
  return to.take();
}

std::string toText(const Value &value) {
  switch (value.kind()) {
  case Kind::Undefined:
    return "";
  case Kind::None:
    return "None";
  case Kind::Boolean:
    return value.asBoolean() ? "True" : "False";
  case Kind::Integer:
    return std::to_string(value.asInteger());
  case Kind::Float:
    return floatText(value.asNumber());
  case Kind::String:
    return value.asText();
  case Kind::Range:
    return rangeText(value.as<Sequence>());
  case Kind::List:
  case Kind::Tuple:
  case Kind::View:
  case Kind::Dict:
    return repr(value);
  case Kind::Callable:
    return value.as<Callable>().isMacro ? "<Macro " + quote(value.as<Callable>().name) + ">" : "<function>";
  default: // Python prints these with an address
    return fmt::format("<{} object>", value.typeName());
  }
}

std::string toJson(const Value &value, const JsonStyle &style) {
  JsonWriter writer(style);
  writer.write(value);
  return writer.take();
}

} // namespace attune::jinja
