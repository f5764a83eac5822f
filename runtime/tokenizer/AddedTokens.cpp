// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/AddedTokens.h"

#include "runtime/tokenizer/Unicode.h"
#include "runtime/tokenizer/Utf8.h"

namespace attune::tokenizer {

AddedTokens::AddedTokens(const Blob &blob, const Vocabulary &vocabulary, const Normalizer &normalizer)
    : tokens(blob.array<AddedToken>(Section::AddedTokens)) {
  raw.trie = Trie(blob.array<TrieNode>(Section::AddedTrie));
  normalized.normalized = true;

  // The few tokens that are looked for in normalised text are normalised themselves, as the text will be.
  std::vector<std::pair<size_t, int32_t>> keys;
  for (size_t i = 0; i < tokens.size(); ++i) {
    uint32_t flags = tokens[i].flags;
    std::string_view spelling = vocabulary.token(tokens[i].id);
    if (!(flags & AddedFlag::Normalized)) {
      if (!spelling.empty())
        raw.begins[static_cast<unsigned char>(spelling[0])] = true;
      continue;
    }
    std::string valid = repairUtf8(spelling);
    std::string text = flags & AddedFlag::AsSpelled ? valid : normalizer.apply(valid);
    if (text.empty())
      continue;
    normalized.begins[static_cast<unsigned char>(text[0])] = true;
    normalizedSpellings.push_back(std::move(text));
    keys.push_back({normalizedSpellings.size() - 1, static_cast<int32_t>(i)});
  }
  if (keys.empty())
    return;
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (auto [spelling, index] : keys)
    entries.push_back({normalizedSpellings[spelling], index});
  normalizedTrie = buildTrie(std::move(entries));
  normalized.trie = Trie(normalizedTrie);
}

std::vector<AddedTokens::Span> AddedTokens::split(std::string_view text, bool plainControl) const {
  return split(text, plainControl, raw);
}

std::vector<AddedTokens::Span> AddedTokens::splitNormalized(std::string_view text, bool plainControl) const {
  return split(text, plainControl, normalized);
}

// The code point that ends right before `end`.
static uint32_t characterBefore(std::string_view text, size_t end) {
  size_t begin = end;
  do
    --begin;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80);
  return firstCharacter(text.substr(begin, end - begin)).codePoint;
}

bool AddedTokens::fits(std::string_view text, size_t begin, size_t end, uint32_t flags) const {
  if ((flags & AddedFlag::AtStart) && begin > 0)
    return false;
  if (!(flags & AddedFlag::SingleWord))
    return true;
  bool wordBefore = begin > 0 && isWordCharacter(characterBefore(text, begin));
  bool wordAfter = end < text.size() && isWordCharacter(firstCharacter(text.substr(end)).codePoint);
  return !wordBefore && !wordAfter;
}

static size_t spaceBefore(std::string_view text, size_t end) {
  while (end > 0) {
    uint32_t c = characterBefore(text, end);
    if (!isWhiteSpace(c))
      break;
    std::string encoded;
    appendCharacter(encoded, c);
    end -= std::min(encoded.size(), end);
  }
  return end;
}

static size_t spaceAfter(std::string_view text, size_t begin) {
  while (begin < text.size()) {
    Utf8Character c = firstCharacter(text.substr(begin));
    if (!isWhiteSpace(c.codePoint))
      break;
    begin += c.length;
  }
  return begin;
}

std::vector<AddedTokens::Span> AddedTokens::split(std::string_view text, bool plainControl,
                                                  const Group &group) const {
  std::vector<Span> spans;
  size_t done = 0; // everything before is in `spans`
  for (size_t position = 0; position < text.size() && !group.trie.empty();) {
    if (!group.begins[static_cast<unsigned char>(text[position])]) {
      ++position;
      continue;
    }
    size_t length = 0;
    AddedToken token{-1, 0};
    group.trie.forEachPrefix(text.substr(position), [&](size_t candidate, int32_t index) {
      if (static_cast<size_t>(index) >= tokens.size())
        return; // damaged
      AddedToken found = tokens[static_cast<size_t>(index)];
      bool wanted = bool(found.flags & AddedFlag::Normalized) == group.normalized &&
                    !(plainControl && (found.flags & AddedFlag::Control));
      if (wanted) {
        length = candidate;
        token = found;
      }
    });
    if (length == 0) {
      ++position;
      continue;
    }
    size_t begin = position, end = position + length;
    position = end;
    if (!fits(text, begin, end, token.flags))
      continue;
    // As in the reference implementation the search goes on right behind the token itself: one that begins
    // with the space that this one takes is still found.
    if (token.flags & AddedFlag::LeftStrip)
      begin = std::max(spaceBefore(text, begin), done);
    if (token.flags & AddedFlag::RightStrip)
      end = spaceAfter(text, end);
    if (done < begin)
      spans.push_back({done, begin, -1});
    if (begin < end) // nothing is left of a token whose space an earlier one took
      spans.push_back({begin, end, token.id});
    done = end;
  }
  if (done < text.size())
    spans.push_back({done, text.size(), -1});
  return spans;
}

} // namespace attune::tokenizer
