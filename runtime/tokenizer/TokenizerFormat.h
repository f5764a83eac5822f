// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tokenizer as it stands in a compiled program: one blob, written by the compiler, used where it is
// mapped.
//
//   Header, SectionEntry[sectionCount], sections (each starts at a multiple of 8 bytes)
//
// All integers are little-endian. Nothing needs to be built or sorted when a program starts; whoever reads a
// section checks its bounds at each use, so a damaged blob gives an error or wrong ids but no stray access.
//
//   Program          Step lists: normalisers, pre-tokenizers, one model, one template, decoders; each list is
//   a u32 count
//                    and its steps. A step: u32 kind, u32 flags, u32 count of integers, i32 each, u32 count
//                    of strings, each a u32 length and its bytes padded to a multiple of 4.
//   TokenOffsets     u32[n + 1]: token i is TokenBytes[offsets[i], offsets[i + 1]); n is the vocabulary size
//   TokenBytes       the tokens as the model's own file spells them
//   TokenFlags       u8[n]: TokenFlag
//   VocabularyHash   u32[slots]: id + 1 or 0; open addressing from slotOf(hashBytes(token)), linear probing,
//   wrapping Merges           MergeSlot[slots]: open addressing from slotOf(hashPair(left, right)), for BPE
//   with a merge list Scores           f64[n + 1]: for Unigram and score-ordered BPE; the last one is the
//   score of an unknown character ByteIds          i32[256]: token of each byte, or -1: byte-level BPE's
//   alphabet, or the byte fallback tokens VocabularyTrie   TrieNode[]: the model's tokens, for WordPiece and
//   Unigram; values are ids AddedTokens      AddedToken[] AddedTrie        TrieNode[]: the spelling of every
//   added token; values are indices into AddedTokens
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace attune::tokenizer {

inline constexpr uint32_t BlobMagic = 0x4b4f5441; // "ATOK"
inline constexpr uint32_t BlobVersion = 1;
inline constexpr uint32_t SectionAlignment = 8;

enum class Section : uint32_t {
  Program = 1,
  TokenOffsets,
  TokenBytes,
  TokenFlags,
  VocabularyHash,
  Merges,
  Scores,
  ByteIds,
  VocabularyTrie,
  AddedTokens,
  AddedTrie,
};

struct Header {
  uint32_t magic;
  uint32_t version;
  uint32_t sectionCount;
  uint32_t reserved;
};

struct SectionEntry {
  uint32_t kind;
  uint32_t reserved;
  uint64_t offset;
  uint64_t size;
};

namespace TokenFlag {
inline constexpr uint8_t InModel = 1; // the model itself may produce it
inline constexpr uint8_t Special = 2; // left out when decoding without special tokens
inline constexpr uint8_t Present = 4; // ids without it are holes in the numbering
} // namespace TokenFlag

struct MergeSlot {
  int32_t left; // -1: empty
  int32_t right;
  uint32_t rank; // lower merges first
  int32_t merged;
};

// Nodes in breadth-first order, node 0 is the root; the children of a node are neighbours with ascending
// labels.
struct TrieNode {
  uint32_t firstChild;
  int32_t value; // -1: no key ends here
  uint16_t childCount;
  uint8_t label;
  uint8_t reserved;
};

namespace AddedFlag {
inline constexpr uint32_t SingleWord = 1; // not inside a word
inline constexpr uint32_t LeftStrip = 2;  // takes the white space before it
inline constexpr uint32_t RightStrip = 4; // and after it
inline constexpr uint32_t Normalized = 8; // looked for in the normalised text
inline constexpr uint32_t AsSpelled = 16; // its spelling is normalised already (only with Normalized)
inline constexpr uint32_t Control = 32;   // may be left unread in plain text
inline constexpr uint32_t AtStart = 64;   // only where the whole text begins
} // namespace AddedFlag

struct AddedToken {
  int32_t id;
  uint32_t flags;
};

enum class StepKind : uint32_t {
  // Normalisers: text to text.
  Nfc = 1,
  Nfd,
  Nfkc,
  Nfkd,
  Lowercase,
  StripAccents,
  StripSpace,    // flags: SideFlag
  Prepend,       // strings: what
  ReplaceString, // strings: what, by what
  ReplaceRegex,  // strings: expression, by what
  Precompiled,   // strings: SentencePiece's character map; flags: PrecompiledFlag
  Nmt,
  Bert, // flags: BertFlag
  MapBytes,

  // Pre-tokenizers: pieces to pieces. Those that split take a SplitBehavior as their first integer.
  SplitRegex = 100, // strings: expression; flags: 1 inverts
  SplitString,      // strings: what; flags: 1 inverts
  SplitDigits,
  SplitPunctuation,
  SplitSpace,
  SplitWords,  // runs of word characters or of others, white space dropped; no integer
  PrefixSpace, // a space in front of each piece that does not begin with one
  Metaspace,   // strings: replacement; integers: PrependScheme; flags: 1 splits in front of each replacement
  MapBytesOfPieces,

  // Models. Integers: the unknown token's id or -1; for WordPiece the longest word in characters; for
  // Unigram,
  // if there is one more, the first id that stands for the unknown token.
  Bpe = 200, // flags: BpeFlag; strings: prefix of continuing pieces, suffix of last pieces
  WordPiece, // strings: prefix of continuing pieces
  Unigram,   // flags: UnigramFlag

  // What is put around the ids. Integers: count of ids before, those ids, those after. Flags: TemplateFlag.
  Template = 300,

  // Decoders: token texts to text.
  DecodeByteLevel = 400,
  DecodeWordPiece, // strings: prefix; flags: 1 cleans up
  DecodeMetaspace, // strings: replacement; flags: 1 drops it at the beginning
  DecodeByteFallback,
  DecodeFuse,
  DecodeStrip,   // strings: a character; integers: how many from the left, from the right
  DecodeReplace, // strings: what, by what
  DecodeSuffix,  // strings: suffix that stands for a space
  DecodeJoin,    // a space between tokens
};

enum class SplitBehavior : int32_t { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };
enum class PrependScheme : int32_t { Never, First, Always };

namespace SideFlag {
inline constexpr uint32_t Left = 1, Right = 2;
}
namespace BertFlag {
inline constexpr uint32_t Clean = 1, Chinese = 2, StripAccents = 4, Lowercase = 8;
}
namespace BpeFlag {
inline constexpr uint32_t FuseUnknown = 1;  // neighbouring unknown characters are one token
inline constexpr uint32_t ByteFallback = 2; // unknown characters become byte tokens
inline constexpr uint32_t WholeWords = 4;   // a piece that is a token is not merged step by step
inline constexpr uint32_t Bytes = 8;        // the alphabet is bytes: ByteIds
inline constexpr uint32_t ByScore = 16;     // merges whatever joins to a token, the best score first
} // namespace BpeFlag
namespace PrecompiledFlag {
inline constexpr uint32_t Longest =
    1; // of the keys that a text begins with the longest counts, as in SentencePiece
} // namespace PrecompiledFlag
namespace UnigramFlag {
inline constexpr uint32_t ByteFallback = 1; // unknown characters become byte tokens
inline constexpr uint32_t Floats = 4; // sums of scores are f32, as in SentencePiece: near ties fall as there
inline constexpr uint32_t AnyToken =
    2; // what is unknown to the model may be spelled as any token of the vocabulary
} // namespace UnigramFlag
namespace TemplateFlag {
inline constexpr uint32_t PlainControl =
    1; // control tokens written in the text are plain text unless asked for
}

inline uint64_t mixBits(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  return x ^ (x >> 32);
}

inline uint64_t hashBytes(std::string_view bytes) {
  uint64_t hash = 0x9e3779b97f4a7c15ull * (bytes.size() + 1);
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = (hash ^ word) * 0x9fb21c651e98df25ull;
    hash ^= hash >> 29;
  }
  uint64_t rest = 0;
  if (!bytes.empty())
    std::memcpy(&rest, bytes.data(), bytes.size());
  return mixBits(hash ^ rest);
}

inline uint64_t hashPair(int32_t left, int32_t right) {
  return mixBits((uint64_t{static_cast<uint32_t>(left)} << 32) | static_cast<uint32_t>(right));
}

// Spreads a hash over any number of slots without a division.
inline uint32_t slotOf(uint64_t hash, uint32_t slots) {
  return static_cast<uint32_t>(((hash >> 32) * slots) >> 32);
}

// Bits of a hash that slotOf does not use: they tell most tokens apart without a look at their spelling.
inline uint32_t tagOf(uint64_t hash) { return static_cast<uint32_t>(hash & 0xFF); }
inline constexpr uint32_t SlotIdBits = 24;

} // namespace attune::tokenizer
