// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unigram: of all ways to spell a piece with tokens the one with the highest sum of scores.
#include "runtime/Error.h"
#include "runtime/tokenizer/Model.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::tokenizer {

namespace {

class UnigramModel final : public Model {
public:
  UnigramModel(const Step &step, const Blob &blob, const Vocabulary &vocabulary)
      : vocabulary(vocabulary), trie(blob.array<TrieNode>(Section::VocabularyTrie)),
        scores(blob.array<double>(Section::Scores)), byteIds(blob.array<int32_t>(Section::ByteIds)),
        unknown(step.integer(0)), end(step.integers.size() > 1 ? step.integer(1) : INT32_MAX),
        byteFallback(step.flags & UnigramFlag::ByteFallback), anyToken(step.flags & UnigramFlag::AnyToken),
        floats(step.flags & UnigramFlag::Floats) {
    if (trie.empty())
      throw Error("tokenizer: Unigram without its vocabulary");
    if (scores.size() != static_cast<size_t>(vocabulary.size()) + 1)
      throw Error(fmt::format("tokenizer: {} scores for {} tokens", scores.size(), vocabulary.size()));
    if (byteFallback && byteIds.size() != 256)
      throw Error(fmt::format("tokenizer: {} byte tokens, expected 256", byteIds.size()));
  }

  void encode(std::string_view piece, Workspace &workspace, std::vector<int32_t> &ids) const override {
    findBestPaths(piece, workspace.nodes);
    spell(piece, workspace.nodes, ids);
  }

private:
  using Node = Workspace::Node;

  // nodes[i] tells the best spelling of the first i bytes: its last token and where that begins.
  void findBestPaths(std::string_view piece, std::vector<Node> &nodes) const {
    nodes.assign(piece.size() + 1, {0, -1, -1});
    forEachCharacter(piece, [&](uint32_t, size_t begin, size_t characterLength) {
      double before = nodes[begin].score;
      auto offer = [&](size_t length, double score, int32_t id) {
        Node &node = nodes[begin + length];
        double sum = floats ? static_cast<float>(before + score) : before + score;
        if (node.begin < 0 || sum > node.score)
          node = {sum, static_cast<int32_t>(begin), id};
      };
      bool single = false; // the character is a token of its own
      trie.forEachPrefix(piece.substr(begin), [&](size_t length, int32_t id) {
        if (!vocabulary.contains(id))
          return; // damaged
        offer(length, scores[static_cast<size_t>(id)], id);
        single |= length == characterLength;
      });
      if (!single)
        offer(characterLength, scores.back(), unknown);
    });
  }

  void spell(std::string_view piece, const std::vector<Node> &nodes, std::vector<int32_t> &ids) const {
    struct Part {
      size_t begin, end;
      int32_t id;
    };
    std::vector<Part> parts; // from the last to the first, neighbouring unknown ones as one
    for (size_t end = piece.size(); end > 0;) {
      const Node &node = nodes[end];
      // A damaged trie may end tokens within characters, where no path leads.
      if (node.begin < 0)
        throw Error("tokenizer: the vocabulary's tokens are not UTF-8");
      auto begin = static_cast<size_t>(node.begin);
      if (node.id == unknown && !parts.empty() && parts.back().id == unknown)
        parts.back().begin = begin;
      else
        parts.push_back({begin, end, node.id});
      end = begin;
    }
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if (part->id == unknown)
        pushUnknown(piece.substr(part->begin, part->end - part->begin), ids);
      else
        ids.push_back(part->id < end ? part->id : unknown);
    }
  }

  void pushUnknown(std::string_view text, std::vector<int32_t> &ids) const {
    // The unknown token's own spelling, written in the text, is not unknown.
    int32_t spelled = vocabulary.findInModel(text);
    if (spelled < 0 && anyToken)
      spelled = vocabulary.find(text).value_or(-1);
    if (spelled >= 0) {
      ids.push_back(spelled);
      return;
    }
    auto idOf = [&](char byte) { return byteIds[static_cast<unsigned char>(byte)]; };
    if (byteFallback && std::all_of(text.begin(), text.end(), [&](char byte) { return idOf(byte) >= 0; })) {
      for (char byte : text)
        ids.push_back(idOf(byte));
    } else if (unknown >= 0) {
      ids.push_back(unknown);
    } else {
      throw Error(fmt::format("no token for '{}' and no token for the unknown", text));
    }
  }

  const Vocabulary &vocabulary;
  Trie trie;
  std::span<const double> scores;
  std::span<const int32_t> byteIds;
  int32_t unknown;
  int32_t end; // ids from here on have scores alone
  bool byteFallback, anyToken, floats;
};

} // namespace

std::unique_ptr<Model> createUnigram(const Step &step, const Blob &blob, const Vocabulary &vocabulary) {
  return std::make_unique<UnigramModel>(step, blob, vocabulary);
}

} // namespace attune::tokenizer
