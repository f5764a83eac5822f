// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/TokenizerBlob.h"

#include "frontend/weights/MappedFile.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/tokenizer/Trie.h"

namespace attune {

using namespace tokenizer;

TokenizerDescription::Token &TokenizerDescription::at(int32_t id) {
  auto index = static_cast<size_t>(id);
  if (index >= tokens.size())
    tokens.resize(index + 1);
  return tokens[index];
}

std::vector<int32_t> byteTokens(llvm::function_ref<int32_t(llvm::StringRef)> idOf) {
  std::vector<int32_t> ids;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char *digits = "0123456789ABCDEF";
    std::string spelling = {'<', '0', 'x', digits[byte / 16], digits[byte % 16], '>'};
    ids.push_back(idOf(spelling));
  }
  return ids;
}

namespace {

class BlobWriter {
public:
  template <typename T> void add(Section kind, const std::vector<T> &items) {
    add(kind, std::string(reinterpret_cast<const char *>(items.data()), items.size() * sizeof(T)));
  }

  void add(Section kind, std::string bytes) {
    if (!bytes.empty())
      sections.push_back({kind, std::move(bytes)});
  }

  std::string finish() const {
    std::string blob;
    Header header{BlobMagic, BlobVersion, static_cast<uint32_t>(sections.size()), 0};
    append(blob, header);
    uint64_t offset = sizeof(Header) + sections.size() * sizeof(SectionEntry);
    for (const auto &[kind, bytes] : sections) {
      append(blob, SectionEntry{static_cast<uint32_t>(kind), 0, offset, bytes.size()});
      offset = aligned(offset + bytes.size());
    }
    for (const auto &[kind, bytes] : sections) {
      blob += bytes;
      blob.resize(aligned(blob.size()));
    }
    return blob;
  }

private:
  static uint64_t aligned(uint64_t size) {
    return (size + SectionAlignment - 1) / SectionAlignment * SectionAlignment;
  }

  template <typename T> static void append(std::string &out, const T &value) {
    out.append(reinterpret_cast<const char *>(&value), sizeof(T));
  }

  std::vector<std::pair<Section, std::string>> sections;
};

class ProgramWriter {
public:
  void add(const std::vector<TokenizerStep> &steps) {
    word(steps.size());
    for (const TokenizerStep &step : steps) {
      word(static_cast<uint32_t>(step.kind));
      word(step.flags);
      word(step.integers.size());
      for (int32_t value : step.integers)
        word(static_cast<uint32_t>(value));
      word(step.strings.size());
      for (const std::string &text : step.strings) {
        word(text.size());
        bytes += text;
        bytes.resize((bytes.size() + 3) / 4 * 4);
      }
    }
  }

  std::string bytes;

private:
  void word(uint64_t value) {
    auto narrow = static_cast<uint32_t>(value);
    bytes.append(reinterpret_cast<const char *>(&narrow), 4);
  }
};

} // namespace

static std::string writeProgram(const TokenizerDescription &description) {
  TokenizerStep surroundings{
      StepKind::Template, description.plainControl ? TemplateFlag::PlainControl : 0, {}, {}};
  surroundings.integers.push_back(static_cast<int32_t>(description.before.size()));
  for (const std::vector<int32_t> *ids : {&description.before, &description.after})
    surroundings.integers.insert(surroundings.integers.end(), ids->begin(), ids->end());

  ProgramWriter writer;
  writer.add(description.normalizers);
  writer.add(description.preTokenizers);
  writer.add({description.model});
  writer.add({surroundings});
  writer.add(description.decoders);
  return std::move(writer.bytes);
}

// Half of the slots or more stay empty: most searches find nothing, and end at the first such slot.
static uint32_t slotsFor(size_t entries) { return static_cast<uint32_t>(2 * entries + 1); }

// Of tokens with one spelling the one that the model produces comes first, so that a search finds it.
static std::vector<uint32_t> hashVocabulary(const std::vector<TokenizerDescription::Token> &tokens) {
  std::vector<uint32_t> slots(slotsFor(tokens.size()));
  auto insert = [&](size_t id) {
    uint64_t hash = hashBytes(tokens[id].text);
    uint32_t slot = slotOf(hash, static_cast<uint32_t>(slots.size()));
    while (slots[slot] != 0)
      slot = slot + 1 == slots.size() ? 0 : slot + 1;
    slots[slot] = tagOf(hash) << SlotIdBits | static_cast<uint32_t>(id + 1);
  };
  for (bool inModel : {true, false})
    for (size_t id = tokens.size(); id-- > 0;)
      if ((tokens[id].flags & TokenFlag::Present) && bool(tokens[id].flags & TokenFlag::InModel) == inModel)
        insert(id);
  return slots;
}

static std::vector<MergeSlot> hashMerges(const std::vector<MergeSlot> &merges) {
  if (merges.empty())
    return {};
  std::vector<MergeSlot> slots(slotsFor(merges.size()), MergeSlot{-1, -1, 0, -1});
  for (const MergeSlot &merge : merges) {
    uint32_t slot = slotOf(hashPair(merge.left, merge.right), static_cast<uint32_t>(slots.size()));
    while (slots[slot].left >= 0)
      slot = slot + 1 == slots.size() ? 0 : slot + 1;
    slots[slot] = merge;
  }
  return slots;
}

static std::vector<TrieNode> trieOfModel(const std::vector<TokenizerDescription::Token> &tokens) {
  std::vector<std::pair<std::string_view, int32_t>> keys;
  for (size_t id = 0; id < tokens.size(); ++id)
    if (tokens[id].flags & TokenFlag::InModel)
      keys.push_back({tokens[id].text, static_cast<int32_t>(id)});
  return buildTrie(std::move(keys));
}

static std::vector<TrieNode> trieOfAdded(const TokenizerDescription &description) {
  std::vector<std::pair<std::string_view, int32_t>> keys;
  for (size_t i = 0; i < description.added.size(); ++i)
    keys.push_back(
        {description.tokens[static_cast<size_t>(description.added[i].id)].text, static_cast<int32_t>(i)});
  return keys.empty() ? std::vector<TrieNode>() : buildTrie(std::move(keys));
}

// The blob must lie as it will in a program, which a string need not.
static std::optional<std::string> problemOf(const std::string &blob) {
  std::vector<uint64_t> aligned((blob.size() + 7) / 8);
  std::memcpy(aligned.data(), blob.data(), blob.size());
  return Tokenizer::problemOf(std::as_bytes(std::span(aligned)).first(blob.size()));
}

llvm::Expected<std::string> writeTokenizerBlob(const TokenizerDescription &description,
                                               llvm::StringRef file) {
  std::vector<uint32_t> offsets = {0};
  std::vector<uint8_t> flags;
  std::string bytes;
  for (const TokenizerDescription::Token &token : description.tokens) {
    bytes += token.text;
    offsets.push_back(static_cast<uint32_t>(bytes.size()));
    flags.push_back(token.flags);
  }

  BlobWriter writer;
  writer.add(Section::Program, writeProgram(description));
  writer.add(Section::TokenOffsets, offsets);
  writer.add(Section::TokenBytes, std::move(bytes));
  writer.add(Section::TokenFlags, flags);
  writer.add(Section::VocabularyHash, hashVocabulary(description.tokens));
  writer.add(Section::Merges, hashMerges(description.merges));
  writer.add(Section::Scores, description.scores);
  writer.add(Section::ByteIds, description.byteIds);
  if (description.needsTrie)
    writer.add(Section::VocabularyTrie, trieOfModel(description.tokens));
  writer.add(Section::AddedTokens, description.added);
  writer.add(Section::AddedTrie, trieOfAdded(description));
  std::string blob = writer.finish();
  if (auto problem = problemOf(blob))
    return fileError(file, *problem);
  return blob;
}

} // namespace attune
