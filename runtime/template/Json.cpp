// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/template/Value.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace attune::jinja {

namespace {

/// Builds values from the parser's events: nothing recurses, and depth is limited as for all values.
class Builder : public nlohmann::json_sax<nlohmann::json> {
public:
  explicit Builder(std::string_view what) : what(what) {}

  Value take() { return std::move(result); }

  bool null() override { return add(Value()); }
  bool boolean(bool value) override { return add(Value(value)); }
  bool number_integer(number_integer_t value) override { return add(Value(static_cast<int64_t>(value))); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(INT64_MAX))
      throw Error(fmt::format("{}: the integer {} does not fit into 64 bits", what, value));
    return add(Value(static_cast<int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t &digits) override {
    if (digits.find_first_of(".eE") == digits.npos)
      throw Error(fmt::format("{}: the integer {} does not fit into 64 bits", what, digits));
    return add(Value(value));
  }
  bool string(string_t &value) override { return add(Value(std::move(value))); }
  bool binary(binary_t &) override { return false; }

  bool start_object(size_t) override { return open(true); }
  bool key(string_t &name) override {
    levels.back().key = Value(std::move(name));
    return true;
  }
  bool end_object() override {
    Level level = std::move(levels.back());
    levels.pop_back();
    return add(Value::dict(std::move(level.entries)));
  }
  bool start_array(size_t) override { return open(false); }
  bool end_array() override {
    Level level = std::move(levels.back());
    levels.pop_back();
    return add(Value::list(std::move(level.items)));
  }
  bool parse_error(size_t, const std::string &, const nlohmann::detail::exception &error) override {
    std::string_view message = error.what(); // "[json.exception.…] parse error at line …"
    if (size_t end = message.find("] "); end != message.npos)
      message.remove_prefix(end + 2);
    throw Error(fmt::format("{}: {}", what, message));
  }

private:
  struct Level {
    bool isObject;
    Value key;
    std::vector<Value> items;
    std::vector<std::pair<Value, Value>> entries;
  };

  bool open(bool isObject) {
    if (levels.size() >= Object::MaxDepth)
      throw Error(fmt::format("{}: nested more than {} levels deep", what, Object::MaxDepth));
    levels.push_back({isObject, {}, {}, {}});
    return true;
  }

  bool add(Value value) {
    if (levels.empty())
      result = std::move(value);
    else if (levels.back().isObject)
      levels.back().entries.emplace_back(std::move(levels.back().key), std::move(value));
    else
      levels.back().items.push_back(std::move(value));
    return true;
  }

  std::string_view what;
  std::vector<Level> levels;
  Value result;
};

} // namespace

Value Value::fromJson(std::string_view json, std::string_view what) {
  Builder builder(what);
  try {
    nlohmann::json::sax_parse(json, &builder);
  } catch (const Problem &problem) {
    throw Error(fmt::format("{}: {}", what, problem.what()));
  }
  return builder.take();
}

} // namespace attune::jinja
