// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Qwen 2, 2.5 and 3: Llama with windows in the later layers, if they are switched on. Qwen 2 has biases of
// queries, keys and values, Qwen 3 norms of each head's queries and keys.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

/// `layer`, with the window of its place, for each layer.
static void repeatLayer(const Config &config, Layer layer, Description &model) {
  int64_t layers = readLayerCount(config);
  int64_t window =
      config.flag("use_sliding_window", false) ? readSizeOrNull(config, "sliding_window", 4096) : 0;
  int64_t first = config.maybeInteger("max_window_layers").value_or(28); // of those with windows
  for (int64_t own : readWindows(config, layers, window, [&](int64_t i) { return i >= first; })) {
    layer.attention->mask.window = own;
    model.layers.push_back(layer);
  }
  model.finalNorm = layer.attention->normBefore;
  nameLlamaTensors(model);
}

void huggingface::describeQwen2(const Config &config, Description &model) {
  readDecoder(config, "Qwen2ForCausalLM", /*tied=*/false, model);
  Layer layer = readLlamaLayer(config, model);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  layer.attention->bias = true;
  layer.attention->outputBias = false;
  repeatLayer(config, layer, model);
}

void huggingface::describeQwen3(const Config &config, Description &model) {
  readDecoder(config, "Qwen3ForCausalLM", /*tied=*/false, model);
  Layer layer = readLlamaLayer(config, model);
  readHeads(config, model.hidden, *layer.attention, /*preset=*/128);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  layer.attention->queryKeyNorm = layer.attention->normBefore;
  repeatLayer(config, layer, model);
}
