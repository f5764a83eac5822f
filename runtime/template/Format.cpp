// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Python's two ways to fill values into a text: "%s" % values, and "{}".format(values) without format
// specifications.
#include "runtime/template/Filters.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Strings.h"

#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

/// One "%…" field.
struct Field {
  std::string name;
  bool hasName = false, left = false, zeros = false, plus = false, blank = false;
  int width = 0, precision = -1;
  char conversion = 's';
};

class PercentFormat {
public:
  PercentFormat(std::string_view format, const Value &values) : format(format), values(values) {}

  std::string run() {
    while (at < format.size()) {
      size_t percent = std::min(format.find('%', at), format.size());
      result.append(format.substr(at, percent - at));
      at = percent + 1;
      if (percent < format.size())
        fill(readField());
    }
    if (!values.is(Kind::Dict) && !usesNames && used < available())
      throw Problem("not all arguments converted during string formatting");
    return result.take();
  }

private:
  size_t available() const { return values.is(Kind::Tuple) ? values.items().size() : 1; }

  char peek() const {
    if (at >= format.size())
      throw Problem("incomplete format");
    return format[at];
  }

  int readNumber() {
    int number = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at)
      if ((number = number * 10 + (peek() - '0')) > 10000)
        throw Problem("a width or precision above 10000 is not supported");
    return number;
  }

  Field readField() {
    Field field;
    if (peek() == '(') {
      size_t end = format.find(')', at);
      if (end == format.npos)
        throw Problem("incomplete format key");
      field.name = format.substr(at + 1, end - at - 1);
      field.hasName = true;
      at = end + 1;
    }
    for (; std::string_view("-0+ #").find(peek()) != std::string_view::npos; ++at) {
      field.left |= peek() == '-';
      field.zeros |= peek() == '0';
      field.plus |= peek() == '+';
      field.blank |= peek() == ' ';
      if (peek() == '#')
        throw Problem("the flag '#' of a format is not supported");
    }
    field.width = readNumber();
    if (peek() == '.') {
      ++at;
      field.precision = readNumber();
    }
    field.conversion = peek();
    ++at;
    return field;
  }

  Value argument(const Field &field) {
    if (field.hasName) {
      usesNames = true;
      if (!values.is(Kind::Dict))
        throw Problem("format requires a mapping");
      if (const Value *value = values.asDict().findText(field.name))
        return *value;
      throw Problem(quote(field.name));
    }
    if (used >= available())
      throw Problem("not enough arguments for format string");
    ++used;
    return values.is(Kind::Tuple) ? values.items()[used - 1] : values;
  }

  void fill(const Field &field) {
    if (field.conversion == '%') {
      result.append("%");
      return;
    }
    Value value = argument(field);
    std::string text = field.conversion == 's'   ? cut(toText(value), field.precision)
                       : field.conversion == 'r' ? cut(repr(value), field.precision)
                                                 : number(field, value);
    size_t length = countCodePoints(text), missing = static_cast<size_t>(field.width) > length
                                                         ? static_cast<size_t>(field.width) - length
                                                         : 0;
    bool isText = field.conversion == 's' || field.conversion == 'r';
    if (field.left) {
      result.append(text).append(missing, ' ');
    } else if (field.zeros && !isText) {
      size_t sign = text.find_first_of("0123456789in");
      result.append(std::string_view(text).substr(0, sign))
          .append(missing, '0')
          .append(std::string_view(text).substr(sign));
    } else {
      result.append(missing, ' ').append(text);
    }
  }

  static std::string cut(std::string text, int precision) {
    if (precision >= 0)
      text.resize(offsetOf(text, static_cast<size_t>(precision)));
    return text;
  }

  static std::string number(const Field &field, const Value &value) {
    if (std::string_view("diuxXoeEfFgG").find(field.conversion) == std::string_view::npos)
      throw Problem(fmt::format("the format '%{}' is not supported", field.conversion));
    if (value.is(Kind::Undefined))
      throw Problem(value.reason());
    if (!value.isNumber())
      throw Problem(
          fmt::format("%{} format: a real number is required, not {}", field.conversion, value.typeName()));
    std::string text = magnitude(field, value);
    bool negative = value.is(Kind::Float) ? std::signbit(value.asNumber()) : value.asInteger() < 0;
    if (negative && text != "0")
      return "-" + text;
    return (field.plus ? "+" : field.blank ? " " : "") + text;
  }

  static std::string magnitude(const Field &field, const Value &value) {
    char c = field.conversion;
    if (std::string_view("eEfFgG").find(c) != std::string_view::npos) {
      double number = std::abs(value.asNumber());
      int precision = field.precision < 0 ? 6 : field.precision;
      return fmt::format(fmt::runtime(std::string("{:.{}") + c + "}"), number, precision);
    }
    bool isDecimal = c == 'd' || c == 'i' || c == 'u';
    if (value.is(Kind::Float) && !isDecimal)
      throw Problem(fmt::format("%{} format: an integer is required, not float", c));
    if (value.is(Kind::Float) && !(std::abs(value.asNumber()) < 0x1p63))
      throw Problem(fmt::format("cannot convert float {} to integer", floatText(value.asNumber())));
    int64_t integer = value.is(Kind::Float) ? static_cast<int64_t>(value.asNumber()) : value.asInteger();
    uint64_t number = integer < 0 ? 0 - static_cast<uint64_t>(integer) : static_cast<uint64_t>(integer);
    std::string digits = c == 'x'   ? fmt::format("{:x}", number)
                         : c == 'X' ? fmt::format("{:X}", number)
                         : c == 'o' ? fmt::format("{:o}", number)
                                    : std::to_string(number);
    if (field.precision > static_cast<int>(digits.size()))
      digits.insert(0, static_cast<size_t>(field.precision) - digits.size(), '0');
    return digits;
  }

  std::string_view format;
  const Value &values;
  size_t at = 0, used = 0;
  bool usesNames = false;
  TextBuilder result;
};

/// The value that a replacement field names: "0", "name", "name.attribute", "0[key]".
Value fieldValue(Evaluator &evaluator, std::string_view field, const Arguments &arguments,
                 size_t &automatic) {
  size_t end = std::min(field.find_first_of(".["), field.size());
  std::string_view first = field.substr(0, end), rest = field.substr(end);
  Value value;
  size_t position = 0;
  if (first.empty() || isDigit(first)) {
    if (first.empty())
      position = automatic++;
    else if (std::from_chars(first.data(), first.data() + first.size(), position).ec != std::errc())
      throw Problem("Too many decimal digits in format string");
    if (position >= arguments.positional.size())
      throw Problem(fmt::format("Replacement index {} out of range for positional args tuple", position));
    value = arguments.positional[position];
  } else {
    auto sameName = [&](const auto &argument) { return argument.first == first; };
    auto at = std::find_if(arguments.named.begin(), arguments.named.end(), sameName);
    if (at == arguments.named.end())
      throw Problem(quote(first));
    value = at->second;
  }
  while (!rest.empty()) {
    bool isAttribute = rest[0] == '.';
    size_t stop = isAttribute ? std::min(rest.find_first_of(".[", 1), rest.size()) : rest.find(']');
    if (stop == rest.npos)
      throw Problem("expected ']' in a format field");
    std::string_view key = rest.substr(1, stop - 1);
    int64_t number = 0;
    bool isNumber =
        isDigit(key) && std::from_chars(key.data(), key.data() + key.size(), number).ec == std::errc();
    value = isAttribute ? evaluator.attribute(value, std::string(key))
                        : evaluator.subscript(value, isNumber ? Value(number) : Value(key));
    rest.remove_prefix(stop + !isAttribute);
  }
  return value;
}

} // namespace

std::string formatPercent(std::string_view format, const Value &values) {
  return PercentFormat(format, values).run();
}

std::string formatBraces(Evaluator &evaluator, std::string_view format, const Arguments &arguments) {
  TextBuilder result;
  size_t automatic = 0;
  for (size_t at = 0; at < format.size();) {
    size_t brace = std::min(format.find_first_of("{}", at), format.size());
    result.append(format.substr(at, brace - at));
    at = brace + 1;
    if (brace == format.size())
      break;
    if (at < format.size() && format[at] == format[brace]) { // doubled: stands for itself
      result.append(1, format[brace]);
      ++at;
      continue;
    }
    size_t end = format.find('}', at);
    if (format[brace] == '}' || end == format.npos)
      throw Problem(fmt::format("Single '{}' encountered in format string", format[brace]));
    std::string_view field = format.substr(at, end - at);
    if (field.find_first_of(":!{") != field.npos)
      throw Problem(fmt::format("the format field '{{{}}}' is not supported", field));
    result.append(toText(fieldValue(evaluator, field, arguments, automatic)));
    at = end + 1;
  }
  return result.take();
}

} // namespace attune::jinja
