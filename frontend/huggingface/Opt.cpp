// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// OPT: layer norms before or after each branch, learned positions two rows into their table, embeddings that
// may be smaller than the hidden vectors.

#include "frontend/huggingface/Family.h"

using namespace attune;
using namespace attune::huggingface;

static void nameParameters(Description &model) {
  assignNames(model, {{"embedding", "model.decoder.embed_tokens"},
                      {"positions", "model.decoder.embed_positions"},
                      {"embedding_projection", "model.decoder.project_in"},
                      {"head_projection", "model.decoder.project_out"},
                      {"final_norm", "model.decoder.final_layer_norm"},
                      {"head", "lm_head"},
                      {"layer.attention.norm_before", "model.decoder.layers.{}.self_attn_layer_norm"},
                      {"layer.attention.norm_after", "model.decoder.layers.{}.self_attn_layer_norm"},
                      {"layer.attention.query", "model.decoder.layers.{}.self_attn.q_proj"},
                      {"layer.attention.key", "model.decoder.layers.{}.self_attn.k_proj"},
                      {"layer.attention.value", "model.decoder.layers.{}.self_attn.v_proj"},
                      {"layer.attention.output", "model.decoder.layers.{}.self_attn.out_proj"},
                      {"layer.feed_forward.norm_before", "model.decoder.layers.{}.final_layer_norm"},
                      {"layer.feed_forward.norm_after", "model.decoder.layers.{}.final_layer_norm"},
                      {"layer.feed_forward.up", "model.decoder.layers.{}.fc1"},
                      {"layer.feed_forward.down", "model.decoder.layers.{}.fc2"}});
  if (model.head->tied)
    model.weights.ignore = {"lm_head.weight"};
}

void huggingface::describeOpt(const Config &config, Description &model) {
  readDecoder(config, "OPTForCausalLM", /*tied=*/true, model);
  model.positions = {PositionKind::learned};
  model.positions.offset = 2;
  model.positions.rows = model.context + model.positions.offset;
  if (int64_t size = config.size("word_embed_proj_dim", model.hidden); size != model.hidden)
    model.embedding.size = size;

  bool affine = config.flag("layer_norm_elementwise_affine", true);
  Norm norm{NormKind::layer, 1e-5, affine, affine};
  Attention attention;
  readHeads(config, model.hidden, attention);
  attention.mask.causal = true;
  FeedForward ffn;
  ffn.size = config.size("ffn_dim");
  ffn.activation = readActivation(config, "activation_function", "relu");
  attention.bias = attention.outputBias = ffn.bias = config.flag("enable_bias", true);
  if (config.flag("do_layer_norm_before", true)) {
    attention.normBefore = ffn.normBefore = norm;
    if (!config.flag("_remove_final_layer_norm", false))
      model.finalNorm = norm;
  } else {
    attention.normAfter = ffn.normAfter = norm;
  }
  model.layers.assign(readLayerCount(config), Layer{attention, ffn});
  nameParameters(model);
}
