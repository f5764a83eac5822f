// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filters on lists, dicts and other things that can be gone through. Those that pick elements are in
// FiltersSelection.cpp.
#include "runtime/template/Filters.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Strings.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

Value lengthFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("length");
  return Value(lengthOf(input));
}

Value defaultFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [otherwise, boolean] = arguments.bind("default", {"default_value", "boolean"});
  if (input.is(Kind::Undefined) || (truthArgument(boolean, false) && !input.truth()))
    return otherwise ? *otherwise : Value("");
  return input;
}

Value firstFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  arguments.bindNone("first");
  if (input.is(Kind::Iterator)) { // takes one element and leaves the others
    auto &iterator = input.as<Iterator>();
    if (iterator.next < iterator.items.size())
      return iterator.items[iterator.next++];
    return Value::undefined("No first item, sequence was empty.");
  }
  std::vector<Value> items = evaluator.iterate(input);
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value lastFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  arguments.bindNone("last");
  if (input.is(Kind::Iterator))
    throw Problem(fmt::format("'{}' object is not reversible", input.typeName()));
  std::vector<Value> items = evaluator.iterate(input);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value listFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  arguments.bindNone("list");
  return Value::list(evaluator.iterate(input));
}

Value reverseFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  arguments.bindNone("reverse");
  std::vector<Value> items = evaluator.iterate(input);
  std::reverse(items.begin(), items.end());
  if (!input.is(Kind::String))
    return input.is(Kind::Iterator) || input.is(Kind::Undefined) ? Value::list(std::move(items))
                                                                 : Value::iterator(std::move(items));
  std::string text;
  for (const Value &character : items)
    text += character.asText();
  return Value(std::move(text));
}

Value itemsFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("items");
  if (input.is(Kind::Undefined))
    return Value::iterator({});
  if (!input.is(Kind::Dict))
    throw Problem("Can only get item pairs from a mapping.");
  std::vector<Value> pairs;
  for (const auto &[key, value] : input.asDict().entries)
    pairs.push_back(Value::tuple({key, value}));
  return Value::iterator(std::move(pairs));
}

Value ignoreCase(const Value &value, bool caseSensitive) {
  return caseSensitive || !value.is(Kind::String) ? value : Value(lower(value.asText()));
}

/// Sorts stably by keys, which come with their elements. Reversed as in Python: equal ones keep their order.
std::vector<Value> sortByKey(Evaluator &evaluator, std::vector<std::pair<Value, Value>> keyed, bool reverse) {
  uint64_t weight = 0;
  for (const auto &[key, value] : keyed)
    weight += key.weight();
  evaluator.spend(8 * weight); // comparisons: the logarithm of the length for each
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto &a, const auto &b) {
    return reverse ? isLess(b.first, a.first) : isLess(a.first, b.first);
  });
  std::vector<Value> sorted;
  for (auto &[key, value] : keyed)
    sorted.push_back(std::move(value));
  return sorted;
}

Value dictsortFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  auto [caseSensitive, by, reverse] = arguments.bind("dictsort", {"case_sensitive", "by", "reverse"});
  std::string what = textArgument(by, "key", "by");
  if (what != "key" && what != "value")
    throw Problem("You can only sort by either \"key\" or \"value\"");
  if (!input.is(Kind::Dict))
    throw Problem(input.is(Kind::Undefined)
                      ? input.reason()
                      : fmt::format("dictsort: expected a dict, found a {}", input.typeName()));
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto &[key, value] : input.asDict().entries)
    keyed.emplace_back(ignoreCase(what == "key" ? key : value, truthArgument(caseSensitive, false)),
                       Value::tuple({key, value}));
  return Value::list(sortByKey(evaluator, std::move(keyed), truthArgument(reverse, false)));
}

Value sortFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  auto [reverse, caseSensitive, attribute] =
      arguments.bind("sort", {"reverse", "case_sensitive", "attribute"});
  std::vector<Value> paths;
  if (attribute && attribute->is(Kind::String)) {
    for (std::string_view path : splitAt(attribute->asText(), ",", -1))
      paths.emplace_back(path);
  } else {
    paths.push_back(attribute ? *attribute : Value());
  }
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value &item : evaluator.iterate(input)) {
    std::vector<Value> key;
    for (const Value &path : paths)
      key.push_back(ignoreCase(attributeOf(evaluator, item, path), truthArgument(caseSensitive, false)));
    keyed.emplace_back(Value::list(std::move(key)), item);
  }
  return Value::list(sortByKey(evaluator, std::move(keyed), truthArgument(reverse, false)));
}

Value uniqueFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  auto [caseSensitive, attribute] = arguments.bind("unique", {"case_sensitive", "attribute"});
  Dict seen;
  std::vector<Value> kept;
  for (const Value &item : evaluator.iterate(input)) {
    Value key = ignoreCase(attribute ? attributeOf(evaluator, item, *attribute) : item,
                           truthArgument(caseSensitive, false));
    evaluator.spend(key.weight());
    if (isHashable(key) && seen.find(key))
      continue;
    seen.insert(key, Value());
    kept.push_back(item);
  }
  return Value::iterator(std::move(kept));
}

Value extremeOf(Evaluator &evaluator, const Value &input, const Arguments &arguments, bool largest) {
  auto [caseSensitive, attribute] = arguments.bind(largest ? "max" : "min", {"case_sensitive", "attribute"});
  std::optional<std::pair<Value, Value>> best;
  for (const Value &item : evaluator.iterate(input)) {
    Value key = ignoreCase(attribute ? attributeOf(evaluator, item, *attribute) : item,
                           truthArgument(caseSensitive, false));
    evaluator.spend(key.weight() / 8);
    if (!best || (largest ? isLess(best->first, key, ">") : isLess(key, best->first)))
      best.emplace(std::move(key), item);
  }
  return best ? best->second : Value::undefined("No aggregated item, sequence was empty.");
}

Value maxFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  return extremeOf(evaluator, input, arguments, true);
}

Value minFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  return extremeOf(evaluator, input, arguments, false);
}

Value batchFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  auto [count, fill] = arguments.bind("batch", {"linecount", "fill_with"});
  int64_t size = integerArgument(count, 0, "linecount");
  if (size < 1)
    throw Problem(fmt::format("batch: a linecount of {}, expected at least 1", size));
  std::vector<Value> batches, batch;
  for (const Value &item : evaluator.iterate(input)) {
    if (static_cast<int64_t>(batch.size()) == size)
      batches.push_back(Value::list(std::exchange(batch, {})));
    batch.push_back(item);
  }
  if (batch.empty())
    return Value::iterator(std::move(batches));
  if (fill && !fill->is(Kind::None)) {
    evaluator.spend(static_cast<uint64_t>(size));
    batch.resize(static_cast<size_t>(size), *fill);
  }
  batches.push_back(Value::list(std::move(batch)));
  return Value::iterator(std::move(batches));
}

} // namespace

const FilterTable &sequenceFilters() {
  static const FilterTable table = {
      {"length", lengthFilter},     {"count", lengthFilter},    {"default", defaultFilter},
      {"d", defaultFilter},         {"first", firstFilter},     {"last", lastFilter},
      {"list", listFilter},         {"reverse", reverseFilter}, {"items", itemsFilter},
      {"dictsort", dictsortFilter}, {"sort", sortFilter},       {"unique", uniqueFilter},
      {"max", maxFilter},           {"min", minFilter},         {"batch", batchFilter},
  };
  return table;
}

} // namespace attune::jinja
