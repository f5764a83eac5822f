// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokenizers of real GGUF files, which are looked for in the folder ATTUNE_TEST_MODELS.
#include "frontend/weights/Gguf.h"
#include "test/unit/TokenizerTestFiles.h"

#include <cstdlib>
#include <filesystem>

namespace attune::test {

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
