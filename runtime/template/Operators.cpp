// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/template/Operators.h"

#include "runtime/template/Strings.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

[[noreturn]] void refuse(std::string_view sign, const Value &left, const Value &right) {
  for (const Value *value : {&left, &right})
    if (value->is(Kind::Undefined))
      throw Problem(value->reason());
  if (sign == "+" && left.is(Kind::String))
    throw Problem(fmt::format("can only concatenate str (not \"{}\") to str", right.typeName()));
  throw Problem(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", sign, left.typeName(),
                            right.typeName()));
}

[[noreturn]] void overflow(std::string_view sign) {
  throw Problem(fmt::format("the result of {} does not fit into 64 bits", sign));
}

int64_t floorDivide(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

double floorModulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0)
    return (rest < 0) != (b < 0) ? rest + b : rest;
  return std::copysign(0.0, b);
}

double floorDivide(double a, double b) {
  double quotient = (a - floorModulo(a, b)) / b;
  double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Value integerPower(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0)
      throw Problem("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (true) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
      overflow("**");
    exponent >>= 1;
    if (exponent == 0)
      return Value(result);
    if (__builtin_mul_overflow(base, base, &base))
      overflow("**");
  }
}

Value integerOperation(std::string_view sign, int64_t a, int64_t b) {
  int64_t result = 0;
  if (sign == "+"   ? __builtin_add_overflow(a, b, &result)
      : sign == "-" ? __builtin_sub_overflow(a, b, &result)
      : sign == "*" ? __builtin_mul_overflow(a, b, &result)
                    : false)
    overflow(sign);
  if (sign == "+" || sign == "-" || sign == "*")
    return Value(result);
  if (sign == "**")
    return integerPower(a, b);
  if (b == 0)
    throw Problem(sign == "/" ? "division by zero" : "integer division or modulo by zero");
  if (sign == "/")
    return Value(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
  if (b == -1) { // the one quotient that may overflow
    if (a == INT64_MIN && sign == "//")
      overflow(sign);
    return sign == "//" ? Value(-a) : Value(0);
  }
  return sign == "//" ? Value(floorDivide(a, b)) : Value(a - floorDivide(a, b) * b);
}

Value floatPower(double a, double b) {
  if (a == 0 && b < 0)
    throw Problem("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && b != std::floor(b))
    throw Problem("complex numbers are not supported");
  double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
    throw Problem("(34, 'Numerical result out of range')");
  return Value(result);
}

Value floatOperation(std::string_view sign, double a, double b) {
  if (sign == "+")
    return Value(a + b);
  if (sign == "-")
    return Value(a - b);
  if (sign == "*")
    return Value(a * b);
  if (sign == "**")
    return floatPower(a, b);
  if (b == 0)
    throw Problem(sign == "/" ? "float division by zero" : "float floor division or modulo by zero");
  if (sign == "/")
    return Value(a / b);
  return Value(sign == "//" ? floorDivide(a, b) : floorModulo(a, b));
}

Value repeat(const Value &sequence, int64_t count) {
  size_t times = static_cast<size_t>(std::max<int64_t>(count, 0));
  if (sequence.is(Kind::String)) {
    const std::string &text = sequence.asText();
    if (!text.empty() && times > TextBuilder::MaxBytes / text.size())
      throw Problem(fmt::format("a text is longer than {} bytes", TextBuilder::MaxBytes));
    std::string result;
    result.reserve(text.size() * (text.empty() ? 0 : times));
    for (size_t i = 0; i < times && !text.empty(); ++i)
      result += text;
    return Value(std::move(result));
  }
  const std::vector<Value> &items = sequence.items();
  if (!items.empty() && times > Object::MaxWeight / items.size())
    throw Problem(fmt::format("a value has more than {} elements", Object::MaxWeight));
  std::vector<Value> result;
  for (size_t i = 0; i < times && !items.empty(); ++i)
    result.insert(result.end(), items.begin(), items.end());
  return Value::sequence(sequence.kind(), std::move(result));
}

bool canRepeat(const Value &value) {
  return value.is(Kind::String) || value.is(Kind::List) || value.is(Kind::Tuple);
}

Value joined(const Value &left, const Value &right) {
  if (left.is(Kind::String))
    return Value(TextBuilder().append(left.asText()).append(right.asText()).take());
  std::vector<Value> items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return Value::sequence(left.kind(), std::move(items));
}

/// A slice's bound as a position in 0..length (or -1..length-1 going backwards).
int64_t clampBound(const Value &bound, int64_t otherwise, int64_t length, bool backwards) {
  if (bound.is(Kind::None))
    return otherwise;
  if (bound.is(Kind::Undefined))
    throw Problem(bound.reason());
  if (!bound.isIntegral())
    throw Problem("slice indices must be integers or None or have an __index__ method");
  int64_t position = bound.asInteger();
  if (position < 0)
    position += length; // cannot overflow: the signs differ
  return std::clamp<int64_t>(position, backwards ? -1 : 0, backwards ? length - 1 : length);
}

} // namespace

Value binary(std::string_view sign, const Value &left, const Value &right) {
  if (left.isIntegral() && right.isIntegral())
    return integerOperation(sign, left.asInteger(), right.asInteger());
  if (left.isNumber() && right.isNumber())
    return floatOperation(sign, left.asNumber(), right.asNumber());
  if (sign == "+" && left.kind() == right.kind() && canRepeat(left))
    return joined(left, right);
  if (sign == "*" && canRepeat(left) && right.isIntegral())
    return repeat(left, right.asInteger());
  if (sign == "*" && canRepeat(right) && left.isIntegral())
    return repeat(right, left.asInteger());
  if (sign == "%" && left.is(Kind::String))
    return Value(formatPercent(left.asText(), right));
  refuse(sign, left, right);
}

Value negate(const Value &operand) {
  if (operand.is(Kind::Undefined))
    throw Problem(operand.reason());
  if (operand.is(Kind::Float))
    return Value(-operand.asNumber());
  if (!operand.isIntegral())
    throw Problem(fmt::format("bad operand type for unary -: '{}'", operand.typeName()));
  if (operand.asInteger() == INT64_MIN)
    overflow("-");
  return Value(-operand.asInteger());
}

bool contains(const Value &container, const Value &item) {
  switch (container.kind()) {
  case Kind::Undefined:
    return false;
  case Kind::String:
    if (!item.is(Kind::String))
      throw Problem(fmt::format("'in <string>' requires string as left operand, not {}", item.typeName()));
    return container.asText().find(item.asText()) != std::string::npos;
  case Kind::List:
  case Kind::Tuple:
  case Kind::Range:
  case Kind::View: {
    auto isItem = [&](const Value &element) { return equal(element, item); };
    return std::any_of(container.items().begin(), container.items().end(), isItem);
  }
  case Kind::Dict:
    if (!isHashable(item))
      throw Problem(fmt::format("unhashable type: '{}'", item.typeName()));
    return container.asDict().find(item) != nullptr;
  case Kind::Iterator: {
    auto &iterator = container.as<Iterator>();
    while (iterator.next < iterator.items.size())
      if (equal(iterator.items[iterator.next++], item))
        return true;
    return false;
  }
  default:
    throw Problem(fmt::format("argument of type '{}' is not iterable", container.typeName()));
  }
}

bool compare(std::string_view sign, const Value &left, const Value &right) {
  if (sign == "==")
    return equal(left, right);
  if (sign == "!=")
    return !equal(left, right);
  if (sign == "<")
    return isLess(left, right);
  if (sign == "<=")
    return isLessOrEqual(left, right);
  if (sign == ">")
    return isLess(right, left, ">");
  if (sign == ">=")
    return isLessOrEqual(right, left, ">=");
  return contains(right, left) == (sign == "in");
}

Value slice(const Value &sequence, const Value &begin, const Value &end, const Value &step) {
  if (sequence.is(Kind::Undefined))
    throw Problem(sequence.reason());
  if (!sequence.is(Kind::String) && (!sequence.isSequence() || sequence.is(Kind::View)))
    throw Problem(fmt::format("'{}' object is not subscriptable with a slice", sequence.typeName()));
  int64_t stride = 1;
  if (!step.is(Kind::None)) {
    if (!step.isIntegral())
      throw Problem("slice indices must be integers or None or have an __index__ method");
    stride = std::clamp<int64_t>(step.asInteger(), -INT64_MAX, INT64_MAX);
  }
  if (stride == 0)
    throw Problem("slice step cannot be zero");
  int64_t length = lengthOf(sequence);
  int64_t from = clampBound(begin, stride > 0 ? 0 : length - 1, length, stride < 0);
  int64_t to = clampBound(end, stride > 0 ? length : -1, length, stride < 0);
  if (sequence.is(Kind::String) && stride == 1) {
    const Text &text = sequence.text();
    if (from >= to)
      return Value("");
    auto offset = [&](int64_t position) {
      return text.isAscii() ? static_cast<size_t>(position)
                            : offsetOf(text.bytes, static_cast<size_t>(position));
    };
    return Value(text.bytes.substr(offset(from), offset(to) - offset(from)));
  }
  std::vector<size_t> positions;
  for (int64_t at = from; stride > 0 ? at < to : at > to;) {
    positions.push_back(static_cast<size_t>(at));
    if (__builtin_add_overflow(at, stride, &at))
      break;
  }
  if (sequence.is(Kind::String)) {
    std::string result;
    auto characters = splitCodePoints(sequence.asText());
    for (size_t position : positions)
      result += characters[position];
    return Value(std::move(result));
  }
  if (sequence.is(Kind::Range)) {
    const auto &range = sequence.as<Sequence>();
    return Value::range(range.rangeBegin + from * range.rangeStep, range.rangeBegin + to * range.rangeStep,
                        range.rangeStep * stride, positions.size());
  }
  std::vector<Value> items;
  for (size_t position : positions)
    items.push_back(sequence.items()[position]);
  return Value::sequence(sequence.kind(), std::move(items));
}

bool elementAt(const Value &sequence, int64_t position, Value &element) {
  int64_t length = lengthOf(sequence);
  if (position < 0)
    position += length;
  if (position < 0 || position >= length)
    return false;
  auto at = static_cast<size_t>(position);
  if (!sequence.is(Kind::String)) {
    element = sequence.items()[at];
    return true;
  }
  const Text &text = sequence.text();
  size_t begin = text.isAscii() ? at : offsetOf(text.bytes, at), end = begin;
  decodeAt(text.bytes, end);
  element = Value(text.bytes.substr(begin, end - begin));
  return true;
}

int64_t lengthOf(const Value &value) {
  switch (value.kind()) {
  case Kind::Undefined:
    return 0;
  case Kind::String:
    return static_cast<int64_t>(value.text().length);
  case Kind::Dict:
    return static_cast<int64_t>(value.asDict().entries.size());
  case Kind::List:
  case Kind::Tuple:
  case Kind::Range:
  case Kind::View:
    return static_cast<int64_t>(value.items().size());
  default:
    throw Problem(fmt::format("object of type '{}' has no len()", value.typeName()));
  }
}

} // namespace attune::jinja
