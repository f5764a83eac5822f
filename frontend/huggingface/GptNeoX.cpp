// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// GPT-NeoX and Pythia: both branches read the layer's input, the first part of each head rotates, each head's
// query, key and value rows stand together.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

static void nameParameters(Description &model) {
  assignNames(model, {{"embedding", "gpt_neox.embed_in"},
                      {"final_norm", "gpt_neox.final_layer_norm"},
                      {"head", "embed_out"},
                      {"layer.attention.norm_before", "gpt_neox.layers.{}.input_layernorm"},
                      {"layer.attention.query", "gpt_neox.layers.{}.attention.query_key_value"},
                      {"layer.attention.key", "gpt_neox.layers.{}.attention.query_key_value"},
                      {"layer.attention.value", "gpt_neox.layers.{}.attention.query_key_value"},
                      {"layer.attention.output", "gpt_neox.layers.{}.attention.dense"},
                      {"layer.feed_forward.norm_before", "gpt_neox.layers.{}.post_attention_layernorm"},
                      {"layer.feed_forward.up", "gpt_neox.layers.{}.mlp.dense_h_to_4h"},
                      {"layer.feed_forward.down", "gpt_neox.layers.{}.mlp.dense_4h_to_h"}});
  int64_t size = model.layers.empty() ? 1 : model.layers[0].attention->headSize;
  sliceRows(model, "layer.attention.query", {0, size, 3 * size});
  sliceRows(model, "layer.attention.key", {size, size, 3 * size});
  sliceRows(model, "layer.attention.value", {2 * size, size, 3 * size});
  for (const char *buffer : {"bias", "masked_bias", "rotary_emb.inv_freq"})
    model.weights.ignore.push_back(std::string("gpt_neox.layers.*.attention.") + buffer);
  if (model.head->tied)
    model.weights.ignore.push_back("embed_out.weight");
}

void huggingface::describeGptNeoX(const Config &config, Description &model) {
  readDecoder(config, "GPTNeoXForCausalLM", /*tied=*/false, model);
  Norm norm{NormKind::layer, config.positive("layer_norm_eps", 1e-5), true, /*bias=*/true};
  Attention attention;
  readHeads(config, model.hidden, attention);
  attention.keyHeads = attention.heads; // whatever 'num_key_value_heads' says: each head has its own rows
  attention.mask.causal = true;
  attention.bias = attention.outputBias = config.flag("attention_bias", true);
  double part = config.number("rotary_pct", 0.25), base = config.positive("rotary_emb_base", 10000.0);
  attention.rotary =
      readRotary(config, readRotaryDims(config, attention.headSize, part), base, /*partial=*/true);
  FeedForward ffn;
  ffn.size = config.size("intermediate_size");
  ffn.activation = readActivation(config, "hidden_act", "gelu");
  ffn.bias = true;
  attention.normBefore = ffn.normBefore = model.finalNorm = norm;
  Layer layer{attention, ffn, /*parallel=*/config.flag("use_parallel_residual", true)};
  model.layers.assign(readLayerCount(config), layer);
  nameParameters(model);
}
