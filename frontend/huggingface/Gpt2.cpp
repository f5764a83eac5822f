// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// GPT-2: layer norms, learned positions, one transposed matrix for queries, keys and values.

#include "frontend/huggingface/Family.h"

#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace attune;
using namespace attune::huggingface;

static void nameParameters(Description &model) {
  assignNames(model, {{"embedding", "transformer.wte"},
                      {"positions", "transformer.wpe"},
                      {"final_norm", "transformer.ln_f"},
                      {"head", "lm_head"},
                      {"layer.attention.norm_before", "transformer.h.{}.ln_1"},
                      {"layer.attention.query", "transformer.h.{}.attn.c_attn"},
                      {"layer.attention.key", "transformer.h.{}.attn.c_attn"},
                      {"layer.attention.value", "transformer.h.{}.attn.c_attn"},
                      {"layer.attention.output", "transformer.h.{}.attn.c_proj"},
                      {"layer.feed_forward.norm_before", "transformer.h.{}.ln_2"},
                      {"layer.feed_forward.up", "transformer.h.{}.mlp.c_fc"},
                      {"layer.feed_forward.down", "transformer.h.{}.mlp.c_proj"}});
  int64_t hidden = model.hidden;
  sliceRows(model, "layer.attention.query", {0, hidden, 0, 3 * hidden});
  sliceRows(model, "layer.attention.key", {hidden, hidden, 0, 3 * hidden});
  sliceRows(model, "layer.attention.value", {2 * hidden, hidden, 0, 3 * hidden});
  for (const char *matrix : {"layer.attention.query", "layer.attention.key", "layer.attention.value",
                             "layer.attention.output", "layer.feed_forward.up", "layer.feed_forward.down"})
    model.tensors[matrix].transposed = true;
  // Masks that old files hold beside the weights.
  model.weights.ignore = {"transformer.h.*.attn.bias", "transformer.h.*.attn.masked_bias"};
  if (model.head->tied)
    model.weights.ignore.push_back("lm_head.weight");
}

static Attention readAttention(const Config &config, const Description &model) {
  Attention attention;
  attention.heads = attention.keyHeads = config.size("n_head");
  if (model.hidden % attention.heads)
    config.fail("n_head", llvm::formatv("is {0}, which does not divide 'n_embd', which is {1}",
                                        attention.heads, model.hidden));
  attention.headSize = std::max<int64_t>(1, model.hidden / attention.heads);
  attention.mask.causal = true;
  attention.bias = attention.outputBias = true;
  return attention;
}

void huggingface::describeGpt2(const Config &config, Description &model) {
  expectDecoder(config, "GPT2LMHeadModel");
  model.vocabulary = config.size("vocab_size");
  model.hidden = config.size("n_embd");
  model.context = config.size("n_positions", 1024);
  model.positions = {PositionKind::learned};
  model.positions.rows = model.context;
  model.head = Head{config.flag("tie_word_embeddings", true)};

  Norm norm{NormKind::layer, config.positive("layer_norm_epsilon", 1e-5), true, /*bias=*/true};
  Attention attention = readAttention(config, model);
  FeedForward ffn;
  ffn.size = config.size("n_inner", 4 * model.hidden);
  ffn.activation = readActivation(config, "activation_function", "gelu_new");
  ffn.bias = true;
  attention.normBefore = ffn.normBefore = model.finalNorm = norm;

  double scale = config.flag("scale_attn_weights", true) ? attention.scoreScale() : 1;
  bool byLayer = config.flag("scale_attn_by_inverse_layer_idx", false);
  config.flag("reorder_and_upcast_attn", false); // the order of operations in half precision: no other model
  int64_t layers = readLayerCount(config, "n_layer");
  for (int64_t i = 0; i < layers; ++i) {
    attention.scale = byLayer ? scale / static_cast<double>(i + 1) : scale;
    model.layers.push_back({attention, ffn});
  }
  if (layers)
    nameParameters(model);
}
