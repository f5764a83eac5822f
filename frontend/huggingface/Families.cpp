// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

llvm::ArrayRef<Family> huggingface::families() {
  static const Family table[] = {
      // clang-format off: a line each
      {"bert", describeBert},
      {"camembert", describeCamembert},
      {"deepseek_v2", describeDeepSeekV2},
      {"deepseek_v3", describeDeepSeekV3},
      {"distilbert", describeDistilBert},
      {"gemma2", describeGemma2},
      {"gemma3_text", describeGemma3},
      {"gpt2", describeGpt2},
      {"gpt_neox", describeGptNeoX},
      {"granite", describeGranite},
      {"llama", describeLlama},
      {"mistral", describeMistral},
      {"modernbert", describeModernBert},
      {"olmo2", describeOlmo2},
      {"opt", describeOpt},
      {"phi3", describePhi3},
      {"qwen2", describeQwen2},
      {"qwen3", describeQwen3},
      {"roberta", describeRoberta},
      {"smollm3", describeSmolLM3},
      {"xlm-roberta", describeXlmRoberta},
      // clang-format on
  };
  return table;
}
