// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Qwen 2 and 3, OLMo 2: which norms and biases they have is seen by their tensors.

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

void gguf::describeQwen(Settings &settings, Description &model) { readDecoder(settings, {}, model); }

void gguf::describeOlmo2(Settings &settings, Description &model) {
  if (settings.has("attention.sliding_window"))
    settings.fail("attention.sliding_window", "is there, expected none (OLMo 3 is not supported)");
  readDecoder(settings, {}, model);
}
