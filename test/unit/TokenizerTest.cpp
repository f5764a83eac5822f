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

} // namespace attune::test
