// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Gemma 2 and 3: norms of 1 + w before and after each branch, scaled embeddings, layers with windows between
// those without, caps of scores and logits (2) or norms of queries and keys (3).

#include "frontend/huggingface/Family.h"

#include <cmath>

using namespace attune;
using namespace attune::huggingface;

static Layer readLayer(const Config &config, llvm::StringRef architecture, Description &model) {
  readDecoder(config, architecture, /*tied=*/true, model);
  if (config.flag("use_bidirectional_attention", false))
    config.refuse("use_bidirectional_attention", "false (true is not supported)");
  model.embedding.scale = std::sqrt(static_cast<double>(model.hidden));
  model.head->softCap = readPositiveOrNull(config, "final_logit_softcapping");

  Norm norm{NormKind::rms, config.positive("rms_norm_eps", 1e-6), true, false, /*weightOffset=*/1};
  Attention attention;
  readHeads(config, model.hidden, attention, /*preset=*/256);
  attention.mask.causal = true;
  attention.bias = attention.outputBias = config.flag("attention_bias", false);
  attention.scale = 1 / std::sqrt(config.positive("query_pre_attn_scalar", 256.0));
  FeedForward ffn;
  ffn.size = config.size("intermediate_size");
  ffn.activation = readActivation(config, "hidden_activation", "gelu_pytorch_tanh");
  ffn.gated = true;
  for (Branch *branch : {static_cast<Branch *>(&attention), static_cast<Branch *>(&ffn)})
    branch->normBefore = branch->normBranch = norm;
  model.finalNorm = norm;
  return {attention, ffn};
}

static void nameParameters(Description &model) {
  nameLlamaTensors(model, {{"layer.attention.norm_branch", "model.layers.{}.post_attention_layernorm"},
                           {"layer.feed_forward.norm_before", "model.layers.{}.pre_feedforward_layernorm"},
                           {"layer.feed_forward.norm_branch", "model.layers.{}.post_feedforward_layernorm"}});
}

void huggingface::describeGemma2(const Config &config, Description &model) {
  Layer layer = readLayer(config, "Gemma2ForCausalLM", model);
  model.head->softCap = readPositiveOrNull(config, "final_logit_softcapping", 30);
  layer.attention->softCap = readPositiveOrNull(config, "attn_logit_softcapping", 50);
  layer.attention->rotary = readRotary(config, layer.attention->headSize);
  int64_t window = readSizeOrNull(config, "sliding_window", 4096);
  auto slides = [](int64_t i) { return i % 2 == 0; };
  for (int64_t own : readWindows(config, readLayerCount(config), window, slides)) {
    layer.attention->mask.window = own;
    model.layers.push_back(layer);
  }
  nameParameters(model);
}

/// Layers with windows have a base of their own and are never stretched. Since transformers 5 each type of
/// layer has an object in `rope_parameters`.
static Rotary readRotaryOfType(const Config &config, int64_t headSize, bool sliding) {
  double base =
      sliding ? config.positive("rope_local_base_freq", 10000.0) : config.positive("rope_theta", 1e6);
  std::optional<Config> rope = config.section("rope_parameters");
  if (rope && !rope->has("full_attention") &&
      !rope->has("sliding_attention")) // one object: of full attention
    rope = sliding ? std::nullopt : rope;
  else if (rope)
    rope = rope->section(sliding ? "sliding_attention" : "full_attention");
  else if (!sliding)
    rope = config.section("rope_scaling");
  return readRotaryOf(config, rope, headSize, base);
}

void huggingface::describeGemma3(const Config &config, Description &model) {
  Layer layer = readLayer(config, "Gemma3ForCausalLM", model);
  // A cap of scores stands in the configuration, but Gemma 3 does not use it.
  layer.attention->queryKeyNorm = layer.attention->normBefore;
  Rotary full = readRotaryOfType(config, layer.attention->headSize, /*sliding=*/false);
  Rotary local = readRotaryOfType(config, layer.attention->headSize, /*sliding=*/true);
  int64_t window = readSizeOrNull(config, "sliding_window", 4096);
  int64_t period = config.size("sliding_window_pattern", 6);
  auto slides = [&](int64_t i) { return (i + 1) % period != 0; };
  for (int64_t own : readWindows(config, readLayerCount(config), window, slides)) {
    layer.attention->mask.window = own;
    layer.attention->rotary = own ? local : full;
    model.layers.push_back(layer);
  }
  nameParameters(model);
}
