// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Reads structures from a tree. A structure has a function `fields(io, value)` that lists its keys
/// (Schema.h); Reader and Writer are the two kinds of `io`. The first error counts, what follows it does
/// nothing.

#ifndef ATTUNE_FRONTEND_YAML_READER_H
#define ATTUNE_FRONTEND_YAML_READER_H

#include "frontend/Words.h"
#include "frontend/yaml/Tree.h"

#include "llvm/ADT/SmallVector.h"

namespace attune::yaml {

/// What all readers of a text share.
struct ReadState {
  const Source &source;
  std::map<std::string, llvm::SMRange> ranges; ///< of each field that was read, by path
  std::optional<std::string> problem;

  void fail(llvm::SMRange range, const llvm::Twine &message) {
    if (!problem)
      problem = llvm::toString(source.error(range, message));
  }
};

/// Values that are no structures.
void read(ReadState &state, const Tree &tree, bool &value, const std::string &path);
void read(ReadState &state, const Tree &tree, int64_t &value, const std::string &path);
void read(ReadState &state, const Tree &tree, uint64_t &value, const std::string &path);
void read(ReadState &state, const Tree &tree, double &value,
          const std::string &path); ///< also a fraction, "1/2"
void read(ReadState &state, const Tree &tree, std::string &value, const std::string &path);
void read(ReadState &state, const Tree &tree, std::vector<int64_t> &value, const std::string &path);
void read(ReadState &state, const Tree &tree, std::vector<double> &value, const std::string &path);
void read(ReadState &state, const Tree &tree, std::vector<std::string> &value, const std::string &path);
void read(ReadState &state, const Tree &tree, Literal &value,
          const std::string &path); ///< a list of rows, or one row
void read(ReadState &state, const Tree &tree, std::vector<std::vector<int64_t>> &value,
          const std::string &path); ///< each item is a list of numbers, or one number

/// "expected one of: a, b" and the nearest to `word`, if it is near.
std::string expectedOneOf(llvm::StringRef word, llvm::ArrayRef<llvm::StringRef> words);

/// A scalar's text, or an error that says what was expected instead of a list or map.
std::optional<llvm::StringRef> scalarOf(ReadState &state, const Tree &tree, const std::string &path,
                                        llvm::StringRef expected);

template <typename Enum>
  requires std::is_enum_v<Enum>
void read(ReadState &state, const Tree &tree, Enum &value, const std::string &path) {
  std::optional<llvm::StringRef> word = scalarOf(state, tree, path, "a word");
  if (!word)
    return;
  if (std::optional<Enum> found = enumNamed<Enum>(*word))
    value = *found;
  else
    state.fail(tree.range, path + " is '" + *word + "', " + expectedOneOf(*word, wordsOf<Enum>()));
}

/// Reads the keys of one map.
class Reader {
public:
  static constexpr bool reading = true;

  Reader(ReadState &state, const Tree &tree, std::string path);

  template <typename T> void required(llvm::StringRef key, T &value) {
    if (const Tree *tree = field(key))
      readField(*tree, value, key);
    else
      missing(key);
  }

  /// Takes the default without the key.
  template <typename T> void optional(llvm::StringRef key, T &value, const T &preset) {
    value = preset;
    if (const Tree *tree = field(key))
      readField(*tree, value, key);
  }

  /// Absent without the key, or with `null`.
  template <typename T> void maybe(llvm::StringRef key, std::optional<T> &value) {
    value.reset();
    const Tree *tree = field(key);
    if (tree && tree->kind != Tree::null)
      readField(*tree, value.emplace(), key);
  }

  /// The value of a key, or null; the key counts as known.
  const Tree *field(llvm::StringRef key);
  /// Refuses keys that nobody asked for.
  void finish();
  std::string pathOf(llvm::StringRef key) const { return path.empty() ? key.str() : path + "." + key.str(); }
  ReadState &state;
  const std::string path; ///< of the map: "layers[3].attention"; empty at the top

private:
  template <typename T> void readField(const Tree &tree, T &value, llvm::StringRef key) {
    read(state, tree, value, pathOf(key));
  }
  void missing(llvm::StringRef key);

  const Tree &tree;
  llvm::SmallVector<llvm::StringRef> known;
};

template <typename T>
  requires std::is_class_v<T>
void read(ReadState &state, const Tree &tree, T &value, const std::string &path) {
  Reader reader(state, tree, path);
  fields(reader, value);
  reader.finish();
}

} // namespace attune::yaml

#endif // ATTUNE_FRONTEND_YAML_READER_H
