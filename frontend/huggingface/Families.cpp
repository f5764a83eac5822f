// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

llvm::ArrayRef<Family> huggingface::families() {
  static const Family table[] = {
      // clang-format off: a line each
      {"bart", describeBart},
      {"bert", describeBert},
      {"camembert", describeCamembert},
      {"deepseek_v2", describeDeepSeekV2},
      {"deepseek_v3", describeDeepSeekV3},
      {"distilbert", describeDistilBert},
      {"gemma2", describeGemma2},
      {"gemma3_text", describeGemma3},
      {"gpt2", describeGpt2},
      {"gpt_neox", describeGptNeoX},
      {"gpt_oss", describeGptOss},
      {"granite", describeGranite},
      {"llama", describeLlama},
      {"llama4", describeLlama4Images},
      {"llama4_text", describeLlama4},
      {"marian", describeMarian},
      {"mistral", describeMistral},
      {"mixtral", describeMixtral},
      {"modernbert", describeModernBert},
      {"olmo2", describeOlmo2},
      {"opt", describeOpt},
      {"phi3", describePhi3},
      {"qwen2", describeQwen2},
      {"qwen2_moe", describeQwen2Moe},
      {"qwen3", describeQwen3},
      {"qwen3_moe", describeQwen3Moe},
      {"roberta", describeRoberta},
      {"smollm3", describeSmolLM3},
      {"t5", describeT5},
      {"xlm-roberta", describeXlmRoberta},
      // clang-format on
  };
  return table;
}
