// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Granite 3: Llama with multipliers of embeddings, scores, both branches and logits.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

void huggingface::describeGranite(const Config &config, Description &model) {
  readDecoder(config, "GraniteForCausalLM", /*tied=*/false, model);
  Layer layer = readLlamaLayer(config, model);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  layer.attention->scale = config.number("attention_multiplier", 1.0);
  layer.attention->residualScale = layer.feedForward->residualScale =
      config.number("residual_multiplier", 1.0);
  model.embedding.scale = config.number("embedding_multiplier", 1.0);
  model.head->scale = 1 / config.positive("logits_scaling", 1.0);
  model.layers.assign(readLayerCount(config), layer);
  model.finalNorm = layer.attention->normBefore;
  nameLlamaTensors(model);
}
