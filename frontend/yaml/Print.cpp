// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/yaml/Tree.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/YAMLParser.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune::yaml;
using llvm::StringRef;

static constexpr size_t lineWidth = 110;

/// Whether a string needs no quotes: it cannot be taken for a number, a truth value or a part of YAML's own
/// syntax.
static bool isPlainWord(StringRef text) {
  static constexpr StringRef safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
  if (text.empty() || !(llvm::isAlpha(text[0]) || text[0] == '/') ||
      text.find_first_not_of(safe) != StringRef::npos)
    return false;
  return !llvm::is_contained({"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, text.lower());
}

static std::string scalarText(const Tree &tree) {
  if (tree.kind == Tree::null)
    return "null";
  if (!tree.quoted || isPlainWord(tree.text))
    return tree.text;
  return "\"" + llvm::yaml::escape(tree.text, /*EscapePrintable=*/false) + "\"";
}

static std::string keyText(StringRef key) { return scalarText(Tree::makeScalar(key.str(), /*quoted=*/true)); }

static bool isScalar(const Tree &tree) { return tree.kind == Tree::scalar || tree.kind == Tree::null; }

/// Lists of scalars are always flow, maps of scalars (or of such lists) when they fit the line.
static bool isFlowList(const Tree &tree) {
  return tree.kind == Tree::list && llvm::all_of(tree.items, isScalar);
}

static std::string flowText(const Tree &tree) {
  std::string text;
  auto comma = [&] { text += text.size() > 1 ? ", " : ""; };
  if (tree.kind == Tree::list) {
    text = "[";
    for (const Tree &item : tree.items)
      comma(), text += flowText(item);
    return text + "]";
  }
  if (tree.kind == Tree::map) {
    text = "{";
    for (const Entry &entry : tree.fields)
      comma(), text += keyText(entry.key) + ": " + flowText(entry.value);
    return text + "}";
  }
  return scalarText(tree);
}

static bool isFlow(const Tree &tree, size_t column) {
  if (isScalar(tree) || isFlowList(tree))
    return true;
  if (tree.kind != Tree::map)
    return tree.items.empty();
  bool simple = llvm::all_of(
      tree.fields, [](const Entry &entry) { return isScalar(entry.value) || isFlowList(entry.value); });
  return simple && column + flowText(tree).size() <= lineWidth;
}

/// A list of scalars, broken between items where it does not fit.
static void printWrapped(llvm::raw_ostream &os, const Tree &tree, size_t column, unsigned indent) {
  os << "[";
  ++column;
  for (size_t i = 0; i < tree.items.size(); ++i) {
    std::string item = scalarText(tree.items[i]) + (i + 1 < tree.items.size() ? "," : "");
    if (i && column + 1 + item.size() > lineWidth) {
      os << "\n";
      os.indent(indent);
      column = indent;
    } else if (i) {
      os << " ";
      ++column;
    }
    os << item;
    column += item.size();
  }
  os << "]";
}

static void printBlock(llvm::raw_ostream &os, const Tree &tree, unsigned indent);

/// The value behind "key:" or "-"; `column` is where it would begin on that line, `inner` the indentation of
/// a block.
static void printValue(llvm::raw_ostream &os, const Tree &tree, size_t column, unsigned inner) {
  if (isFlowList(tree)) {
    os << " ";
    printWrapped(os, tree, column, inner);
    os << "\n";
  } else if (isFlow(tree, column)) {
    os << " " << flowText(tree) << "\n";
  } else {
    os << "\n";
    printBlock(os, tree, inner);
  }
}

static void printFields(llvm::raw_ostream &os, const Tree &tree, unsigned indent, bool firstIndented) {
  for (const Entry &entry : tree.fields) {
    if (!std::exchange(firstIndented, false))
      os.indent(indent);
    std::string key = keyText(entry.key) + ":";
    os << key;
    printValue(os, entry.value, indent + key.size() + 1, indent + 2);
  }
}

static void printBlock(llvm::raw_ostream &os, const Tree &tree, unsigned indent) {
  if (tree.kind == Tree::map)
    return printFields(os, tree, indent, /*firstIndented=*/false);
  for (const Tree &item : tree.items) {
    os.indent(indent) << "-";
    if (item.kind == Tree::map && !isFlow(item, indent + 2)) {
      os << " ";
      printFields(os, item, indent + 2, /*firstIndented=*/true);
    } else {
      printValue(os, item, indent + 2, indent + 2);
    }
  }
}

std::string attune::yaml::print(const Tree &tree) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printBlock(os, tree, 0);
  return text;
}
