// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tables of filters and tests, what they share, and the tests.
#include "runtime/template/Filters.h"

#include "runtime/template/Operators.h"
#include "runtime/template/Strings.h"

#include <charconv>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

const Value &operand(const Arguments &arguments, std::string_view test) { return arguments.only(test); }

/// subject % divisor == rest
bool leavesRest(const Value &subject, const Value &divisor, int64_t rest) {
  return equal(binary("%", subject, divisor), Value(rest));
}

template <Kind kind> bool isKind(Evaluator &, const Value &subject, const Arguments &) {
  return subject.is(kind);
}

bool isSequenceTest(Evaluator &, const Value &subject, const Arguments &) {
  return subject.is(Kind::Undefined) || subject.is(Kind::String) || subject.is(Kind::Dict) ||
         (subject.isSequence() && !subject.is(Kind::View));
}

bool isIterableTest(Evaluator &evaluator, const Value &subject, const Arguments &arguments) {
  return isSequenceTest(evaluator, subject, arguments) || subject.is(Kind::View) ||
         subject.is(Kind::Iterator) || subject.is(Kind::Loop);
}

template <int compared> bool compareTest(Evaluator &, const Value &subject, const Arguments &arguments) {
  constexpr const char *Signs[] = {"==", "!=", "<", "<=", ">", ">=", "in"};
  return compare(Signs[compared], subject, operand(arguments, Signs[compared]));
}

bool isSame(Evaluator &, const Value &subject, const Arguments &arguments) {
  const Value &other = operand(arguments, "sameas");
  if (subject.kind() != other.kind())
    return false;
  bool isConstant = subject.isNumber() || subject.is(Kind::None) || subject.is(Kind::String);
  return isConstant ? equal(subject, other) : subject.sharesObjectWith(other);
}

using TestTable = std::unordered_map<std::string_view, TestFunction>;

const TestTable &testTable() {
  static const TestTable table = {
      {"defined",
       [](Evaluator &, const Value &subject, const Arguments &) { return !subject.is(Kind::Undefined); }},
      {"undefined", isKind<Kind::Undefined>},
      {"none", isKind<Kind::None>},
      {"boolean", isKind<Kind::Boolean>},
      {"integer", isKind<Kind::Integer>},
      {"float", isKind<Kind::Float>},
      {"string", isKind<Kind::String>},
      {"mapping", isKind<Kind::Dict>},
      {"true",
       [](Evaluator &, const Value &v, const Arguments &) { return v.is(Kind::Boolean) && v.asBoolean(); }},
      {"false",
       [](Evaluator &, const Value &v, const Arguments &) { return v.is(Kind::Boolean) && !v.asBoolean(); }},
      {"number", [](Evaluator &, const Value &subject, const Arguments &) { return subject.isNumber(); }},
      {"sequence", isSequenceTest},
      {"iterable", isIterableTest},
      {"callable", isKind<Kind::Callable>},
      {"escaped", [](Evaluator &, const Value &, const Arguments &) { return false; }},
      {"odd", [](Evaluator &, const Value &v, const Arguments &) { return leavesRest(v, Value(2), 1); }},
      {"even", [](Evaluator &, const Value &v, const Arguments &) { return leavesRest(v, Value(2), 0); }},
      {"divisibleby", [](Evaluator &, const Value &v,
                         const Arguments &a) { return leavesRest(v, operand(a, "divisibleby"), 0); }},
      {"upper",
       [](Evaluator &, const Value &subject, const Arguments &) { return isUpper(toText(subject)); }},
      {"lower",
       [](Evaluator &, const Value &subject, const Arguments &) { return isLower(toText(subject)); }},
      {"filter", [](Evaluator &, const Value &v,
                    const Arguments &) { return v.is(Kind::String) && isFilter(v.asText()); }},
      {"test", [](Evaluator &, const Value &v,
                  const Arguments &) { return v.is(Kind::String) && isTest(v.asText()); }},
      {"sameas", isSame},
      {"eq", compareTest<0>},
      {"equalto", compareTest<0>},
      {"==", compareTest<0>},
      {"ne", compareTest<1>},
      {"!=", compareTest<1>},
      {"lt", compareTest<2>},
      {"lessthan", compareTest<2>},
      {"<", compareTest<2>},
      {"le", compareTest<3>},
      {"<=", compareTest<3>},
      {"gt", compareTest<4>},
      {"greaterthan", compareTest<4>},
      {">", compareTest<4>},
      {"ge", compareTest<5>},
      {">=", compareTest<5>},
      {"in", compareTest<6>},
  };
  return table;
}

} // namespace

FilterFunction findFilter(std::string_view name) {
  for (const FilterTable *table : {&textFilters(), &sequenceFilters(), &selectionFilters(), &numberFilters()})
    if (auto at = table->find(name); at != table->end())
      return at->second;
  return nullptr;
}

TestFunction findTest(std::string_view name) {
  auto at = testTable().find(name);
  return at == testTable().end() ? nullptr : at->second;
}

bool isFilter(std::string_view name) { return findFilter(name) != nullptr; }
bool isTest(std::string_view name) { return findTest(name) != nullptr; }

int64_t integerArgument(const Value *value, int64_t otherwise, std::string_view what) {
  if (!value)
    return otherwise;
  if (value->is(Kind::Undefined))
    throw Problem(value->reason());
  if (!value->isIntegral())
    throw Problem(fmt::format("{} must be an int, not {}", what, value->typeName()));
  return value->asInteger();
}

std::string textArgument(const Value *value, std::string_view otherwise, std::string_view what) {
  if (!value)
    return std::string(otherwise);
  if (value->is(Kind::Undefined))
    throw Problem(value->reason());
  if (!value->is(Kind::String))
    throw Problem(fmt::format("{} must be a str, not {}", what, value->typeName()));
  return value->asText();
}

bool truthArgument(const Value *value, bool otherwise) { return value ? value->truth() : otherwise; }

Value attributeOf(Evaluator &evaluator, Value item, const Value &path) {
  if (path.is(Kind::None))
    return item;
  if (!path.is(Kind::String))
    return evaluator.subscript(item, path);
  for (std::string_view part : splitAt(path.asText(), ".", -1)) {
    int64_t position = 0;
    bool isPosition =
        isDigit(part) &&
        std::from_chars(part.data(), part.data() + part.size(), position).ptr == part.data() + part.size();
    item = evaluator.subscript(item, isPosition ? Value(position) : Value(part));
  }
  return item;
}

} // namespace attune::jinja
