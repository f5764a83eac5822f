// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace attune::jinja {

/// An error inside an operation that does not know its place in the template. The evaluator turns it into an
/// attune::Error with template, line and column.
struct Problem : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Kind : uint8_t {
  Undefined,
  None,
  Boolean,
  Integer,
  Float,
  String,
  List,
  Tuple,
  Range,
  View, ///< what dict.keys(), values() and items() give
  Dict,
  Iterator, ///< what filters such as map and select give: it can be gone through once
  Namespace,
  Loop,
  Callable
};

/// What lies behind a value that is not a scalar. Never changes once made, except iterators, namespaces and
/// loops; so values form no cycles.
struct Object {
  virtual ~Object() = default;
  /// Levels of nesting and number of elements, those of shared parts counted each time: both are limited, so
  /// that going through any value ends soon and without deep recursion.
  uint32_t depth = 1;
  uint32_t weight = 1;

  static constexpr uint32_t MaxDepth = 150;
  static constexpr uint32_t MaxWeight = 20'000'000;
  /// Accounts for a part. Throws Problem beyond the limits.
  void contain(const class Value &part);
};

struct Text;
struct Sequence;
struct Dict;

/// A Python value as templates see them: undefined, None, bool, int (64 bits), float, str (UTF-8), list,
/// tuple, dict … Copying is cheap: what is large is shared.
class Value {
public:
  Value() = default; // None
  Value(bool boolean) : valueKind(Kind::Boolean) { scalar.boolean = boolean; }
  Value(int integer) : Value(static_cast<int64_t>(integer)) {}
  Value(int64_t integer) : valueKind(Kind::Integer) { scalar.integer = integer; }
  Value(double number) : valueKind(Kind::Float) { scalar.number = number; }
  Value(std::string text);
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char *text) : Value(std::string(text)) {}
  Value(Kind kind, std::shared_ptr<Object> object) : valueKind(kind), object(std::move(object)) {}

  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  static Value dict(std::vector<std::pair<Value, Value>> entries);
  static Value sequence(Kind kind, std::vector<Value> items, const char *viewName = "");
  /// `count` numbers from `begin` on; `end` is what the range was asked to stop before.
  static Value range(int64_t begin, int64_t end, int64_t step, size_t count);
  static Value iterator(std::vector<Value> items);
  /// `reason` is the message of the error that most uses of it give.
  static Value undefined(std::string reason);
  /// Parses JSON text; throws attune::Error naming `what` it is and where it goes wrong.
  static Value fromJson(std::string_view json, std::string_view what = "JSON");

  Kind kind() const { return valueKind; }
  bool is(Kind kind) const { return valueKind == kind; }
  bool isNumber() const { return valueKind >= Kind::Boolean && valueKind <= Kind::Float; }
  /// bool or int
  bool isIntegral() const { return is(Kind::Boolean) || is(Kind::Integer); }
  bool isSequence() const { return valueKind >= Kind::List && valueKind <= Kind::View; }

  // Each requires the matching kind.
  bool asBoolean() const { return scalar.boolean; }
  int64_t asInteger() const { return is(Kind::Boolean) ? scalar.boolean : scalar.integer; }
  double asNumber() const { return is(Kind::Float) ? scalar.number : static_cast<double>(asInteger()); }
  const std::string &asText() const;
  const Text &text() const;
  const std::vector<Value> &items() const;
  const Dict &asDict() const;
  const std::string &reason() const; ///< of an undefined value
  template <typename T> T &as() const { return static_cast<T &>(*object); }

  /// Python's truth value.
  bool truth() const;
  uint32_t depth() const { return object ? object->depth : 0; }
  uint32_t weight() const { return object ? object->weight : 1; }
  /// Python's name of the type, for messages.
  const char *typeName() const;
  bool sharesObjectWith(const Value &other) const { return object && object == other.object; }

private:
  Kind valueKind = Kind::None;
  union {
    bool boolean;
    int64_t integer;
    double number;
  } scalar{};
  std::shared_ptr<Object> object;
};

struct Text : Object {
  std::string bytes;
  size_t length; ///< in code points
  explicit Text(std::string bytes);
  bool isAscii() const { return length == bytes.size(); }
};

struct Sequence : Object {
  std::vector<Value> items;
  const char *viewName = "";                           // of views
  int64_t rangeBegin = 0, rangeEnd = 0, rangeStep = 1; // of ranges
};

struct Iterator : Object {
  std::vector<Value> items;
  size_t next = 0;
};

/// In order of insertion.
struct Dict : Object {
  std::vector<std::pair<Value, Value>> entries;

  /// Later values replace earlier ones of an equal key. Throws Problem if a key cannot be one.
  void insert(Value key, Value value);
  /// Null if absent or if `key` cannot be a key.
  const Value *find(const Value &key) const;
  const Value *findText(std::string_view key) const;

private:
  size_t position(const Value &key) const;
  std::unordered_multimap<size_t, size_t> index; // hash to position, once there are more than a few entries
};

// Equality and order as Python has them. `compare` gives -1, 0 or 1 and throws Problem for kinds without an
// order; `sign` is the operator for its message. NaN is unordered: see `isLess`.
bool equal(const Value &a, const Value &b);
bool isLess(const Value &a, const Value &b, const char *sign = "<");
bool isLessOrEqual(const Value &a, const Value &b, const char *sign = "<=");
bool isHashable(const Value &value);
size_t hashOf(const Value &value);

/// What str() and repr() give.
std::string toText(const Value &value);
std::string repr(const Value &value);
std::string floatText(double number);

/// Python's json.dumps. `indent` < 0 puts all on one line; separators and key order as its arguments.
struct JsonStyle {
  std::string indentUnit;
  bool multiline = false;
  bool asciiOnly = false;
  bool sortKeys = false;
  std::string itemSeparator = ", ";
  std::string keySeparator = ": ";
};
std::string toJson(const Value &value, const JsonStyle &style = {});

/// Builds text; throws Problem when it grows beyond what a template may make.
class TextBuilder {
public:
  static constexpr size_t MaxBytes = size_t(128) << 20;
  TextBuilder &append(std::string_view part);
  TextBuilder &append(size_t count, char character);
  std::string take() { return std::move(text); }
  bool empty() const { return text.empty(); }

private:
  std::string text;
};

} // namespace attune::jinja
