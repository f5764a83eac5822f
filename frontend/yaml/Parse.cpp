// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/yaml/Tree.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/YAMLParser.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune::yaml;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

/// Deeper nesting is no description, and could overflow the parser's stack.
static constexpr int deepest = 32;
static constexpr size_t longestText = 64 << 20;

Tree Tree::make(Kind kind) {
  Tree tree;
  tree.kind = kind;
  return tree;
}

Tree Tree::makeScalar(std::string text, bool quoted) {
  Tree tree = make(scalar);
  tree.text = std::move(text);
  tree.quoted = quoted;
  return tree;
}

static std::string render(const llvm::SMDiagnostic &diagnostic) {
  std::string text;
  llvm::raw_string_ostream os(text);
  diagnostic.print(nullptr, os, /*ShowColors=*/false);
  return StringRef(text).rtrim('\n').str();
}

static Error textError(std::string text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "%s", text.c_str());
}

Error Source::error(llvm::SMRange range, const Twine &message) const {
  if (!range.isValid()) // an empty text has no place
    return textError((sources->getMemoryBuffer(1)->getBufferIdentifier() + ": error: " + message).str());
  return textError(render(sources->GetMessage(range.Start, llvm::SourceMgr::DK_Error, message, range)));
}

std::pair<unsigned, unsigned> Source::place(llvm::SMRange range) const {
  return range.isValid() ? sources->getLineAndColumn(range.Start) : std::pair<unsigned, unsigned>(0, 0);
}

namespace {
/// Turns the parser's nodes, which can be visited only once and in order, into a tree.
class Converter {
public:
  explicit Converter(llvm::yaml::Stream &stream) : stream(stream) {}

  bool convert(llvm::yaml::Node *node, Tree &tree, int depth);

private:
  bool convertMap(llvm::yaml::MappingNode &node, Tree &tree, int depth);
  bool fail(llvm::SMRange range, const Twine &message) {
    stream.printError(range, message);
    return false;
  }

  llvm::yaml::Stream &stream;
};
} // namespace

bool Converter::convertMap(llvm::yaml::MappingNode &node, Tree &tree, int depth) {
  tree.kind = Tree::map;
  for (llvm::yaml::KeyValueNode &pair : node) {
    auto *key = llvm::dyn_cast_or_null<llvm::yaml::ScalarNode>(pair.getKey());
    if (stream.failed())
      return false;
    if (!key)
      return fail(node.getSourceRange(), "expected a plain word before ':'");
    llvm::SmallString<32> storage;
    Entry entry{key->getValue(storage).str(), {}, key->getSourceRange()};
    for (const Entry &other : tree.fields)
      if (other.key == entry.key)
        return fail(entry.keyRange, "'" + entry.key + "' stands here twice");
    if (!convert(pair.getValue(), entry.value, depth + 1))
      return false;
    if (!entry.value.range.isValid())
      entry.value.range = entry.keyRange;
    tree.fields.push_back(std::move(entry));
  }
  return !stream.failed();
}

bool Converter::convert(llvm::yaml::Node *node, Tree &tree, int depth) {
  if (!node || stream.failed())
    return false;
  tree.range = node->getSourceRange();
  if (depth > deepest)
    return fail(tree.range, "nested deeper than " + Twine(deepest) + " levels");
  if (!node->getAnchor().empty() || !node->getRawTag().empty())
    return fail(tree.range, "anchors and tags are not supported");
  if (llvm::isa<llvm::yaml::NullNode>(node))
    return true;
  if (auto *scalar = llvm::dyn_cast<llvm::yaml::ScalarNode>(node)) {
    llvm::SmallString<64> storage;
    StringRef raw = scalar->getRawValue();
    tree.text = scalar->getValue(storage).str();
    tree.quoted = raw.starts_with("\"") || raw.starts_with("'");
    tree.kind = !tree.quoted && (tree.text.empty() || tree.text == "null" || tree.text == "~") ? Tree::null
                                                                                               : Tree::scalar;
    return !stream.failed();
  }
  if (auto *block = llvm::dyn_cast<llvm::yaml::BlockScalarNode>(node)) {
    tree = Tree::makeScalar(block->getValue().str(), /*quoted=*/true);
    tree.range = block->getSourceRange();
    return true;
  }
  if (auto *map = llvm::dyn_cast<llvm::yaml::MappingNode>(node))
    return convertMap(*map, tree, depth);
  if (auto *list = llvm::dyn_cast<llvm::yaml::SequenceNode>(node)) {
    tree.kind = Tree::list;
    for (llvm::yaml::Node &item : *list)
      if (!convert(&item, tree.items.emplace_back(), depth + 1))
        return false;
    return !stream.failed();
  }
  return fail(tree.range, "aliases are not supported");
}

/// The parser reads past what is no text: such bytes are refused before.
static Error checkBytes(StringRef text, StringRef file) {
  if (text.size() > longestText)
    return textError(
        (file + ": has " + Twine(text.size()) + " bytes, expected at most " + Twine(longestText)).str());
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.data());
  const llvm::UTF8 *at = begin;
  if (!llvm::isLegalUTF8String(&at, begin + text.size()))
    return textError((file + ": is no UTF-8 text at byte " + Twine(at - begin)).str());
  if (size_t zero = text.find('\0'); zero != StringRef::npos)
    return textError((file + ": has a zero byte at byte " + Twine(zero)).str());
  return Error::success();
}

Expected<Source> Source::parse(StringRef text, StringRef file) {
  if (Error error = checkBytes(text, file))
    return std::move(error);
  Source source;
  std::string problem;
  source.sources->AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, file), llvm::SMLoc());
  source.sources->setDiagHandler(
      [](const llvm::SMDiagnostic &diagnostic, void *context) {
        auto &problem = *static_cast<std::string *>(context);
        if (problem.empty()) // what follows a first error is noise
          problem = render(diagnostic);
      },
      &problem);
  llvm::MemoryBufferRef buffer = source.sources->getMemoryBuffer(1)->getMemBufferRef();
  llvm::yaml::Stream stream(buffer, *source.sources, /*ShowColors=*/false);
  auto document = stream.begin();
  bool parsed = document != stream.end() && Converter(stream).convert(document->getRoot(), source.root, 0);
  if (parsed && (++document) != stream.end() && !stream.failed())
    problem = (file + ": holds several documents, expected one").str();
  source.sources->setDiagHandler(nullptr);
  if (!parsed || stream.failed() || !problem.empty())
    return textError(problem.empty() ? (file + ": is no YAML text").str() : problem);
  return source;
}
