// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

llvm::ArrayRef<Family> huggingface::families() {
  static const Family table[] = {
      {"deepseek_v2", describeDeepSeekV2},
      {"deepseek_v3", describeDeepSeekV3},
      {"llama", describeLlama},
  };
  return table;
}
