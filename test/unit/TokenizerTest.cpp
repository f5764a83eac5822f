// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every family against recorded cases, from tokenizer.json to ids and back.
#include "test/unit/TokenizerTestFiles.h"

namespace attune::test {

class TokenizerCases : public testing::TestWithParam<const char *> {};

TEST_P(TokenizerCases, AsRecorded) {
  llvm::Expected<std::string> blob = importTokenizerJson(tokenizerFolder(GetParam()) + "/tokenizer.json");
  ASSERT_TRUE(bool(blob)) << llvm::toString(blob.takeError());
  LoadedTokenizer tokenizer(*blob);
  expectCases(*tokenizer, readTokenizerCases(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Families, TokenizerCases,
                         testing::Values("minilm_wordpiece", "smollm2_bytebpe", "tiny_bytelevel_deepseek",
                                         "tiny_bytelevel_gpt2", "tiny_bytelevel_llama3",
                                         "tiny_bytelevel_modernbert", "tiny_bytelevel_o200k",
                                         "tiny_bytelevel_qwen", "tiny_bytelevel_roberta", "tiny_spm_bpe",
                                         "tiny_spm_gemma", "tiny_unigram", "tiny_wordpiece"),
                         [](const auto &info) { return std::string(info.param); });

struct PieceFile {
  const char *folder, *file;
  llvm::Expected<std::string> (*import)(llvm::StringRef);
};
class PieceCases : public testing::TestWithParam<PieceFile> {};

TEST_P(PieceCases, AsRecorded) {
  auto [folder, file, import] = GetParam();
  llvm::Expected<std::string> blob = import(tokenizerFolder(folder) + "/" + file);
  ASSERT_TRUE(bool(blob)) << llvm::toString(blob.takeError());
  LoadedTokenizer tokenizer(*blob);
  std::vector<TokenizerCase> cases = readTokenizerCases(folder);
  ASSERT_GT(cases.size(), 200u);
  for (const TokenizerCase &item : cases) {
    SCOPED_TRACE(testing::PrintToString(item.text));
    EXPECT_EQ(tokenizer->encode(item.text, true), item.ids);
    EXPECT_EQ(tokenizer->encode(item.text, false), item.idsWithoutSpecial);
    EXPECT_EQ(tokenizer->decode(item.ids, true), item.decoded);
    EXPECT_EQ(streamed(*tokenizer, item.ids, true), item.decoded);
  }
}

INSTANTIATE_TEST_SUITE_P(SentencePiece, PieceCases,
                         testing::Values(PieceFile{"spm_marian", "source.spm", importTokenizerMarian},
                                         PieceFile{"spm_t5", "spiece.model", importTokenizerSentencePiece},
                                         PieceFile{"spm_llama", "tokenizer.model",
                                                   importTokenizerSentencePiece}),
                         [](const auto &info) { return std::string(info.param.folder); });

} // namespace attune::test
