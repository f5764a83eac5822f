// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Methods of Python's str, list and dict, and the functions that templates find without being passed.
#include "runtime/Error.h"
#include "runtime/template/Filters.h"
#include "runtime/template/Operators.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

constexpr int64_t MaxRange = 100'000; // as in Jinja's sandbox

Value dictGet(Evaluator &, const Value &self, const Arguments &arguments) {
  auto [key, otherwise] = arguments.bindPositional("get", {"key", "default"});
  if (!key)
    throw Problem("get expected at least 1 argument, got 0");
  if (!isHashable(*key))
    throw Problem(fmt::format("unhashable type: '{}'", key->typeName()));
  if (const Value *value = self.asDict().find(*key))
    return *value;
  return otherwise ? *otherwise : Value();
}

Value dictItems(Evaluator &, const Value &self, const Arguments &arguments) {
  arguments.bindNone("items");
  std::vector<Value> pairs;
  for (const auto &[key, value] : self.asDict().entries)
    pairs.push_back(Value::tuple({key, value}));
  return Value::sequence(Kind::View, std::move(pairs), "dict_items");
}

Value dictKeys(Evaluator &, const Value &self, const Arguments &arguments) {
  arguments.bindNone("keys");
  std::vector<Value> keys;
  for (const auto &entry : self.asDict().entries)
    keys.push_back(entry.first);
  return Value::sequence(Kind::View, std::move(keys), "dict_keys");
}

Value dictValues(Evaluator &, const Value &self, const Arguments &arguments) {
  arguments.bindNone("values");
  std::vector<Value> values;
  for (const auto &entry : self.asDict().entries)
    values.push_back(entry.second);
  return Value::sequence(Kind::View, std::move(values), "dict_values");
}

Value copyMethod(Evaluator &, const Value &self, const Arguments &arguments) {
  arguments.bindNone("copy");
  return self; // nothing can change it
}

Value listIndex(Evaluator &, const Value &self, const Arguments &arguments) {
  const Value &wanted = arguments.only("index");
  const std::vector<Value> &items = self.items();
  auto at = std::find_if(items.begin(), items.end(), [&](const Value &item) { return equal(item, wanted); });
  if (at == items.end())
    throw Problem(fmt::format("{} is not in {}", repr(wanted), self.typeName()));
  return Value(static_cast<int64_t>(at - items.begin()));
}

Value listCount(Evaluator &, const Value &self, const Arguments &arguments) {
  const Value &wanted = arguments.only("count");
  const std::vector<Value> &items = self.items();
  return Value(static_cast<int64_t>(
      std::count_if(items.begin(), items.end(), [&](const Value &item) { return equal(item, wanted); })));
}

const MethodTable &dictMethods() {
  static const MethodTable table = {{"get", dictGet},
                                    {"items", dictItems},
                                    {"keys", dictKeys},
                                    {"values", dictValues},
                                    {"copy", copyMethod}};
  return table;
}

const MethodTable &listMethods() {
  static const MethodTable table = {{"index", listIndex}, {"count", listCount}, {"copy", copyMethod}};
  return table;
}

const MethodTable &tupleMethods() {
  static const MethodTable table = {{"index", listIndex}, {"count", listCount}};
  return table;
}

/// Methods that Python has but that change their object: the sandbox refuses them.
bool changesItsObject(Kind kind, std::string_view name) {
  constexpr std::string_view OfLists[] = {"append", "clear",  "extend",  "insert",
                                          "pop",    "remove", "reverse", "sort"};
  constexpr std::string_view OfDicts[] = {"clear", "pop", "popitem", "setdefault", "update"};
  if (kind == Kind::List)
    return std::find(std::begin(OfLists), std::end(OfLists), name) != std::end(OfLists);
  return kind == Kind::Dict && std::find(std::begin(OfDicts), std::end(OfDicts), name) != std::end(OfDicts);
}

const MethodTable *methodsOf(Kind kind) {
  switch (kind) {
  case Kind::String:
    return &textMethods();
  case Kind::List:
    return &listMethods();
  case Kind::Tuple:
  case Kind::Range:
    return &tupleMethods();
  case Kind::Dict:
    return &dictMethods();
  default:
    return nullptr;
  }
}

Value rangeFunction(Evaluator &evaluator, const Arguments &arguments) {
  auto [first, second, third] = arguments.bindPositional("range", {"start", "stop", "step"});
  if (!first)
    throw Problem("range expected at least 1 argument, got 0");
  int64_t begin = second ? integerArgument(first, 0, "start") : 0;
  int64_t end = integerArgument(second ? second : first, 0, "stop"), step = integerArgument(third, 1, "step");
  if (step == 0)
    throw Problem("range() arg 3 must not be zero");
  auto distance = step > 0 ? static_cast<__int128>(end) - begin : static_cast<__int128>(begin) - end;
  __int128 stride = step > 0 ? step : -static_cast<__int128>(step);
  __int128 count = distance <= 0 ? 0 : (distance + stride - 1) / stride;
  if (count > MaxRange)
    throw Problem(
        fmt::format("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).", MaxRange));
  evaluator.spend(static_cast<uint64_t>(count));
  return Value::range(begin, end, step, static_cast<size_t>(count));
}

/// The entries of an optional dict or list of pairs, then the named arguments: what dict() and namespace()
/// take.
std::vector<std::pair<Value, Value>> entriesOf(Evaluator &evaluator, const Arguments &arguments,
                                               const char *callee) {
  if (arguments.positional.size() > 1)
    throw Problem(fmt::format("{} expected at most 1 argument, got {}", callee, arguments.positional.size()));
  std::vector<std::pair<Value, Value>> entries;
  if (!arguments.positional.empty() && arguments.positional[0].is(Kind::Dict)) {
    entries = arguments.positional[0].asDict().entries;
  } else if (!arguments.positional.empty()) {
    for (const Value &pair : evaluator.iterate(arguments.positional[0])) {
      std::vector<Value> parts = evaluator.iterate(pair);
      if (parts.size() != 2)
        throw Problem(fmt::format("{}: an element of length {}, expected 2", callee, parts.size()));
      entries.emplace_back(parts[0], parts[1]);
    }
  }
  for (const auto &[name, value] : arguments.named)
    entries.emplace_back(Value(name), value);
  evaluator.spend(4 * entries.size());
  return entries;
}

Value dictFunction(Evaluator &evaluator, const Arguments &arguments) {
  return Value::dict(entriesOf(evaluator, arguments, "dict"));
}

Value namespaceFunction(Evaluator &evaluator, const Arguments &arguments) {
  Value unique = Value::dict(entriesOf(evaluator, arguments, "namespace"));
  std::vector<std::pair<std::string, Value>> attributes;
  for (const auto &[key, value] : unique.asDict().entries)
    if (key.is(Kind::String)) // no other key can be asked for
      attributes.emplace_back(key.asText(), value);
  return evaluator.makeNamespace(std::move(attributes));
}

Value raiseException(Evaluator &, const Arguments &arguments) {
  throw Problem(toText(arguments.only("raise_exception")));
}

Value strftimeNow(Evaluator &evaluator, const Arguments &arguments) {
  std::string format = textArgument(&arguments.only("strftime_now"), "", "the format");
  std::tm now{};
  if (evaluator.renderOptions().now) {
    now = *evaluator.renderOptions().now;
  } else {
    std::time_t seconds = std::time(nullptr);
    localtime_r(&seconds, &now);
  }
  if (format.size() > 1000)
    throw Problem("strftime_now: the format is longer than 1000 bytes");
  std::string text(format.size() * 64 + 64, '\0'); // the longest field is far shorter
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &now));
  return Value(std::move(text));
}

} // namespace

std::optional<Value> findMethod(const Value &object, const std::string &name) {
  if (changesItsObject(object.kind(), name))
    return Value::undefined(
        fmt::format("'{}' changes its {}, which templates may not do", name, object.typeName()));
  const MethodTable *methods = methodsOf(object.kind());
  if (!methods)
    return std::nullopt;
  auto at = methods->find(name);
  if (at == methods->end())
    return std::nullopt;
  Value method = makeFunction(
      name, [function = at->second, self = object](Evaluator &evaluator, const Arguments &arguments) {
        evaluator.spendOn(self, self.isSequence());
        return function(evaluator, self, arguments);
      });
  method.as<Callable>().contain(object);
  return method;
}

const Value *findGlobal(std::string_view name) {
  static const std::unordered_map<std::string_view, Value> globals = {
      {"range", makeFunction("range", rangeFunction)},
      {"dict", makeFunction("dict", dictFunction)},
      {"namespace", makeFunction("namespace", namespaceFunction)},
      {"raise_exception", makeFunction("raise_exception", raiseException)},
      {"strftime_now", makeFunction("strftime_now", strftimeNow)},
  };
  auto at = globals.find(name);
  return at == globals.end() ? nullptr : &at->second;
}

} // namespace attune::jinja
