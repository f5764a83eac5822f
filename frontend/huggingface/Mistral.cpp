// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Mistral: Llama whose queries see a window of the last keys.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

void huggingface::describeMistral(const Config &config, Description &model) {
  readDecoder(config, "MistralForCausalLM", /*tied=*/false, model);
  for (llvm::StringRef key : {"attention_bias", "mlp_bias"})
    config.refuseFlag(key);
  Layer layer = readLlamaLayer(config, model);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  layer.attention->mask.window = readSizeOrNull(config, "sliding_window", 4096);
  model.layers.assign(readLayerCount(config), layer);
  model.finalNorm = layer.attention->normBefore;
  nameLlamaTensors(model);
}
