// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams, hostile texts and damaged blobs.
#include "runtime/Error.h"
#include "test/unit/TokenizerTestFiles.h"

#include <random>

namespace attune::test {

static std::string fixtureBlob(const std::string &name) {
  return llvm::cantFail(importTokenizerJson(tokenizerFolder(name) + "/tokenizer.json"));
}

TEST(StreamDecoder, HoldsACharacterUntilItIsWhole) {
  for (const char *name : {"tiny_bytelevel_gpt2", "tiny_spm_bpe"}) {
    LoadedTokenizer tokenizer(fixtureBlob(name));
    std::vector<int32_t> ids = tokenizer->encode("\xF0\x9F\x98\x80", false);
    ASSERT_GE(ids.size(), 4u);
    ids.erase(ids.begin(), ids.end() - 4); // the four bytes
    StreamDecoder decoder(*tokenizer);
    for (size_t i = 0; i < 3; ++i)
      EXPECT_EQ(decoder.push(ids[i]), "") << name << " " << i;
    EXPECT_EQ(decoder.push(ids[3]), "\xF0\x9F\x98\x80") << name;
    EXPECT_EQ(decoder.flush(), "");
  }
}

TEST(StreamDecoder, InvalidBytesComeAtOnce) {
  for (const char *name : {"tiny_bytelevel_gpt2", "tiny_spm_bpe"}) {
    LoadedTokenizer tokenizer(fixtureBlob(name));
    int32_t continuation = tokenizer->encode("\xF0\x9F\x98\x80", false).back(); // 0x80, never first
    StreamDecoder decoder(*tokenizer);
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ(decoder.push(continuation), "\xEF\xBF\xBD") << name;
    EXPECT_EQ(decoder.flush(), "");
  }
}

TEST(StreamDecoder, BeginningOfACharacterComesWithTheFlush) {
  LoadedTokenizer tokenizer(fixtureBlob("tiny_bytelevel_gpt2"));
  std::vector<int32_t> ids = tokenizer->encode("\xF0\x9F\x98\x80", false);
  StreamDecoder decoder(*tokenizer);
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.flush(), "\xEF\xBF\xBD");
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(decoder.push(ids[i]), "");
  EXPECT_EQ(decoder.push(ids[3]), "\xF0\x9F\x98\x80") << "begins anew";
}

static const char *const Fixtures[] = {
    "minilm_wordpiece", "tiny_bytelevel_deepseek", "tiny_bytelevel_gpt2", "tiny_bytelevel_llama3",
    "tiny_spm_bpe",     "tiny_spm_gemma",          "tiny_unigram",        "tiny_wordpiece"};

TEST(StreamDecoder, AddsUpToDecodeForAnyIds) {
  std::mt19937 random(1);
  for (const char *name : Fixtures) {
    LoadedTokenizer tokenizer(fixtureBlob(name));
    for (int round = 0; round < 500; ++round) {
      std::vector<int32_t> ids(random() % 12);
      for (int32_t &id : ids)
        id = static_cast<int32_t>(random() % static_cast<unsigned>(tokenizer->vocabularySize() + 4)) - 2;
      for (bool skip : {true, false})
        EXPECT_EQ(streamed(*tokenizer, ids, skip), tokenizer->decode(ids, skip)) << name;
    }
  }
}

TEST(Tokenizer, InvalidUtf8CountsAsReplacementCharacters) {
  for (const char *name : Fixtures) {
    LoadedTokenizer tokenizer(fixtureBlob(name));
    EXPECT_EQ(tokenizer->encode("a\xFF\xC3 b\xE4\xBD"),
              tokenizer->encode("a\xEF\xBF\xBD\xEF\xBF\xBD b\xEF\xBF\xBD"));
    std::mt19937 random(2);
    for (int round = 0; round < 200; ++round) {
      std::string bytes(random() % 20, ' ');
      for (char &byte : bytes)
        byte = static_cast<char>(random());
      for (int32_t id : tokenizer->encode(bytes))
        EXPECT_TRUE(id >= 0 && id < tokenizer->vocabularySize());
    }
  }
}

// A quadratic merge would take minutes here, a recursive one would overflow the stack.
TEST(Tokenizer, LongWords) {
  constexpr size_t Length = 1 << 20;
  std::string mixed;
  for (size_t i = 0; i < Length; ++i)
    mixed += "thequickan"[i * i % 10];
  for (const char *name : Fixtures) {
    LoadedTokenizer tokenizer(fixtureBlob(name));
    for (const std::string &text :
         {std::string(Length, 'a'), std::string(Length, ' '), std::string(Length, '\n'), mixed}) {
      std::vector<int32_t> ids = tokenizer->encode(text, false);
      if (std::string(name).starts_with("tiny_bytelevel"))
        EXPECT_EQ(tokenizer->decode(ids, false), text);
    }
  }
}

TEST(Tokenizer, LooksUpTokens) {
  LoadedTokenizer tokenizer(fixtureBlob("smollm2_bytebpe"));
  EXPECT_EQ(tokenizer->vocabularySize(), 49152);
  EXPECT_EQ(tokenizer->find("<|im_start|>"), 1);
  EXPECT_EQ(tokenizer->token(1), "<|im_start|>");
  EXPECT_TRUE(tokenizer->isSpecial(1));
  EXPECT_FALSE(tokenizer->isSpecial(1000));
  EXPECT_EQ(tokenizer->find("no such token at all"), std::nullopt);
  EXPECT_EQ(tokenizer->token(-1), "");
  EXPECT_EQ(tokenizer->token(49152), "");
  for (int32_t id = 0; id < 49152; id += 97)
    EXPECT_EQ(tokenizer->find(tokenizer->token(id)), id);
}

TEST(Tokenizer, ControlTextIsReadWhereWanted) {
  LoadedTokenizer tokenizer(fixtureBlob("smollm2_bytebpe"));
  EXPECT_EQ(tokenizer->encode("<|im_start|>", false), std::vector<int32_t>{1});
  EXPECT_EQ(tokenizer->encode("<|im_start|>", false, ControlText::Parse), std::vector<int32_t>{1});
  std::vector<int32_t> plain = tokenizer->encode("<|im_start|>", false, ControlText::Plain);
  EXPECT_GT(plain.size(), 1u);
  EXPECT_EQ(tokenizer->decode(plain, true), "<|im_start|>");
}

// Loads and uses what may be damaged: anything but attune::Error is a failure of the test.
static void tryBlob(const std::string &blob) {
  try {
    LoadedTokenizer tokenizer(blob);
    for (const char *text :
         {"", "The cat's 123 mats.", "\xEC\x95\x88\xEB\x85\x95 <s>[MASK]\xE2\x96\x81\n\n  x"}) {
      std::vector<int32_t> ids = tokenizer->encode(text);
      EXPECT_EQ(streamed(*tokenizer, ids, true), tokenizer->decode(ids, true));
      tokenizer->find(text);
    }
  } catch (const Error &) {
  }
}

TEST(TokenizerBlob, DamageIsNeverACrash) {
  std::mt19937 random(3);
  for (const char *name : Fixtures) {
    const std::string whole = fixtureBlob(name);
    constexpr size_t HeadSize = 2048; // header, sections and most of the program: where damage tells most
    for (int round = 0; round < 2000; ++round) {
      std::string blob = whole;
      for (unsigned change = random() % 4 + 1; change > 0; --change)
        blob[random() % (round % 2 ? blob.size() : std::min(HeadSize, blob.size()))] =
            static_cast<char>(random());
      tryBlob(blob);
    }
  }
}

TEST(TokenizerBlob, EveryCutIsAnError) {
  const std::string whole = fixtureBlob("tiny_bytelevel_llama3");
  for (size_t length = 0; length < whole.size(); length += length < 600 ? 1 : 61) {
    std::vector<uint64_t> words(length / 8 + 1);
    std::memcpy(words.data(), whole.data(), length);
    EXPECT_THROW(Tokenizer::load(std::as_bytes(std::span(words)).first(length)), Error) << length;
  }
}

} // namespace attune::test
