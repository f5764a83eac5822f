// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// OLMo 2: norms of each branch's result instead of its input, and of all heads' queries and keys at once.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

void huggingface::describeOlmo2(const Config &config, Description &model) {
  readDecoder(config, "Olmo2ForCausalLM", /*tied=*/false, model);
  config.refuseFlag("mlp_bias");
  Norm norm{NormKind::rms, config.positive("rms_norm_eps", 1e-5)};
  Layer layer = readLlamaLayer(config, model);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  layer.attention->queryKeyNorm = norm;
  layer.attention->queryKeyNormSpan = NormSpan::projection;
  layer.attention->normBefore = layer.feedForward->normBefore = std::nullopt;
  layer.attention->normBranch = layer.feedForward->normBranch = norm;
  model.layers.assign(readLayerCount(config), layer);
  model.finalNorm = norm;
  nameLlamaTensors(model, {{"layer.attention.norm_branch", "model.layers.{}.post_attention_layernorm"},
                           {"layer.feed_forward.norm_branch", "model.layers.{}.post_feedforward_layernorm"}});
}
