// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokenizers of GGUF files: the recorded vocabularies written as such files, and real ones, which are looked
// for in the folder ATTUNE_TEST_MODELS.
#include "frontend/weights/Gguf.h"
#include "test/unit/TokenizerTestFiles.h"
#include "test/unit/WeightFiles.h"

#include "llvm/Support/Base64.h"
#include <cstdlib>
#include <filesystem>

namespace attune::test {

constexpr uint32_t GgufU8 = 0, GgufU32 = 4, GgufI32 = 5, GgufF32 = 6, GgufBool = 7, GgufString = 8;

// A recorded tokenizer.json taken apart, and its vocabulary as a GGUF file.
class AsGguf {
public:
  explicit AsGguf(const std::string &fixture) : json(read(tokenizerFolder(fixture) + "/tokenizer.json")) {
    const llvm::json::Value &vocabulary = *model().get("vocab");
    if (const llvm::json::Object *ids = vocabulary.getAsObject()) {
      tokens.resize(ids->size());
      for (const auto &[token, id] : *ids)
        tokens[static_cast<size_t>(*id.getAsInteger())] = token.str();
    } else {
      for (const llvm::json::Value &pair : *vocabulary.getAsArray()) {
        tokens.push_back((*pair.getAsArray())[0].getAsString()->str());
        scores.push_back(static_cast<float>(*(*pair.getAsArray())[1].getAsNumber()));
      }
    }
    types.assign(tokens.size(), 1);
    for (const llvm::json::Value &added : *json.getAsObject()->getArray("added_tokens"))
      types[static_cast<size_t>(*added.getAsObject()->getInteger("id"))] = 3;
    if (const llvm::json::Array *list = model().getArray("merges"))
      for (const llvm::json::Value &pair : *list)
        merges.push_back(((*pair.getAsArray())[0].getAsString().value() + " " +
                          (*pair.getAsArray())[1].getAsString().value())
                             .str());
  }

  AsGguf &text(llvm::StringRef key, llvm::StringRef value) {
    builder.entry(("tokenizer.ggml." + key).str(), GgufString, GgufBuilder::string(value));
    return *this;
  }
  AsGguf &number(llvm::StringRef key, uint32_t value) {
    builder.entry(("tokenizer.ggml." + key).str(), GgufU32, little(value));
    return *this;
  }
  AsGguf &flag(llvm::StringRef key, bool value) {
    builder.entry(("tokenizer.ggml." + key).str(), GgufBool, little<uint8_t>(value));
    return *this;
  }
  AsGguf &bytes(llvm::StringRef key, llvm::StringRef value) {
    builder.list(("tokenizer.ggml." + key).str(), GgufU8, value.size(), value);
    return *this;
  }

  // Imports the file. The vocabulary goes in as it stands then.
  llvm::Expected<std::string> import() {
    strings("tokens", tokens);
    if (!merges.empty())
      strings("merges", merges);
    if (!types.empty())
      numbers("token_type", GgufI32, types);
    if (!scores.empty())
      numbers("scores", GgufF32, scores);
    Folder folder;
    llvm::Expected<GgufModel> file = openGguf(folder.write("model.gguf", builder.build()));
    if (!file)
      return file.takeError();
    return importTokenizerGguf(file->metadata);
  }

  const llvm::json::Object &model() const { return *json.getAsObject()->getObject("model"); }
  const llvm::json::Object &root() const { return *json.getAsObject(); }

  std::vector<std::string> tokens, merges;
  std::vector<int32_t> types;
  std::vector<float> scores;

private:
  static llvm::json::Value read(const std::string &path) {
    return llvm::cantFail(parseJson(llvm::cantFail(mapFile(path))->getBuffer(), path));
  }
  void strings(llvm::StringRef key, const std::vector<std::string> &values) {
    std::string joined;
    for (const std::string &value : values)
      joined += GgufBuilder::string(value);
    builder.list(("tokenizer.ggml." + key).str(), GgufString, values.size(), joined);
  }
  template <typename T> void numbers(llvm::StringRef key, uint32_t type, const std::vector<T> &values) {
    std::string joined;
    for (T value : values)
      joined += little(value);
    builder.list(("tokenizer.ggml." + key).str(), type, values.size(), joined);
  }

  llvm::json::Value json;
  GgufBuilder builder;
};

struct ByteLevelFile {
  const char *fixture, *pre;
  std::optional<uint32_t> begin, end;
};

TEST(TokenizerGguf, ByteLevel) {
  for (const ByteLevelFile &file : {ByteLevelFile{"tiny_bytelevel_gpt2", "gpt-2", {}, {}},
                                    {"tiny_bytelevel_gpt2", "default", {}, {}},
                                    {"tiny_bytelevel_llama3", "llama-bpe", 1, {}},
                                    {"tiny_bytelevel_qwen", "qwen2", {}, {}},
                                    {"tiny_bytelevel_deepseek", "deepseek-v3", 1, {}},
                                    {"tiny_bytelevel_o200k", "gpt-4o", {}, {}},
                                    {"tiny_bytelevel_roberta", "roberta-bpe", 0, 2},
                                    {"tiny_bytelevel_modernbert", "modern-bert", 1, 2}}) {
    SCOPED_TRACE(file.pre);
    AsGguf gguf(file.fixture);
    gguf.text("model", "gpt2").text("pre", file.pre);
    gguf.flag("add_bos_token", file.begin.has_value()).flag("add_eos_token", file.end.has_value());
    if (file.begin)
      gguf.number("bos_token_id", *file.begin);
    if (file.end)
      gguf.number("eos_token_id", *file.end);
    std::optional<std::string> blob = valueOf(gguf.import());
    ASSERT_TRUE(blob);
    expectCases(*LoadedTokenizer(*blob), readTokenizerCases(file.fixture));
  }
}

// Every name stands for expressions that compile, and no text is lost.
TEST(TokenizerGguf, EveryPreTokenizer) {
  std::vector<TokenizerCase> cases = readTokenizerCases("tiny_bytelevel_gpt2");
  for (const char *pre : {"smollm", "starcoder", "command-r", "llama3", "dbrx", "chatglm-bpe",
                          "deepseek-r1-qwen", "qwen35", "seed-coder", "tekken", "bailingmoe",
                          "deepseek-coder", "deepseek-llm", "falcon", "bloom", "viking", "mpt", "olmo"}) {
    SCOPED_TRACE(pre);
    AsGguf gguf("tiny_bytelevel_gpt2");
    gguf.text("model", "gpt2").text("pre", pre).flag("add_bos_token", false);
    std::optional<std::string> blob = valueOf(gguf.import());
    ASSERT_TRUE(blob);
    LoadedTokenizer tokenizer(*blob);
    for (const TokenizerCase &item : cases)
      if (pre != std::string("qwen35")) // brings texts to NFC
        EXPECT_EQ(tokenizer->decode(tokenizer->encode(item.text), false), item.text);
  }
}

TEST(TokenizerGguf, WordPiece) {
  for (bool hasTypes : {true, false}) {
    AsGguf gguf("tiny_wordpiece");
    for (size_t i = 0; i < gguf.tokens.size(); ++i)
      if (gguf.types[i] != 3) // as converters write them
        gguf.tokens[i] =
            gguf.tokens[i].starts_with("##") ? gguf.tokens[i].substr(2) : "\u2581" + gguf.tokens[i];
    gguf.text("model", "bert")
        .number("bos_token_id", 2)
        .number("seperator_token_id", 3)
        .number("unknown_token_id", 1);
    if (!hasTypes) // without the types no token can be told from text
      gguf.types.clear();
    std::optional<std::string> blob = valueOf(gguf.import());
    ASSERT_TRUE(blob);
    if (hasTypes)
      expectCases(*LoadedTokenizer(*blob), readTokenizerCases("tiny_wordpiece"));
  }
}

TEST(TokenizerGguf, Unigram) {
  AsGguf gguf("tiny_unigram");
  std::vector<char> map;
  for (const llvm::json::Value &part : *gguf.root().getObject("normalizer")->getArray("normalizers"))
    if (std::optional<llvm::StringRef> text = part.getAsObject()->getString("precompiled_charsmap"))
      llvm::cantFail(llvm::decodeBase64(*text, map));
  ASSERT_FALSE(map.empty());
  gguf.text("model", "t5").number("eos_token_id", 1).number("unknown_token_id", 2);
  gguf.bytes("precompiled_charsmap", llvm::StringRef(map.data(), map.size()));
  std::optional<std::string> blob = valueOf(gguf.import());
  ASSERT_TRUE(blob);
  LoadedTokenizer tokenizer(*blob);
  // The recorded tokenizer keeps a space at the end of a text, these files drop it.
  int32_t space = *tokenizer->find("\u2581");
  for (const TokenizerCase &item : readTokenizerCases("tiny_unigram")) {
    SCOPED_TRACE(testing::PrintToString(item.text));
    std::vector<int32_t> ids = item.idsWithoutSpecial;
    if (!ids.empty() && ids.back() == space)
      ids.pop_back();
    EXPECT_EQ(tokenizer->encode(item.text, false), ids);
    ids.push_back(1);
    EXPECT_EQ(tokenizer->encode(item.text, true), ids);
    EXPECT_EQ(tokenizer->decode(item.ids, true), item.decoded);
  }
}

// A merge's place in its list becomes a score, as in SentencePiece's own files.
TEST(TokenizerGguf, SentencePiece) {
  for (const char *fixture : {"tiny_spm_bpe", "tiny_spm_gemma"}) {
    SCOPED_TRACE(fixture);
    bool gemma = fixture == std::string("tiny_spm_gemma");
    AsGguf gguf(fixture);
    gguf.scores.assign(gguf.tokens.size(), -1e6f);
    for (size_t i = 0; i < gguf.tokens.size(); ++i) {
      if (gguf.tokens[i].starts_with("<0x"))
        gguf.types[i] = 6;
      for (size_t rank = 0; rank < gguf.merges.size(); ++rank) {
        std::string joined = gguf.merges[rank];
        joined.erase(joined.find(' ', 1), 1);
        if (joined == gguf.tokens[i])
          gguf.scores[i] = -static_cast<float>(rank);
      }
    }
    gguf.merges.clear();
    gguf.text("model", "llama").flag("add_space_prefix", !gemma).number("bos_token_id", gemma ? 2 : 1);
    gguf.number("unknown_token_id", gemma ? 3 : 0);
    std::optional<std::string> blob = valueOf(gguf.import());
    ASSERT_TRUE(blob);
    LoadedTokenizer tokenizer(*blob);
    for (const TokenizerCase &item : readTokenizerCases(fixture)) {
      SCOPED_TRACE(testing::PrintToString(item.text));
      EXPECT_EQ(tokenizer->encode(item.text, true, ControlText::Parse), item.ids);
      EXPECT_EQ(tokenizer->decode(item.ids, true), item.decoded);
      EXPECT_EQ(streamed(*tokenizer, item.ids, false), item.decodedWithSpecial);
    }
  }
}

TEST(TokenizerGguf, WrongFilesAreRefused) {
  auto good = [] { return AsGguf("tiny_bytelevel_gpt2"); };
  expectError(good().text("model", "rwkv").import(), {"tokenizer.ggml.model", "'rwkv'", "gpt2"});
  expectError(good().import(), {"tokenizer.ggml.model"});
  expectError(good().number("model", 3).import(), {"tokenizer.ggml.model"});
  expectError(good().text("model", "gpt2").text("pre", "sundial").import(),
              {"tokenizer.ggml.pre", "'sundial'", "llama-bpe"});
  expectError(good().text("model", "gpt2").flag("add_bos_token", true).import(),
              {"tokenizer.ggml.bos_token_id", "found nothing"});
  expectError(good().text("model", "gpt2").flag("add_bos_token", true).number("bos_token_id", 99999).import(),
              {"tokenizer.ggml.bos_token_id", "found 99999", "below 399"});
  expectError(good().text("model", "llama").import(), {"tokenizer.ggml.scores"});

  AsGguf noTokens = good();
  noTokens.tokens.clear();
  expectError(noTokens.text("model", "gpt2").import(), {"tokenizer.ggml.tokens", "found 0 tokens"});
  AsGguf fewTypes = good();
  fewTypes.types.pop_back();
  expectError(fewTypes.text("model", "gpt2").import(),
              {"tokenizer.ggml.token_type", "398 types for 399 tokens"});
  AsGguf fewScores = good();
  fewScores.scores = {1, 2};
  expectError(fewScores.text("model", "llama").import(),
              {"tokenizer.ggml.scores", "2 scores for 399 tokens"});
  AsGguf infiniteScore = good();
  infiniteScore.scores.assign(399, -INFINITY);
  expectError(infiniteScore.text("model", "llama").import(), {"tokenizer.ggml.scores", "finite"});
  AsGguf badMerge = good();
  badMerge.merges[3] = "lonely";
  expectError(badMerge.text("model", "gpt2").import(), {"tokenizer.ggml.merges", "merge 3", "'lonely'"});
  badMerge = good();
  badMerge.merges[5] = "a zebra";
  expectError(badMerge.text("model", "gpt2").import(), {"merge 5", "'zebra' is not in the vocabulary"});
  expectError(AsGguf("tiny_unigram")
                  .text("model", "t5")
                  .number("eos_token_id", 1)
                  .bytes("precompiled_charsmap", "abc")
                  .import(),
              {"model.gguf", "character map"});
}

static std::string modelFile(const std::string &name) {
  const char *folder = std::getenv("ATTUNE_TEST_MODELS");
  std::string path = folder ? std::string(folder) + "/" + name : "";
  return folder && std::filesystem::exists(path) ? path : "";
}

TEST(TokenizerGguf, SmolLm2) {
  std::string path = modelFile("SmolLM2-135M-Instruct.Q4_1.gguf");
  if (path.empty())
    GTEST_SKIP() << "set ATTUNE_TEST_MODELS to the folder of SmolLM2-135M-Instruct.Q4_1.gguf";
  llvm::Expected<GgufModel> model = openGguf(path);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  llvm::Expected<std::string> blob = importTokenizerGguf(model->metadata);
  ASSERT_TRUE(bool(blob)) << llvm::toString(blob.takeError());
  LoadedTokenizer tokenizer(*blob);
  expectCases(*tokenizer, readTokenizerCases("smollm2_bytebpe"));
}

TEST(TokenizerGguf, Gemma3) {
  std::string path = modelFile("gemma-3-270m-q4_k_m.gguf");
  if (path.empty())
    GTEST_SKIP() << "set ATTUNE_TEST_MODELS to the folder of gemma-3-270m-q4_k_m.gguf";
  llvm::Expected<GgufModel> model = openGguf(path);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  llvm::Expected<std::string> blob = importTokenizerGguf(model->metadata);
  ASSERT_TRUE(bool(blob)) << llvm::toString(blob.takeError());
  LoadedTokenizer tokenizer(*blob);
  for (const TokenizerCase &item : readTokenizerCases("gemma3_spm")) {
    SCOPED_TRACE(testing::PrintToString(item.text));
    EXPECT_EQ(tokenizer->encode(item.text, true), item.ids);
    EXPECT_EQ(tokenizer->encode(item.text, false), item.idsWithoutSpecial);
    EXPECT_EQ(tokenizer->decode(item.ids, true), item.decoded);
    EXPECT_EQ(streamed(*tokenizer, item.ids, true), item.decoded);
  }
  // A template's control tokens are read where they are asked for.
  std::vector<int32_t> ids = tokenizer->encode("<start_of_turn>user\n", false, ControlText::Parse);
  ASSERT_FALSE(ids.empty());
  EXPECT_EQ(tokenizer->token(ids[0]), "<start_of_turn>");
  EXPECT_NE(tokenizer->encode("<start_of_turn>user\n", false), ids);
}

} // namespace attune::test
