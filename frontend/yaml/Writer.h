// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Writes structures to a tree; see Reader.h. Values equal to their defaults are left out.

#ifndef ATTUNE_FRONTEND_YAML_WRITER_H
#define ATTUNE_FRONTEND_YAML_WRITER_H

#include "frontend/Words.h"
#include "frontend/yaml/Tree.h"

namespace attune::yaml {

inline Tree write(bool value) { return Tree::makeScalar(value ? "true" : "false"); }
inline Tree write(int64_t value) { return Tree::makeScalar(std::to_string(value)); }
inline Tree write(uint64_t value) { return Tree::makeScalar(std::to_string(value)); }
inline Tree write(double value) { return Tree::makeScalar(numberText(value)); }
inline Tree write(const std::string &value) { return Tree::makeScalar(value, /*quoted=*/true); }

template <typename Enum>
  requires std::is_enum_v<Enum>
Tree write(Enum value) {
  return Tree::makeScalar(wordOf(value).str());
}

template <typename T> Tree write(const std::vector<T> &values) {
  Tree tree = Tree::makeList();
  for (const T &value : values)
    tree.items.push_back(write(value));
  return tree;
}

template <typename T>
  requires std::is_class_v<T>
Tree write(const T &value);

/// Writes the keys of one map.
class Writer {
public:
  static constexpr bool reading = false;

  template <typename T> void required(llvm::StringRef key, const T &value) { add(key, write(value)); }
  template <typename T> void optional(llvm::StringRef key, const T &value, const T &preset) {
    if (!(value == preset))
      add(key, write(value));
  }
  template <typename T> void maybe(llvm::StringRef key, const std::optional<T> &value) {
    if (value)
      add(key, write(*value));
  }
  void add(llvm::StringRef key, Tree value) { tree.fields.push_back({key.str(), std::move(value), {}}); }

  Tree tree = Tree::makeMap();
};

template <typename T>
  requires std::is_class_v<T>
Tree write(const T &value) {
  Writer writer;
  fields(writer, const_cast<T &>(value)); // the same list of keys reads and writes
  return std::move(writer.tree);
}

} // namespace attune::yaml

#endif // ATTUNE_FRONTEND_YAML_WRITER_H
