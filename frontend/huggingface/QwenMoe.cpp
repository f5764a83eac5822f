// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Qwen2-MoE and Qwen3-MoE: Qwen some of whose layers are mixtures of experts. In Qwen2-MoE these have a
// shared expert with a gate of its own.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

/// `mixture`, made from the dense network of `layer`, in every decoder_sparse_step-th layer, but for those
/// listed; windows where they are switched on.
static void repeatLayer(const Config &config, Layer layer, const FeedForward &mixture, int64_t firstWindow,
                        Description &model) {
  int64_t layers = readLayerCount(config), step = config.size("decoder_sparse_step", 1);
  std::vector<int64_t> dense = config.integers("mlp_only_layers");
  int64_t window =
      config.flag("use_sliding_window", false) ? readSizeOrNull(config, "sliding_window", 4096) : 0;
  std::vector<int64_t> windows =
      readWindows(config, layers, window, [&](int64_t i) { return i >= firstWindow; });
  FeedForward network = *layer.feedForward;
  for (int64_t i = 0; i < layers; ++i) {
    bool isMixture = (i + 1) % step == 0 && !llvm::is_contained(dense, i);
    layer.attention->mask.window = windows[i];
    layer.feedForward = isMixture ? mixture : network;
    model.layers.push_back(layer);
  }
  model.finalNorm = layer.attention->normBefore;
  nameLlamaTensors(model,
                   {{"layer.feed_forward.router", "model.layers.{}.mlp.gate"},
                    {"layer.feed_forward.experts.gate", "model.layers.{}.mlp.experts.{expert}.gate_proj"},
                    {"layer.feed_forward.experts.up", "model.layers.{}.mlp.experts.{expert}.up_proj"},
                    {"layer.feed_forward.experts.down", "model.layers.{}.mlp.experts.{expert}.down_proj"},
                    {"layer.feed_forward.shared.gate", "model.layers.{}.mlp.shared_expert.gate_proj"},
                    {"layer.feed_forward.shared.up", "model.layers.{}.mlp.shared_expert.up_proj"},
                    {"layer.feed_forward.shared.down", "model.layers.{}.mlp.shared_expert.down_proj"},
                    {"layer.feed_forward.shared.score", "model.layers.{}.mlp.shared_expert_gate"}});
}

static FeedForward readMixture(const Config &config, const FeedForward &dense, int64_t perToken,
                               int64_t size) {
  FeedForward mixture = dense;
  mixture.size = config.size("moe_intermediate_size", size);
  // Transformers 5 writes Qwen3-MoE's number of experts under Mixtral's key.
  Experts experts =
      readExperts(config, config.has("num_experts") ? "num_experts" : "num_local_experts", {}, perToken);
  experts.renormalize = config.flag("norm_topk_prob", false);
  mixture.experts = experts;
  return mixture;
}

void huggingface::describeQwen2Moe(const Config &config, Description &model) {
  readDecoder(config, "Qwen2MoeForCausalLM", /*tied=*/false, model);
  Layer layer = readLlamaLayer(config, model);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  layer.attention->bias = config.flag("qkv_bias", true);
  layer.attention->outputBias = false;
  FeedForward mixture = readMixture(config, *layer.feedForward, 4, 1408);
  mixture.experts->shared = SharedExpert{config.size("shared_expert_intermediate_size", 5632), /*gate=*/true};
  repeatLayer(config, layer, mixture, config.maybeInteger("max_window_layers").value_or(28), model);
}

void huggingface::describeQwen3Moe(const Config &config, Description &model) {
  readDecoder(config, "Qwen3MoeForCausalLM", /*tied=*/false, model);
  Layer layer = readLlamaLayer(config, model);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  layer.attention->queryKeyNorm = layer.attention->normBefore;
  repeatLayer(config, layer, readMixture(config, *layer.feedForward, 8, 768), /*firstWindow=*/0, model);
}
