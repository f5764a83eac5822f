// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/yaml/Reader.h"

#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace attune;
using namespace attune::yaml;
using llvm::StringRef;

static StringRef kindName(const Tree &tree) {
  switch (tree.kind) {
  case Tree::null:
    return "nothing";
  case Tree::scalar:
    return "a value";
  case Tree::list:
    return "a list";
  case Tree::map:
    return "a map";
  }
  return "";
}

std::string yaml::expectedOneOf(StringRef word, llvm::ArrayRef<StringRef> words) {
  std::string text = "expected one of: " + llvm::join(words, ", ");
  const StringRef *nearest = llvm::min_element(
      words, [&](StringRef a, StringRef b) { return word.edit_distance(a) < word.edit_distance(b); });
  if (nearest != words.end() && word.edit_distance(*nearest) <= 1 + nearest->size() / 4)
    text += " (did you mean '" + nearest->str() + "'?)";
  return text;
}

std::optional<StringRef> yaml::scalarOf(ReadState &state, const Tree &tree, const std::string &path,
                                        StringRef expected) {
  if (tree.kind == Tree::scalar)
    return StringRef(tree.text);
  state.fail(tree.range, path + " is " + kindName(tree) + ", expected " + expected);
  return std::nullopt;
}

template <typename T, typename Parse>
static void readScalar(ReadState &state, const Tree &tree, T &value, const std::string &path,
                       StringRef expected, Parse parse) {
  std::optional<StringRef> text = scalarOf(state, tree, path, expected);
  if (text && (tree.quoted || !parse(*text, value)))
    state.fail(tree.range, path + " is '" + *text + "', expected " + expected);
}

void yaml::read(ReadState &state, const Tree &tree, bool &value, const std::string &path) {
  readScalar(state, tree, value, path, "true or false", [](StringRef text, bool &value) {
    value = text == "true";
    return value || text == "false";
  });
}

void yaml::read(ReadState &state, const Tree &tree, int64_t &value, const std::string &path) {
  readScalar(state, tree, value, path, "a whole number",
             [](StringRef text, int64_t &value) { return !text.getAsInteger(10, value); });
}

void yaml::read(ReadState &state, const Tree &tree, uint64_t &value, const std::string &path) {
  readScalar(state, tree, value, path, "a whole number that is not negative",
             [](StringRef text, uint64_t &value) { return !text.getAsInteger(10, value); });
}

static bool parseNumber(StringRef text, double &value) {
  return !text.getAsDouble(value, /*AllowInexact=*/true) && std::isfinite(value);
}

static bool parseNumberOrFraction(StringRef text, double &value) {
  auto [over, under] = text.split('/');
  double divisor = 1;
  if (!parseNumber(over, value) || (text.contains('/') && (!parseNumber(under, divisor) || divisor == 0)))
    return false;
  value /= divisor;
  return true;
}

void yaml::read(ReadState &state, const Tree &tree, double &value, const std::string &path) {
  readScalar(state, tree, value, path, "a number", parseNumberOrFraction);
}

void yaml::read(ReadState &state, const Tree &tree, std::string &value, const std::string &path) {
  if (std::optional<StringRef> text = scalarOf(state, tree, path, "a text"))
    value = text->str();
}

template <typename T>
static void readList(ReadState &state, const Tree &tree, std::vector<T> &value, const std::string &path,
                     StringRef expected) {
  if (tree.kind != Tree::list)
    return state.fail(tree.range, path + " is " + kindName(tree) + ", expected " + expected);
  value.resize(tree.items.size());
  for (size_t i = 0; i < value.size() && !state.problem; ++i)
    read(state, tree.items[i], value[i], path + "[" + std::to_string(i) + "]");
}

void yaml::read(ReadState &state, const Tree &tree, std::vector<int64_t> &value, const std::string &path) {
  readList(state, tree, value, path, "a list of whole numbers");
}

void yaml::read(ReadState &state, const Tree &tree, std::vector<double> &value, const std::string &path) {
  readList(state, tree, value, path, "a list of numbers");
}

void yaml::read(ReadState &state, const Tree &tree, std::vector<std::string> &value,
                const std::string &path) {
  readList(state, tree, value, path, "a list of texts");
}

void yaml::read(ReadState &state, const Tree &tree, Literal &value, const std::string &path) {
  if (tree.kind == Tree::list && !tree.items.empty() && tree.items[0].kind != Tree::list)
    return read(state, tree, value.emplace_back(), path);
  readList(state, tree, value, path, "a list of rows of numbers");
}

void yaml::read(ReadState &state, const Tree &tree, std::vector<std::vector<int64_t>> &value,
                const std::string &path) {
  if (tree.kind != Tree::list)
    return state.fail(tree.range, path + " is " + kindName(tree) +
                                      ", expected a list of whole numbers or of lists of them");
  for (const auto &[i, item] : llvm::enumerate(tree.items)) {
    std::string place = path + "[" + std::to_string(i) + "]";
    if (item.kind == Tree::list)
      read(state, item, value.emplace_back(), place);
    else
      read(state, item, value.emplace_back().emplace_back(), place);
  }
}

Reader::Reader(ReadState &state, const Tree &tree, std::string path)
    : state(state), path(std::move(path)), tree(tree) {
  if (tree.kind != Tree::map)
    state.fail(tree.range, (this->path.empty() ? std::string("the text") : this->path) + " is " +
                               kindName(tree) + ", expected a map (key: value)");
}

const Tree *Reader::field(StringRef key) {
  known.push_back(key);
  if (state.problem || tree.kind != Tree::map)
    return nullptr;
  for (const Entry &entry : tree.fields)
    if (entry.key == key) {
      state.ranges[pathOf(key)] = entry.value.range;
      return &entry.value;
    }
  return nullptr;
}

void Reader::missing(StringRef key) {
  state.fail(tree.range,
             (path.empty() ? std::string("the description") : path) + " needs the key '" + key + "'");
}

void Reader::finish() {
  if (tree.kind != Tree::map)
    return;
  for (const Entry &entry : tree.fields)
    if (!llvm::is_contained(known, entry.key))
      state.fail(entry.keyRange, "unknown key '" + entry.key + "'" + (path.empty() ? "" : " in " + path) +
                                     ", " + expectedOneOf(entry.key, known));
}
