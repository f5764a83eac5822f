// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// YAML text as a tree of scalars, lists and maps, both ways. Anchors, aliases, tags and several documents in
/// a file are refused.

#ifndef ATTUNE_FRONTEND_YAML_TREE_H
#define ATTUNE_FRONTEND_YAML_TREE_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SourceMgr.h"
#include <string>
#include <vector>

namespace attune::yaml {

struct Entry;

struct Tree {
  Tree();
  Tree(const Tree &);
  Tree(Tree &&) noexcept;
  Tree &operator=(const Tree &);
  Tree &operator=(Tree &&) noexcept;
  ~Tree();

  enum Kind { null, scalar, list, map };
  Kind kind = null;
  std::string text;          ///< scalar
  bool quoted = false;       ///< scalar: a string whatever it looks like
  std::vector<Tree> items;   ///< list
  std::vector<Entry> fields; ///< map, in the order of the text
  llvm::SMRange range;       ///< in the text it was read from

  static Tree makeScalar(std::string text, bool quoted = false);
  static Tree makeList() { return make(list); }
  static Tree makeMap() { return make(map); }
  static Tree make(Kind kind);
};

struct Entry {
  std::string key;
  Tree value;
  llvm::SMRange keyRange;
};

inline Tree::Tree() = default;
inline Tree::Tree(const Tree &) = default;
inline Tree::Tree(Tree &&) noexcept = default;
inline Tree &Tree::operator=(const Tree &) = default;
inline Tree &Tree::operator=(Tree &&) noexcept = default;
inline Tree::~Tree() = default;

/// A text and its tree; makes the diagnostics that point into the text.
class Source {
public:
  /// Parses `text`; `file` stands in the messages.
  static llvm::Expected<Source> parse(llvm::StringRef text, llvm::StringRef file);

  const Tree &tree() const { return root; }

  /// "FILE:LINE:COLUMN: error: MESSAGE", the line and a caret under the place.
  llvm::Error error(llvm::SMRange range, const llvm::Twine &message) const;

  /// Line and column, from 1.
  std::pair<unsigned, unsigned> place(llvm::SMRange range) const;

private:
  std::unique_ptr<llvm::SourceMgr> sources = std::make_unique<llvm::SourceMgr>();
  Tree root;
};

/// The tree as YAML text: maps and lists that fit a line in flow style, others in block style.
std::string print(const Tree &tree);

} // namespace attune::yaml

#endif // ATTUNE_FRONTEND_YAML_TREE_H
