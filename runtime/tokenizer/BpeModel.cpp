// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Byte-pair encoding. Merges wait in a heap, so a piece of n characters costs n log n whatever its length.
#include "runtime/Error.h"
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Model.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::tokenizer {

namespace {

using Symbol = Workspace::Symbol;
using Merge = Workspace::Merge;

class BpeModel final : public Model {
public:
  BpeModel(const Step &step, const Blob &blob, const Vocabulary &vocabulary);

  void encode(std::string_view piece, Workspace &workspace, std::vector<int32_t> &ids) const override;

private:
  void merge(std::string_view piece, Workspace &workspace, std::vector<int32_t> &ids) const;
  void pushBytes(std::string_view piece, std::vector<Symbol> &symbols) const;
  void pushCharacters(std::string_view piece, std::vector<Symbol> &symbols) const;
  bool pushByteTokens(std::string_view text, std::vector<int32_t> &ids) const;
  void pushIds(std::string_view piece, const std::vector<Symbol> &symbols, std::vector<int32_t> &ids) const;
  int32_t idOfCharacter(std::string_view character, bool first, bool last) const;
  void pushMerge(std::string_view piece, Workspace &workspace, int32_t left) const;
  bool findMerge(std::string_view piece, const Symbol &left, const Symbol &right, Merge &merge) const;

  const Vocabulary &vocabulary;
  uint32_t flags;
  int32_t unknown;
  std::string_view continuingPrefix, endSuffix;
  std::span<const MergeSlot> merges;
  std::span<const double> scores;
  std::span<const int32_t> byteIds;
};

// A run of unknown characters that becomes one token, or one token each.
class UnknownRun {
public:
  UnknownRun(int32_t id, bool fuse, std::vector<Symbol> &symbols) : id(id), fuse(fuse), symbols(symbols) {}

  void add(size_t begin, size_t length) {
    if (id < 0)
      return; // without an unknown token the character is lost
    if (pending && !fuse)
      flush();
    if (!pending)
      start = begin;
    pending = true;
    stop = begin + length;
  }

  void flush() {
    if (pending)
      symbols.push_back({id, 0, 0, static_cast<uint32_t>(start), static_cast<uint32_t>(stop - start)});
    pending = false;
  }

private:
  int32_t id;
  bool fuse;
  std::vector<Symbol> &symbols;
  bool pending = false;
  size_t start = 0, stop = 0;
};

BpeModel::BpeModel(const Step &step, const Blob &blob, const Vocabulary &vocabulary)
    : vocabulary(vocabulary), flags(step.flags), unknown(step.integer(0)), continuingPrefix(step.string(0)),
      endSuffix(step.string(1)), merges(blob.array<MergeSlot>(Section::Merges)),
      scores(blob.array<double>(Section::Scores)), byteIds(blob.array<int32_t>(Section::ByteIds)) {
  if ((flags & (BpeFlag::Bytes | BpeFlag::ByteFallback)) && byteIds.size() != 256)
    throw Error(fmt::format("tokenizer: {} byte tokens, expected 256", byteIds.size()));
  if ((flags & BpeFlag::ByScore) && scores.size() < static_cast<size_t>(vocabulary.size()))
    throw Error(fmt::format("tokenizer: {} scores for {} tokens", scores.size(), vocabulary.size()));
  if (merges.size() > UINT32_MAX)
    throw Error("tokenizer: the table of merges is too large");
}

void BpeModel::pushBytes(std::string_view piece, std::vector<Symbol> &symbols) const {
  UnknownRun unknowns(unknown, flags & BpeFlag::FuseUnknown, symbols);
  for (size_t i = 0; i < piece.size(); ++i) {
    int32_t id = byteIds[static_cast<unsigned char>(piece[i])];
    if (id < 0) {
      unknowns.add(i, 1);
      continue;
    }
    unknowns.flush();
    symbols.push_back({id, 0, 0, static_cast<uint32_t>(i), 1});
  }
  unknowns.flush();
}

int32_t BpeModel::idOfCharacter(std::string_view character, bool first, bool last) const {
  bool prefixed = !first && !continuingPrefix.empty(), suffixed = last && !endSuffix.empty();
  if (!prefixed && !suffixed)
    return vocabulary.findInModel(character);
  std::string spelling;
  if (prefixed)
    spelling += continuingPrefix;
  spelling += character;
  if (suffixed)
    spelling += endSuffix;
  return vocabulary.findInModel(spelling);
}

// The byte fallback: one token for each byte, or nothing if one of them has none.
bool BpeModel::pushByteTokens(std::string_view text, std::vector<int32_t> &ids) const {
  if (!(flags & BpeFlag::ByteFallback))
    return false;
  auto idOf = [&](char byte) { return byteIds[static_cast<unsigned char>(byte)]; };
  if (!std::all_of(text.begin(), text.end(), [&](char byte) { return idOf(byte) >= 0; }))
    return false;
  for (char byte : text)
    ids.push_back(idOf(byte));
  return true;
}

void BpeModel::pushCharacters(std::string_view piece, std::vector<Symbol> &symbols) const {
  UnknownRun unknowns(unknown, flags & BpeFlag::FuseUnknown, symbols);
  std::vector<int32_t> bytes;
  forEachCharacter(piece, [&](uint32_t, size_t begin, size_t length) {
    std::string_view character = piece.substr(begin, length);
    int32_t id = idOfCharacter(character, begin == 0, begin + length == piece.size());
    // Merges by score look at texts alone: a character without a token may still be part of one.
    if (id >= 0 || (flags & BpeFlag::ByScore)) {
      unknowns.flush();
      symbols.push_back({id, 0, 0, static_cast<uint32_t>(begin), static_cast<uint32_t>(length)});
    } else if (bytes.clear(); pushByteTokens(character, bytes)) {
      unknowns.flush();
      for (size_t i = 0; i < length; ++i)
        symbols.push_back({bytes[i], 0, 0, static_cast<uint32_t>(begin + i), 1});
    } else {
      unknowns.add(begin, length);
    }
  });
  unknowns.flush();
}

bool BpeModel::findMerge(std::string_view piece, const Symbol &left, const Symbol &right,
                         Merge &merge) const {
  if (flags & BpeFlag::ByScore) {
    int32_t id = vocabulary.findInModel(piece.substr(left.begin, left.length + right.length));
    if (id < 0)
      return false;
    merge.priority = -scores[static_cast<size_t>(id)];
    merge.merged = id;
    return true;
  }
  if (merges.empty())
    return false;
  auto slots = static_cast<uint32_t>(merges.size());
  uint32_t slot = slotOf(hashPair(left.id, right.id), slots);
  for (uint32_t tried = 0; tried < slots && merges[slot].left >= 0; ++tried) {
    const MergeSlot &candidate = merges[slot];
    if (candidate.left == left.id && candidate.right == right.id) {
      merge.priority = candidate.rank;
      merge.merged = candidate.merged;
      return true;
    }
    if (++slot == slots)
      slot = 0;
  }
  return false;
}

// Greater means later: a heap of these has the first merge on top.
bool isLater(const Merge &a, const Merge &b) {
  return a.priority != b.priority ? a.priority > b.priority : a.left > b.left;
}

void BpeModel::pushMerge(std::string_view piece, Workspace &workspace, int32_t left) const {
  if (left < 0)
    return;
  const Symbol &symbol = workspace.symbols[static_cast<size_t>(left)];
  if (symbol.next < 0)
    return;
  const Symbol &right = workspace.symbols[static_cast<size_t>(symbol.next)];
  Merge merge{0, left, 0, symbol.length + right.length};
  if (!findMerge(piece, symbol, right, merge))
    return;
  workspace.queue.push_back(merge);
  std::push_heap(workspace.queue.begin(), workspace.queue.end(), isLater);
}

void BpeModel::merge(std::string_view piece, Workspace &workspace, std::vector<int32_t> &ids) const {
  std::vector<Symbol> &symbols = workspace.symbols;
  std::vector<Merge> &queue = workspace.queue;
  symbols.clear();
  queue.clear();
  if (flags & BpeFlag::Bytes)
    pushBytes(piece, symbols);
  else
    pushCharacters(piece, symbols);

  auto count = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < count; ++i) {
    symbols[static_cast<size_t>(i)].previous = i - 1;
    symbols[static_cast<size_t>(i)].next = i + 1 < count ? i + 1 : -1;
  }
  for (int32_t i = 0; i + 1 < count; ++i)
    pushMerge(piece, workspace, i);

  while (!queue.empty()) {
    Merge top = queue.front();
    std::pop_heap(queue.begin(), queue.end(), isLater);
    queue.pop_back();
    Symbol &left = symbols[static_cast<size_t>(top.left)];
    if (left.length == 0 || left.next < 0)
      continue;
    Symbol &right = symbols[static_cast<size_t>(left.next)];
    if (left.length + right.length != top.length)
      continue;
    left.id = top.merged;
    left.length += right.length;
    right.length = 0;
    left.next = right.next;
    if (left.next >= 0)
      symbols[static_cast<size_t>(left.next)].previous = top.left;
    pushMerge(piece, workspace, left.previous);
    pushMerge(piece, workspace, top.left);
  }
  pushIds(piece, symbols, ids);
}

void BpeModel::pushIds(std::string_view piece, const std::vector<Symbol> &symbols,
                       std::vector<int32_t> &ids) const {
  bool afterUnknown = false;
  for (const Symbol &symbol : symbols) {
    if (symbol.length == 0)
      continue;
    bool isUnknown = symbol.id < 0 && !pushByteTokens(piece.substr(symbol.begin, symbol.length), ids);
    if (symbol.id >= 0)
      ids.push_back(symbol.id);
    else if (isUnknown && unknown >= 0 && !(afterUnknown && (flags & BpeFlag::FuseUnknown)))
      ids.push_back(unknown);
    afterUnknown = isUnknown;
  }
}

void BpeModel::encode(std::string_view piece, Workspace &workspace, std::vector<int32_t> &ids) const {
  if (flags & BpeFlag::WholeWords) {
    std::string mapped = flags & BpeFlag::Bytes ? mapBytes(piece) : std::string();
    int32_t id = vocabulary.findInModel(flags & BpeFlag::Bytes ? std::string_view(mapped) : piece);
    if (id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  // The same words come again and again in a text.
  constexpr size_t LongestSeen = 32, SeenSlots = 4096;
  if (piece.size() < 2 || piece.size() > LongestSeen)
    return merge(piece, workspace, ids);
  if (workspace.seen.empty())
    workspace.seen.resize(SeenSlots);
  Workspace::Seen &seen = workspace.seen[hashBytes(piece) % SeenSlots];
  if (seen.text != piece) {
    seen.text = piece;
    seen.ids.clear();
    merge(piece, workspace, seen.ids);
  }
  ids.insert(ids.end(), seen.ids.begin(), seen.ids.end());
}

} // namespace

std::unique_ptr<Model> createBpe(const Step &step, const Blob &blob, const Vocabulary &vocabulary) {
  return std::make_unique<BpeModel>(step, blob, vocabulary);
}

std::unique_ptr<Model> Model::create(const Step &step, const Blob &blob, const Vocabulary &vocabulary) {
  switch (step.kind) {
  case StepKind::Bpe:
    return createBpe(step, blob, vocabulary);
  case StepKind::WordPiece:
    return createWordPiece(step, blob, vocabulary);
  case StepKind::Unigram:
    return createUnigram(step, blob, vocabulary);
  default:
    throw Error(fmt::format("tokenizer: step {} is no model", static_cast<uint32_t>(step.kind)));
  }
}

} // namespace attune::tokenizer
