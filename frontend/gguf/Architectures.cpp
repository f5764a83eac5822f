// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

llvm::ArrayRef<Architecture> gguf::architectures() {
  static const Architecture table[] = {
      // clang-format off: a line each
      {"bert", describeBert},
      {"deepseek2", describeDeepSeek2},
      {"gemma2", describeGemma2},
      {"gemma3", describeGemma3},
      {"gpt2", describeGpt2},
      {"gptneox", describeGptNeoX},
      {"gpt-oss", describeGptOss},
      {"granite", describeGranite},
      {"llama", describeLlama},
      {"llama4", describeLlama4},
      {"modern-bert", describeModernBert},
      {"olmo2", describeOlmo2},
      {"phi3", describePhi3},
      {"qwen2", describeQwen},
      {"qwen2moe", describeQwen2Moe},
      {"qwen3", describeQwen},
      {"qwen3moe", describeQwen3Moe},
      {"smollm3", describeSmolLM3},
      {"starcoder2", describeStarCoder2},
      {"t5", describeT5},
      // clang-format on
  };
  return table;
}
