// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/template/Value.h"

#include "runtime/template/Strings.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>

namespace attune::jinja {

namespace {

constexpr size_t EntriesWithoutIndex = 8;

struct Undefined : Object {
  std::string reason;
};

template <typename T> Value makeSequence(Kind kind, std::vector<Value> items, T configure) {
  auto sequence = std::make_shared<Sequence>();
  for (const Value &item : items)
    sequence->contain(item);
  sequence->items = std::move(items);
  configure(*sequence);
  return Value(kind, std::move(sequence));
}

[[noreturn]] void refuseOrder(const Value &a, const Value &b, const char *sign) {
  for (const Value *value : {&a, &b})
    if (value->is(Kind::Undefined))
      throw Problem(value->reason());
  if (sign[0] == '>') // b > a is decided as a < b
    throw Problem(fmt::format("'{}' not supported between instances of '{}' and '{}'", sign, b.typeName(),
                              a.typeName()));
  throw Problem(
      fmt::format("'{}' not supported between instances of '{}' and '{}'", sign, a.typeName(), b.typeName()));
}

/// Exact for all pairs: the 64-bit mantissa of long double holds every int64_t.
bool numbersEqual(const Value &a, const Value &b) {
  if (a.isIntegral() && b.isIntegral())
    return a.asInteger() == b.asInteger();
  auto wide = [](const Value &value) {
    return value.is(Kind::Float) ? static_cast<long double>(value.asNumber())
                                 : static_cast<long double>(value.asInteger());
  };
  return wide(a) == wide(b);
}

bool numberIsLess(const Value &a, const Value &b) {
  if (a.isIntegral() && b.isIntegral())
    return a.asInteger() < b.asInteger();
  auto wide = [](const Value &value) {
    return value.is(Kind::Float) ? static_cast<long double>(value.asNumber())
                                 : static_cast<long double>(value.asInteger());
  };
  return wide(a) < wide(b);
}

bool dictsEqual(const Dict &a, const Dict &b) {
  return a.entries.size() == b.entries.size() &&
         std::all_of(a.entries.begin(), a.entries.end(), [&](auto &entry) {
           const Value *other = b.find(entry.first);
           return other && equal(entry.second, *other);
         });
}

} // namespace

void Object::contain(const Value &part) {
  depth = std::max(depth, part.depth() + 1);
  if (depth > MaxDepth)
    throw Problem(fmt::format("a value is nested more than {} levels deep", MaxDepth));
  weight += part.weight();
  if (weight > MaxWeight)
    throw Problem(fmt::format("a value has more than {} elements", MaxWeight));
}

Text::Text(std::string bytes) : bytes(std::move(bytes)), length(countCodePoints(this->bytes)) {
  if (this->bytes.size() > TextBuilder::MaxBytes)
    throw Problem(fmt::format("a text is longer than {} bytes", TextBuilder::MaxBytes));
  weight += static_cast<uint32_t>(this->bytes.size() / 64);
}

TextBuilder &TextBuilder::append(std::string_view part) {
  if (part.size() > MaxBytes || text.size() + part.size() > MaxBytes)
    throw Problem(fmt::format("a text is longer than {} bytes", MaxBytes));
  text += part;
  return *this;
}

TextBuilder &TextBuilder::append(size_t count, char character) {
  if (count > MaxBytes || text.size() + count > MaxBytes)
    throw Problem(fmt::format("a text is longer than {} bytes", MaxBytes));
  text.append(count, character);
  return *this;
}

Value::Value(std::string text) : valueKind(Kind::String), object(std::make_shared<Text>(std::move(text))) {}

Value Value::list(std::vector<Value> items) { return sequence(Kind::List, std::move(items)); }

Value Value::tuple(std::vector<Value> items) { return sequence(Kind::Tuple, std::move(items)); }

Value Value::sequence(Kind kind, std::vector<Value> items, const char *viewName) {
  return makeSequence(kind, std::move(items), [&](Sequence &sequence) { sequence.viewName = viewName; });
}

Value Value::range(int64_t begin, int64_t end, int64_t step, size_t count) {
  std::vector<Value> items;
  for (size_t i = 0; i < count; ++i)
    items.emplace_back(begin + static_cast<int64_t>(i) * step);
  return makeSequence(Kind::Range, std::move(items), [&](Sequence &sequence) {
    sequence.rangeBegin = begin;
    sequence.rangeEnd = end;
    sequence.rangeStep = step;
  });
}

Value Value::iterator(std::vector<Value> items) {
  auto iterator = std::make_shared<Iterator>();
  for (const Value &item : items)
    iterator->contain(item);
  iterator->items = std::move(items);
  return Value(Kind::Iterator, std::move(iterator));
}

Value Value::dict(std::vector<std::pair<Value, Value>> entries) {
  auto dict = std::make_shared<Dict>();
  dict->entries.reserve(entries.size());
  for (auto &[key, value] : entries)
    dict->insert(std::move(key), std::move(value));
  return Value(Kind::Dict, std::move(dict));
}

Value Value::undefined(std::string reason) {
  auto undefined = std::make_shared<Undefined>();
  undefined->reason = std::move(reason);
  return Value(Kind::Undefined, std::move(undefined));
}

const std::string &Value::asText() const { return as<Text>().bytes; }
const Text &Value::text() const { return as<Text>(); }
const std::vector<Value> &Value::items() const { return as<Sequence>().items; }
const Dict &Value::asDict() const { return as<Dict>(); }
const std::string &Value::reason() const { return as<Undefined>().reason; }

bool Value::truth() const {
  switch (valueKind) {
  case Kind::Undefined:
  case Kind::None:
    return false;
  case Kind::Boolean:
    return scalar.boolean;
  case Kind::Integer:
    return scalar.integer != 0;
  case Kind::Float:
    return scalar.number != 0;
  case Kind::String:
    return !asText().empty();
  case Kind::Dict:
    return !asDict().entries.empty();
  case Kind::List:
  case Kind::Tuple:
  case Kind::Range:
  case Kind::View:
    return !items().empty();
  default:
    return true;
  }
}

const char *Value::typeName() const {
  switch (valueKind) {
  case Kind::Undefined:
    return "Undefined";
  case Kind::None:
    return "NoneType";
  case Kind::Boolean:
    return "bool";
  case Kind::Integer:
    return "int";
  case Kind::Float:
    return "float";
  case Kind::String:
    return "str";
  case Kind::List:
    return "list";
  case Kind::Tuple:
    return "tuple";
  case Kind::Range:
    return "range";
  case Kind::View:
    return as<Sequence>().viewName;
  case Kind::Dict:
    return "dict";
  case Kind::Iterator:
    return "generator";
  case Kind::Namespace:
    return "Namespace";
  case Kind::Loop:
    return "LoopContext";
  case Kind::Callable:
    return "function";
  }
  return "";
}

size_t Dict::position(const Value &key) const {
  if (entries.size() <= EntriesWithoutIndex) {
    for (size_t i = 0; i < entries.size(); ++i)
      if (equal(entries[i].first, key))
        return i;
    return entries.size();
  }
  auto [begin, end] = index.equal_range(hashOf(key));
  for (auto at = begin; at != end; ++at)
    if (equal(entries[at->second].first, key))
      return at->second;
  return entries.size();
}

void Dict::insert(Value key, Value value) {
  if (!isHashable(key))
    throw Problem(fmt::format("unhashable type: '{}'", key.typeName()));
  size_t at = position(key);
  contain(value);
  if (at < entries.size()) {
    entries[at].second = std::move(value);
    return;
  }
  contain(key);
  entries.emplace_back(std::move(key), std::move(value));
  if (entries.size() == EntriesWithoutIndex + 1) {
    for (size_t i = 0; i < entries.size(); ++i)
      index.emplace(hashOf(entries[i].first), i);
  } else if (entries.size() > EntriesWithoutIndex) {
    index.emplace(hashOf(entries.back().first), entries.size() - 1);
  }
}

const Value *Dict::find(const Value &key) const {
  if (!isHashable(key))
    return nullptr;
  size_t at = position(key);
  return at < entries.size() ? &entries[at].second : nullptr;
}

const Value *Dict::findText(std::string_view key) const {
  if (entries.size() > EntriesWithoutIndex)
    return find(Value(key));
  for (const auto &[entryKey, value] : entries)
    if (entryKey.is(Kind::String) && entryKey.asText() == key)
      return &value;
  return nullptr;
}

bool equal(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber())
    return numbersEqual(a, b);
  if (a.kind() != b.kind())
    return false;
  switch (a.kind()) {
  case Kind::None:
  case Kind::Undefined:
    return true;
  case Kind::String:
    return a.asText() == b.asText();
  case Kind::List:
  case Kind::Tuple:
  case Kind::Range:
    return a.sharesObjectWith(b) ||
           std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), equal);
  case Kind::Dict:
    return a.sharesObjectWith(b) || dictsEqual(a.asDict(), b.asDict());
  default:
    return a.sharesObjectWith(b);
  }
}

bool isLess(const Value &a, const Value &b, const char *sign) {
  if (a.isNumber() && b.isNumber())
    return numberIsLess(a, b);
  if (a.is(Kind::String) && b.is(Kind::String))
    return a.asText() < b.asText(); // the order of UTF-8 bytes is that of code points
  if (a.kind() != b.kind() || !(a.is(Kind::List) || a.is(Kind::Tuple)))
    refuseOrder(a, b, sign);
  size_t common = std::min(a.items().size(), b.items().size());
  for (size_t i = 0; i < common; ++i)
    if (!equal(a.items()[i], b.items()[i]))
      return isLess(a.items()[i], b.items()[i], sign);
  return a.items().size() < b.items().size();
}

bool isLessOrEqual(const Value &a, const Value &b, const char *sign) {
  if (a.isNumber() && b.isNumber())
    return numberIsLess(a, b) || numbersEqual(a, b);
  return !isLess(b, a, sign); // all other kinds with an order have a total one
}

bool isHashable(const Value &value) {
  if (value.is(Kind::Tuple))
    return std::all_of(value.items().begin(), value.items().end(), isHashable);
  return !value.is(Kind::List) && !value.is(Kind::Dict) && !value.is(Kind::View);
}

size_t hashOf(const Value &value) {
  switch (value.kind()) {
  case Kind::Boolean:
  case Kind::Integer:
    return std::hash<double>()(static_cast<double>(value.asInteger())); // 1, 1.0 and true are one key
  case Kind::Float:
    return std::hash<double>()(value.asNumber());
  case Kind::String:
    return std::hash<std::string>()(value.asText());
  case Kind::Tuple: {
    size_t hash = 7;
    for (const Value &item : value.items())
      hash = hash * 1000003 + hashOf(item);
    return hash;
  }
  default:
    return static_cast<size_t>(value.kind()); // few such keys are ever in one dict
  }
}

} // namespace attune::jinja
