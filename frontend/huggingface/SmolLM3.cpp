// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// SmolLM3: Llama some of whose layers do not rotate queries and keys.

#include "frontend/huggingface/Family.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;

/// Whether each layer rotates. In `no_rope_layers`, in spite of its name, 1 stands for layers that do.
static std::vector<int64_t> readRotating(const Config &config, int64_t layers) {
  std::vector<int64_t> rotating = config.integers("no_rope_layers");
  if (!config.has("no_rope_layers")) {
    int64_t interval = config.size("no_rope_layer_interval", 4);
    for (int64_t layer = 0; layer < layers; ++layer)
      rotating.push_back((layer + 1) % interval != 0);
  }
  if (static_cast<int64_t>(rotating.size()) != layers)
    config.fail("no_rope_layers", llvm::formatv("has {0} numbers, expected one for each of {1} layers",
                                                rotating.size(), layers));
  rotating.resize(layers);
  return rotating;
}

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
