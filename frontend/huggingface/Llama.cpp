// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Llama 1 to 3 and what copies them: RMS norms before each branch, rotary positions, grouped queries, gated
// SiLU.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

void huggingface::describeLlama(const Config &config, Description &model) {
  readDecoder(config, "LlamaForCausalLM", /*tied=*/false, model);
  Layer layer = readLlamaLayer(config, model);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  model.layers.assign(readLayerCount(config), layer);
  model.finalNorm = layer.attention->normBefore;
  nameLlamaTensors(model);
}
