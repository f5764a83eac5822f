// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filters that apply others, or tests, to each element.
#include "runtime/template/Filters.h"
#include "runtime/template/Operators.h"

#include <fmt/format.h>

namespace attune::jinja {

namespace {

Arguments withoutFirst(const Arguments &arguments, size_t count) {
  Arguments rest;
  rest.positional.assign(arguments.positional.begin() + static_cast<ptrdiff_t>(count),
                         arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

Value mapAttribute(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  auto [attribute, otherwise] = arguments.bind("map", {"attribute", "default"});
  std::vector<Value> results;
  for (const Value &item : evaluator.iterate(input)) {
    Value result = attributeOf(evaluator, item, *attribute);
    if (result.is(Kind::Undefined) && otherwise && !otherwise->is(Kind::None))
      result = *otherwise;
    results.push_back(std::move(result));
  }
  return Value::iterator(std::move(results));
}

Value mapFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  if (!input.truth())
    return Value::iterator({});
  bool hasAttribute = false;
  for (const auto &argument : arguments.named)
    hasAttribute |= argument.first == "attribute";
  if (arguments.positional.empty() && hasAttribute)
    return mapAttribute(evaluator, input, arguments);
  if (arguments.positional.empty())
    throw Problem("map requires a filter argument");
  std::string name = textArgument(&arguments.positional[0], "", "the filter that map applies");
  Arguments rest = withoutFirst(arguments, 1);
  std::vector<Value> results;
  for (const Value &item : evaluator.iterate(input))
    results.push_back(evaluator.filter(name, item, rest));
  return Value::iterator(std::move(results));
}

/// select, reject and, by an attribute of the elements, selectattr and rejectattr.
Value pick(Evaluator &evaluator, const Value &input, const Arguments &arguments, bool wanted,
           bool byAttribute) {
  if (!input.truth())
    return Value::iterator({});
  size_t used = byAttribute;
  if (arguments.positional.size() < used)
    throw Problem("Missing parameter for attribute name");
  bool hasTest = arguments.positional.size() > used;
  std::string name = hasTest ? textArgument(&arguments.positional[used], "", "the test to select by") : "";
  Arguments rest = withoutFirst(arguments, used + hasTest);
  std::vector<Value> kept;
  for (const Value &item : evaluator.iterate(input)) {
    Value subject = byAttribute ? attributeOf(evaluator, item, arguments.positional[0]) : item;
    bool holds = hasTest ? evaluator.test(name, subject, rest) : subject.truth();
    if (holds == wanted)
      kept.push_back(item);
  }
  return Value::iterator(std::move(kept));
}

Value selectFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  return pick(evaluator, input, arguments, true, false);
}

Value rejectFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  return pick(evaluator, input, arguments, false, false);
}

Value selectattrFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  return pick(evaluator, input, arguments, true, true);
}

Value rejectattrFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  return pick(evaluator, input, arguments, false, true);
}

Value sumFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  auto [attribute, start] = arguments.bind("sum", {"attribute", "start"});
  Value sum = start ? *start : Value(0);
  if (sum.is(Kind::String))
    throw Problem("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value &item : evaluator.iterate(input)) {
    evaluator.spend(sum.isSequence() ? sum.weight() : 0);
    sum = binary("+", sum, attribute ? attributeOf(evaluator, item, *attribute) : item);
  }
  return sum;
}

Value attrFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  std::string name = textArgument(&arguments.only("attr"), "", "the name of the attribute");
  if (input.is(Kind::Dict) && !findMethod(input, name)) // unlike a dot, this does not look into dicts
    return Value::undefined(fmt::format("'dict object' has no attribute '{}'", name));
  return evaluator.attribute(input, name);
}

} // namespace

const FilterTable &selectionFilters() {
  static const FilterTable table = {
      {"map", mapFilter},   {"select", selectFilter},         {"reject", rejectFilter},
      {"sum", sumFilter},   {"selectattr", selectattrFilter}, {"rejectattr", rejectattrFilter},
      {"attr", attrFilter},
  };
  return table;
}

} // namespace attune::jinja
