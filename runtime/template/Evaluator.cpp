// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Expressions. The statements are in EvaluatorStatements.cpp.
#include "runtime/template/Evaluator.h"

#include "runtime/Error.h"
#include "runtime/template/Filters.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Strings.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::jinja {

const Value &Arguments::only(std::string_view callee) const {
  if (positional.size() != 1 || !named.empty())
    throw Problem(
        fmt::format("{}() takes exactly one argument ({} given)", callee, positional.size() + named.size()));
  return positional[0];
}

void Arguments::refuseNames(std::string_view callee) const {
  if (!named.empty())
    throw Problem(fmt::format("{}() takes no keyword arguments", callee));
}

void Arguments::bindTo(std::string_view callee, const char *const *parameters, const Value **bound,
                       size_t count) const {
  if (positional.size() > count)
    throw Problem(fmt::format("{}() takes at most {} arguments, {} given", callee, count, positional.size()));
  for (size_t i = 0; i < positional.size(); ++i)
    bound[i] = &positional[i];
  for (const auto &[name, value] : named) {
    auto *at = std::find(parameters, parameters + count, std::string_view(name));
    if (at == parameters + count)
      throw Problem(fmt::format("{}() got an unexpected keyword argument '{}'", callee, name));
    if (bound[at - parameters])
      throw Problem(fmt::format("{}() got multiple values for argument '{}'", callee, name));
    bound[at - parameters] = &value;
  }
}

Value makeFunction(std::string name, std::function<Value(Evaluator &, const Arguments &)> function) {
  auto callable = std::make_shared<Callable>();
  callable->name = std::move(name);
  callable->function = std::move(function);
  return Value(Kind::Callable, std::move(callable));
}

std::string describePlace(const std::string &name, const std::string &source, uint32_t offset,
                          const std::string &message) {
  std::string_view before = std::string_view(source).substr(0, offset);
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  size_t column = countCodePoints(before.substr(before.rfind('\n') + 1)) + 1;
  return fmt::format("{}:{}:{}: {}", name, line, column, message);
}

Evaluator::Evaluator(const std::string &source, const std::string &name, const Dict &context,
                     const RenderOptions &options)
    : source(source), name(name), context(context), options(options), scope(std::make_shared<Scope>()) {}

void Evaluator::fail(uint32_t offset, const std::string &message) const {
  throw Error(describePlace(name, source, offset, message));
}

void Evaluator::spend(uint64_t count) {
  steps += count;
  if (steps > options.maxSteps)
    throw Problem(fmt::format("the template does more than {} steps of work", options.maxSteps));
}

void Evaluator::spendOn(const Value &value, bool items) {
  if (value.is(Kind::String))
    spend(value.asText().size() / 16);
  else if (items)
    spend(value.weight() / 4);
}

Value Evaluator::made(Value value) {
  spend(value.is(Kind::String) ? value.asText().size() / 32 : value.isSequence() ? value.items().size() : 0);
  return value;
}

Evaluator::Nesting::Nesting(Evaluator &evaluator, uint32_t offset) : evaluator(evaluator) {
  if (evaluator.depth >= MaxDepth)
    evaluator.fail(offset, fmt::format("nested more than {} levels deep", MaxDepth));
  ++evaluator.depth;
}

Value Evaluator::evaluate(const Expression &expression) {
  Nesting level(*this, expression.offset);
  try {
    spend(1);
    return evaluateKind(expression);
  } catch (const Problem &problem) {
    fail(expression.offset, problem.what());
  }
}

Value Evaluator::evaluateKind(const Expression &expression) {
  auto child = [&](size_t which) -> const Expression & { return *expression.children[which]; };
  switch (expression.kind) {
  case Expression::Constant:
    return expression.value;
  case Expression::Name:
    return evaluateName(expression);
  case Expression::List:
    return Value::list(evaluateAll(expression.children));
  case Expression::Tuple:
    return Value::tuple(evaluateAll(expression.children));
  case Expression::Dict:
    return evaluateDict(expression);
  case Expression::Attribute:
    return attribute(evaluate(child(0)), expression.name);
  case Expression::Subscript:
    return evaluateSubscript(expression);
  case Expression::Call:
    return evaluateCall(expression);
  case Expression::Filter:
    return evaluateFilter(expression);
  case Expression::Test:
    return Value(evaluateTest(expression));
  case Expression::Negate:
    return negate(evaluate(child(0)));
  case Expression::Plus:
    return negate(negate(evaluate(child(0))));
  case Expression::Not:
    return Value(!evaluate(child(0)).truth());
  case Expression::And: {
    Value left = evaluate(child(0));
    return left.truth() ? evaluate(child(1)) : left;
  }
  case Expression::Or: {
    Value left = evaluate(child(0));
    return left.truth() ? left : evaluate(child(1));
  }
  case Expression::Binary:
    return evaluateBinary(expression);
  case Expression::Concatenate:
    return evaluateConcatenation(expression);
  case Expression::Compare:
    return Value(evaluateCompare(expression));
  case Expression::Conditional:
    return evaluateConditional(expression);
  case Expression::Captured:
    return captured;
  case Expression::Slice:
    throw Problem("a slice among several subscripts is not supported");
  case Expression::NamespaceAttribute:
    break;
  }
  throw Problem("cannot be evaluated");
}

std::vector<Value> Evaluator::evaluateAll(const std::vector<ExpressionPtr> &expressions) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const ExpressionPtr &expression : expressions)
    values.push_back(evaluate(*expression));
  return values;
}

Value Evaluator::evaluateName(const Expression &expression) {
  for (const Scope *at = scope.get(); at; at = at->parent.get())
    if (const Value *value = at->find(expression.name))
      return *value;
  if (const Value *value = context.findText(expression.name))
    return *value;
  if (const Value *value = findGlobal(expression.name))
    return *value;
  return Value::undefined(fmt::format("'{}' is undefined", expression.name));
}

Value Evaluator::evaluateDict(const Expression &expression) {
  std::vector<std::pair<Value, Value>> entries;
  for (size_t i = 0; i < expression.children.size(); i += 2) {
    Value key = evaluate(*expression.children[i]);
    entries.emplace_back(std::move(key), evaluate(*expression.children[i + 1]));
  }
  return Value::dict(std::move(entries));
}

Value Evaluator::evaluateSubscript(const Expression &expression) {
  Value object = evaluate(*expression.children[0]);
  const Expression &index = *expression.children[1];
  if (index.kind != Expression::Slice)
    return subscript(object, evaluate(index));
  spendOn(object);
  Value bounds[3];
  for (size_t i = 0; i < 3; ++i)
    if (index.children[i])
      bounds[i] = evaluate(*index.children[i]);
  if (!object.is(Kind::Undefined) && !object.is(Kind::String) &&
      (!object.isSequence() || object.is(Kind::View)))
    return Value::undefined(fmt::format("{} object has no slices", object.typeName()));
  return made(slice(object, bounds[0], bounds[1], bounds[2]));
}

Arguments Evaluator::evaluateArguments(const Expression &call) {
  Arguments arguments;
  for (size_t i = 1; i < call.children.size(); ++i)
    arguments.positional.push_back(evaluate(*call.children[i]));
  for (const auto &[name, value] : call.keywords)
    arguments.named.emplace_back(name, evaluate(*value));
  if (call.starArguments)
    for (Value &value : iterate(evaluate(*call.starArguments)))
      arguments.positional.push_back(std::move(value));
  if (!call.starKeywords)
    return arguments;
  Value keywords = evaluate(*call.starKeywords);
  if (!keywords.is(Kind::Dict))
    throw Problem(fmt::format("the argument after ** must be a mapping, not {}", keywords.typeName()));
  for (const auto &[key, value] : keywords.asDict().entries) {
    if (!key.is(Kind::String))
      throw Problem("keywords must be strings");
    auto sameName = [&](const auto &argument) { return argument.first == key.asText(); };
    if (std::any_of(arguments.named.begin(), arguments.named.end(), sameName))
      throw Problem(fmt::format("got multiple values for keyword argument '{}'", key.asText()));
    arguments.named.emplace_back(key.asText(), value);
  }
  return arguments;
}

Value Evaluator::evaluateCall(const Expression &expression) {
  Value callee = evaluate(*expression.children[0]);
  return made(call(callee, evaluateArguments(expression)));
}

Value Evaluator::call(const Value &callee, const Arguments &arguments) {
  if (callee.is(Kind::Callable))
    return callee.as<Callable>().function(*this, arguments);
  if (callee.is(Kind::Undefined))
    throw Problem(callee.reason());
  throw Problem(fmt::format("'{}' object is not callable", callee.typeName()));
}

Value Evaluator::evaluateFilter(const Expression &expression) {
  Value input = evaluate(*expression.children[0]);
  return made(filter(expression.name, input, evaluateArguments(expression)));
}

Value Evaluator::filter(const std::string &filterName, const Value &input, const Arguments &arguments) {
  FilterFunction function = findFilter(filterName);
  if (!function)
    throw Problem(fmt::format("the filter '{}' is not supported", filterName));
  spend(1);
  spendOn(input);
  return function(*this, input, arguments);
}

bool Evaluator::evaluateTest(const Expression &expression) {
  Value subject = evaluate(*expression.children[0]);
  return test(expression.name, subject, evaluateArguments(expression));
}

bool Evaluator::test(const std::string &testName, const Value &subject, const Arguments &arguments) {
  TestFunction function = findTest(testName);
  if (!function)
    throw Problem(fmt::format("the test '{}' is not supported", testName));
  spend(1 +
        std::min(subject.weight(), arguments.positional.empty() ? 0 : arguments.positional[0].weight()) / 8);
  return function(*this, subject, arguments);
}

Value Evaluator::evaluateBinary(const Expression &expression) {
  Value left = evaluate(*expression.children[0]);
  return made(binary(expression.name, left, evaluate(*expression.children[1])));
}

Value Evaluator::evaluateConcatenation(const Expression &expression) {
  TextBuilder text;
  for (const ExpressionPtr &part : expression.children)
    text.append(toText(evaluate(*part)));
  return made(Value(text.take()));
}

bool Evaluator::evaluateCompare(const Expression &expression) {
  Value left = evaluate(*expression.children[0]);
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    Value right = evaluate(*expression.children[i + 1]);
    const std::string &sign = expression.operators[i];
    bool searches = sign == "in" || sign == "not in";
    spend((searches ? right.weight() : std::min(left.weight(), right.weight())) / 8);
    if (!compare(sign, left, right))
      return false;
    left = std::move(right);
  }
  return true;
}

Value Evaluator::evaluateConditional(const Expression &expression) {
  if (evaluate(*expression.children[0]).truth())
    return evaluate(*expression.children[1]);
  if (expression.children[2])
    return evaluate(*expression.children[2]);
  return Value::undefined("the inline if-expression evaluated to false and no else section was defined");
}

Value Evaluator::attribute(const Value &object, const std::string &attributeName) {
  if (object.is(Kind::Undefined))
    throw Problem(object.reason());
  if (object.is(Kind::Loop))
    return loopAttribute(object.as<LoopHandle>(), attributeName);
  if (object.is(Kind::Namespace)) {
    if (Value *value = object.as<Namespace>().find(attributeName))
      return *value;
  } else if (std::optional<Value> method = findMethod(object, attributeName)) {
    return *method;
  } else if (object.is(Kind::Dict)) {
    if (const Value *value = object.asDict().findText(attributeName))
      return *value;
  }
  return Value::undefined(object.is(Kind::None) ? fmt::format("'None' has no attribute '{}'", attributeName)
                                                : fmt::format("'{} object' has no attribute '{}'",
                                                              object.typeName(), attributeName));
}

Value Evaluator::subscript(const Value &object, const Value &index) {
  if (object.is(Kind::Undefined))
    throw Problem(object.reason());
  if (object.is(Kind::Dict)) {
    if (const Value *value = object.asDict().find(index))
      return *value;
  } else if (index.isIntegral() &&
             (object.is(Kind::String) || (object.isSequence() && !object.is(Kind::View)))) {
    Value element;
    if (object.is(Kind::String) && !object.text().isAscii())
      spendOn(object); // positions are counted from the beginning
    if (elementAt(object, index.asInteger(), element))
      return element;
  }
  if (!index.is(Kind::String))
    return Value::undefined(fmt::format("{} object has no element {}", object.typeName(), repr(index)));
  return attribute(object, index.asText());
}

std::vector<Value> Evaluator::iterate(const Value &value) {
  std::vector<Value> items;
  switch (value.kind()) {
  case Kind::Undefined:
    break;
  case Kind::String:
    for (std::string_view character : splitCodePoints(value.asText()))
      items.emplace_back(character);
    break;
  case Kind::List:
  case Kind::Tuple:
  case Kind::Range:
  case Kind::View:
    items = value.items();
    break;
  case Kind::Dict:
    for (const auto &[key, element] : value.asDict().entries)
      items.push_back(key);
    break;
  case Kind::Iterator: {
    auto &iterator = value.as<Iterator>();
    items.assign(iterator.items.begin() + static_cast<ptrdiff_t>(iterator.next), iterator.items.end());
    iterator.next = iterator.items.size();
    break;
  }
  default:
    throw Problem(fmt::format("'{}' object is not iterable", value.typeName()));
  }
  spend(items.size());
  return items;
}

} // namespace attune::jinja
