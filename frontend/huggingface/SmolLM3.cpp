// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// SmolLM3: Llama some of whose layers do not rotate queries and keys.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

void huggingface::describeSmolLM3(const Config &config, Description &model) {
  readDecoder(config, "SmolLM3ForCausalLM", /*tied=*/true, model);
  Layer layer = readLlamaLayer(config, model);
  Rotary rotary = readRotary(config, layer.attention->headSize, 2e6);
  int64_t layers = readLayerCount(config);
  std::vector<int64_t> rotating = readRotating(config, layers);
  int64_t window = config.flag("use_sliding_window", false) ? readSizeOrNull(config, "sliding_window") : 0;
  std::vector<int64_t> windows = readWindows(config, layers, window, [&](int64_t i) { return !rotating[i]; });
  for (int64_t i = 0; i < layers; ++i) {
    layer.attention->rotary = rotating[i] ? std::optional(rotary) : std::nullopt;
    layer.attention->mask.window = windows[i];
    model.layers.push_back(layer);
  }
  model.finalNorm = layer.attention->normBefore;
  nameLlamaTensors(model);
}
