// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Mixtral: Mistral whose layers are all mixtures of experts.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

void huggingface::describeMixtral(const Config &config, Description &model) {
  readDecoder(config, "MixtralForCausalLM", /*tied=*/false, model);
  for (llvm::StringRef key : {"attention_bias", "mlp_bias"})
    config.refuseFlag(key);
  Layer layer = readLlamaLayer(config, model);
  layer.attention->rotary = readRotary(config, layer.attention->headSize, 1e6);
  layer.attention->mask.window = readSizeOrNull(config, "sliding_window");
  Experts experts = readExperts(config, "num_local_experts", 8, 2);
  experts.renormalize = true;
  layer.feedForward->experts = experts;
  model.layers.assign(readLayerCount(config), layer);
  model.finalNorm = layer.attention->normBefore;
  nameLlamaTensors(
      model, {{"layer.feed_forward.router", "model.layers.{}.block_sparse_moe.gate"},
              {"layer.feed_forward.experts.gate", "model.layers.{}.block_sparse_moe.experts.{expert}.w1"},
              {"layer.feed_forward.experts.up", "model.layers.{}.block_sparse_moe.experts.{expert}.w3"},
              {"layer.feed_forward.experts.down", "model.layers.{}.block_sparse_moe.experts.{expert}.w2"}});
}
