// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filters that make numbers.
#include "runtime/template/Filters.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Strings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

/// Takes underscores out from between digits; nothing if they stand elsewhere.
std::optional<std::string> withoutUnderscores(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      result += text[i];
      continue;
    }
    auto isDigitAt = [&](size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at]));
    };
    if (i == 0 || !isDigitAt(i - 1) || !isDigitAt(i + 1))
      return std::nullopt;
  }
  return result;
}

/// int(text, base)
std::optional<int64_t> parseInteger(std::string_view text, int64_t base) {
  std::optional<std::string> digits = withoutUnderscores(strip(text, true, true));
  if (!digits || digits->empty())
    return std::nullopt;
  bool negative = (*digits)[0] == '-';
  std::string_view rest = std::string_view(*digits).substr(negative || (*digits)[0] == '+');
  if (rest.size() > 2 && rest[0] == '0') {
    char mark = static_cast<char>(rest[1] | 0x20);
    int64_t marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked != 0 && (base == marked || base == 0)) {
      base = marked;
      rest.remove_prefix(2);
    }
  }
  if (base == 0)
    base = 10;
  if (base < 2 || base > 36 || rest.empty() || rest[0] == '-')
    return std::nullopt;
  std::string signedDigits = (negative ? "-" : "") + std::string(rest);
  int64_t number = 0;
  auto [end, error] = std::from_chars(signedDigits.data(), signedDigits.data() + signedDigits.size(), number,
                                      static_cast<int>(base));
  if (end != signedDigits.data() + signedDigits.size())
    return std::nullopt;
  if (error == std::errc::result_out_of_range)
    throw Problem(fmt::format("the integer {} does not fit into 64 bits", signedDigits));
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// float(text)
std::optional<double> parseFloat(std::string_view text) {
  std::optional<std::string> digits = withoutUnderscores(strip(text, true, true));
  if (!digits || digits->empty())
    return std::nullopt;
  std::string_view rest = *digits;
  if (rest[0] == '+')
    rest.remove_prefix(1);
  if (rest.empty() || (rest != *digits && rest[0] == '-') || rest.find('(') != rest.npos) // no "nan(1)"
    return std::nullopt;
  double number = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (end != rest.data() + rest.size() || error == std::errc::invalid_argument)
    return std::nullopt;
  if (error == std::errc::result_out_of_range) // too large is infinite, too small 0
    number = std::strtod(std::string(rest).c_str(), nullptr);
  return number;
}

/// int(number), nothing for infinities and NaN.
std::optional<int64_t> truncate(double number) {
  if (!std::isfinite(number))
    return std::nullopt;
  if (std::abs(number) >= 0x1p63)
    throw Problem(fmt::format("the integer {} does not fit into 64 bits", number));
  return static_cast<int64_t>(number);
}

std::optional<double> toFloat(const Value &value) {
  if (value.isNumber())
    return value.asNumber();
  return value.is(Kind::String) ? parseFloat(value.asText()) : std::nullopt;
}

Value intFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [otherwise, base] = arguments.bind("int", {"default", "base"});
  if (input.is(Kind::Undefined))
    throw Problem(input.reason());
  std::optional<int64_t> number;
  if (input.isIntegral())
    number = input.asInteger();
  else if (input.is(Kind::String))
    number = parseInteger(input.asText(), integerArgument(base, 10, "base"));
  if (std::optional<double> fractional = number ? std::nullopt : toFloat(input))
    number = truncate(*fractional);
  return number ? Value(*number) : otherwise ? *otherwise : Value(0);
}

Value floatFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [otherwise] = arguments.bind("float", {"default"});
  if (input.is(Kind::Undefined))
    throw Problem(input.reason());
  std::optional<double> number = toFloat(input);
  return number ? Value(*number) : otherwise ? *otherwise : Value(0.0);
}

Value absFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("abs");
  if (!input.isNumber())
    throw Problem(input.is(Kind::Undefined)
                      ? input.reason()
                      : fmt::format("bad operand type for abs(): '{}'", input.typeName()));
  if (input.is(Kind::Float))
    return Value(std::abs(input.asNumber()));
  return input.asInteger() < 0 ? negate(input) : Value(input.asInteger());
}

/// Python's round(): to the nearest decimal, of two equally near the one whose last digit is even, decided on
/// the exact binary value. That is what printing with so many digits does.
double roundTo(double number, int64_t digits) {
  if (!std::isfinite(number) || digits > 323)
    return number;
  if (digits >= 0)
    return std::strtod(fmt::format("{:.{}f}", number, digits).c_str(), nullptr);
  double power = std::pow(10.0, static_cast<double>(-digits));
  return std::isinf(power) ? 0 : std::nearbyint(number / power) * power;
}

Value roundFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [precision, method] = arguments.bind("round", {"precision", "method"});
  int64_t digits = integerArgument(precision, 0, "precision");
  std::string how = textArgument(method, "common", "method");
  if (how != "common" && how != "ceil" && how != "floor")
    throw Problem("method must be common, ceil or floor");
  if (!input.isNumber())
    throw Problem(input.is(Kind::Undefined)
                      ? input.reason()
                      : fmt::format("type {} doesn't define __round__ method", input.typeName()));
  if (how == "common") {
    if (input.isIntegral() && digits >= 0)
      return Value(input.asInteger());
    double rounded = roundTo(input.asNumber(), digits);
    return input.isIntegral() ? Value(truncate(rounded).value_or(0)) : Value(rounded);
  }
  double power = std::pow(10.0, static_cast<double>(digits));
  double scaled = input.asNumber() * power;
  return Value((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / power);
}

} // namespace

const FilterTable &numberFilters() {
  static const FilterTable table = {
      {"int", intFilter}, {"float", floatFilter}, {"abs", absFilter}, {"round", roundFilter}};
  return table;
}

} // namespace attune::jinja
