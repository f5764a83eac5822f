// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Phi-3 and 4: Llama with one matrix for queries, keys and values, and one for gate and up.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

static void nameParameters(Description &model) {
  if (model.layers.empty())
    return;
  nameLlamaTensors(model, {{"layer.attention.query", "model.layers.{}.self_attn.qkv_proj"},
                           {"layer.attention.key", "model.layers.{}.self_attn.qkv_proj"},
                           {"layer.attention.value", "model.layers.{}.self_attn.qkv_proj"},
                           {"layer.feed_forward.gate", "model.layers.{}.mlp.gate_up_proj"},
                           {"layer.feed_forward.up", "model.layers.{}.mlp.gate_up_proj"}});
  const Attention &attention = *model.layers[0].attention;
  int64_t queries = attention.heads * attention.headSize, keys = attention.keyHeads * attention.headSize;
  int64_t all = queries + 2 * keys, inner = model.layers[0].feedForward->size;
  sliceRows(model, "layer.attention.query", {0, queries, 0, all});
  sliceRows(model, "layer.attention.key", {queries, keys, 0, all});
  sliceRows(model, "layer.attention.value", {queries + keys, keys, 0, all});
  sliceRows(model, "layer.feed_forward.gate", {0, inner, 0, 2 * inner});
  sliceRows(model, "layer.feed_forward.up", {inner, inner, 0, 2 * inner});
}

void huggingface::describePhi3(const Config &config, Description &model) {
  readDecoder(config, "Phi3ForCausalLM", /*tied=*/false, model);
  for (llvm::StringRef key : {"attention_bias", "mlp_bias"})
    config.refuseFlag(key);
  Layer layer = readLlamaLayer(config, model);
  Attention &attention = *layer.attention;
  attention.normBefore->eps = layer.feedForward->normBefore->eps = config.positive("rms_norm_eps", 1e-5);
  attention.rotary = readRotary(config, readRotaryDims(config, attention.headSize), 10000, /*partial=*/true);
  attention.mask.window = readSizeOrNull(config, "sliding_window");
  model.layers.assign(readLayerCount(config), layer);
  model.finalNorm = attention.normBefore;
  nameParameters(model);
}
