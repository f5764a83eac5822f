// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Decoders with layer norms: GPT-2, GPT-NeoX, StarCoder 2. Converters have turned GPT-2's matrices the usual
// way and put GPT-NeoX's queries, keys and values one above the other.

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

void gguf::describeGpt2(Settings &settings, Description &model) {
  readDecoder(settings, {NormKind::layer, Activation::gelu_tanh, /*gated=*/false, std::nullopt}, model);
}

void gguf::describeGptNeoX(Settings &settings, Description &model) {
  readDecoder(settings, {NormKind::layer, Activation::gelu, /*gated=*/false}, model);
  bool parallel = true;
  if (settings.has("use_parallel_residual"))
    parallel = settings.take(settings.metadata.getBool(settings.full("use_parallel_residual")));
  for (Layer &layer : model.layers)
    layer.parallel = parallel;
}

void gguf::describeStarCoder2(Settings &settings, Description &model) {
  readDecoder(settings, {NormKind::layer, Activation::gelu_tanh, /*gated=*/false}, model);
  setWindows(settings, 0, model);
}
