// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Phi-3 and 4: fused matrices, longrope by two tensors of divisors.

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

void gguf::describePhi3(Settings &settings, Description &model) {
  readDecoder(settings, {}, model);
  setWindows(settings, 0, model);
}
