// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// WordPiece: the longest token first, then the longest continuing one, and so on; a word that cannot be
// spelled so is unknown as a whole.
#include "runtime/Error.h"
#include "runtime/tokenizer/Model.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

namespace attune::tokenizer {

namespace {

class WordPieceModel final : public Model {
public:
  WordPieceModel(const Step &step, const Blob &blob)
      : trie(blob.array<TrieNode>(Section::VocabularyTrie)), unknown(step.integer(0)),
        longest(static_cast<size_t>(std::max(step.integer(1), 0))) {
    if (trie.empty())
      throw Error("tokenizer: WordPiece without its vocabulary");
    continuing = trie.walk(trie.root(), step.string(0));
  }

  void encode(std::string_view piece, Workspace &, std::vector<int32_t> &ids) const override {
    size_t before = ids.size(), characters = 0;
    forEachCharacter(piece, [&](uint32_t, size_t, size_t) { ++characters; });
    if (characters <= longest && spell(piece, ids))
      return;
    ids.resize(before);
    ids.push_back(unknown);
  }

private:
  bool spell(std::string_view piece, std::vector<int32_t> &ids) const {
    for (uint32_t from = trie.root(); !piece.empty(); from = continuing) {
      size_t length = 0;
      int32_t id = -1;
      uint32_t node = from;
      for (size_t i = 0; i < piece.size() && node != Trie::Nowhere; ++i) {
        node = trie.step(node, static_cast<unsigned char>(piece[i]));
        if (node != Trie::Nowhere && trie.value(node) >= 0) {
          length = i + 1;
          id = trie.value(node);
        }
      }
      if (length == 0)
        return false;
      ids.push_back(id);
      piece.remove_prefix(length);
    }
    return true;
  }

  Trie trie;
  int32_t unknown;
  size_t longest;
  uint32_t continuing;
};

} // namespace

std::unique_ptr<Model> createWordPiece(const Step &step, const Blob &blob, const Vocabulary &) {
  return std::make_unique<WordPieceModel>(step, blob);
}

} // namespace attune::tokenizer
