// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// T5 and its later form (v1.1): RMS norms before each branch, no biases, no positions but a learned bias of
// the scores by distance, scores as they are.

#include "frontend/huggingface/EncoderDecoder.h"

#include <cmath>

using namespace attune;
using namespace attune::huggingface;
using llvm::StringRef;

/// "relu", or "gated-gelu" for a gated network. Later settings override what it says.
static void readNetwork(const Config &config, FeedForward &ffn) {
  std::string word = config.text("feed_forward_proj", "relu");
  StringRef activation = word;
  ffn.gated = activation.consume_front("gated-");
  if (activation.empty() || activation.contains('-'))
    config.refuse("feed_forward_proj", "an activation, or one behind \"gated-\"");
  ffn.gated = config.flag("is_gated_act", ffn.gated);
  if (word == "gated-gelu") // a name from before there were two
    activation = "gelu_new";
  if (config.has("dense_act_fn")) {
    ffn.activation = readActivation(config, "dense_act_fn", "relu");
    return;
  }
  ffn.activation = activationOf(config, "feed_forward_proj", activation);
}

static void nameParameters(Description &model) {
  assignNames(model, {{"embedding", "shared"},
                      {"head", "lm_head"},
                      {"layer.cross_attention.norm_before", "decoder.block.{}.layer.1.layer_norm"},
                      {"layer.cross_attention.query", "decoder.block.{}.layer.1.EncDecAttention.q"},
                      {"layer.cross_attention.key", "decoder.block.{}.layer.1.EncDecAttention.k"},
                      {"layer.cross_attention.value", "decoder.block.{}.layer.1.EncDecAttention.v"},
                      {"layer.cross_attention.output", "decoder.block.{}.layer.1.EncDecAttention.o"},
                      {"layer.feed_forward.norm_before", "decoder.block.{}.layer.2.layer_norm"},
                      {"layer.feed_forward.gate", "decoder.block.{}.layer.2.DenseReluDense.wi_0"},
                      {"layer.feed_forward.up", model.layers[0].feedForward->gated
                                                    ? "decoder.block.{}.layer.2.DenseReluDense.wi_1"
                                                    : "decoder.block.{}.layer.2.DenseReluDense.wi"},
                      {"layer.feed_forward.down", "decoder.block.{}.layer.2.DenseReluDense.wo"},
                      {"encoder.layer.feed_forward.norm_before", "encoder.block.{}.layer.1.layer_norm"},
                      {"encoder.layer.feed_forward.gate", "encoder.block.{}.layer.1.DenseReluDense.wi_0"},
                      {"encoder.layer.feed_forward.up", model.layers[0].feedForward->gated
                                                            ? "encoder.block.{}.layer.1.DenseReluDense.wi_1"
                                                            : "encoder.block.{}.layer.1.DenseReluDense.wi"},
                      {"encoder.layer.feed_forward.down", "encoder.block.{}.layer.1.DenseReluDense.wo"}});
  nameInBothStacks(model, {{"layer.attention.norm_before", "{stack}.block.{}.layer.0.layer_norm"},
                           {"layer.attention.query", "{stack}.block.{}.layer.0.SelfAttention.q"},
                           {"layer.attention.key", "{stack}.block.{}.layer.0.SelfAttention.k"},
                           {"layer.attention.value", "{stack}.block.{}.layer.0.SelfAttention.v"},
                           {"layer.attention.output", "{stack}.block.{}.layer.0.SelfAttention.o"},
                           {"relative_bias", "{stack}.block.0.layer.0.SelfAttention.relative_attention_bias"},
                           {"final_norm", "{stack}.final_layer_norm"}});
  // Copies of the shared table, and a bias of cross-attention that early files hold and nothing uses.
  model.weights.ignore = {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
                          "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"};
  if (model.head->tied)
    model.weights.ignore.push_back("lm_head.weight");
}

void huggingface::describeT5(const Config &config, Description &model) {
  expectEncoderDecoder(config, "T5ForConditionalGeneration");
  model.kind = ModelKind::encoder_decoder;
  model.vocabulary = config.size("vocab_size", 32128);
  model.hidden = config.size("d_model", 512);
  model.context = config.size("n_positions", 512);
  model.tokens.decoderStart = config.maybeInteger("pad_token_id"); // where nothing else is said
  // Where the second flag stands it is the first one's old meaning: newer files call every table tied.
  bool scaled = config.flag("scale_decoder_outputs", config.flag("tie_word_embeddings", true));
  model.head =
      Head{config.flag("tie_word_embeddings", true) && (scaled || !folderHasTensor(model, "lm_head.weight"))};
  if (scaled)
    model.head->scale = 1 / std::sqrt(static_cast<double>(model.hidden));

  Norm norm{NormKind::rms, config.positive("layer_norm_epsilon", 1e-6)};
  Attention attention;
  attention.heads = attention.keyHeads = config.size("num_heads", 8);
  attention.headSize = config.size("d_kv", 64);
  attention.scale = 1;
  attention.normBefore = norm;
  Layer layer{attention, FeedForward()};
  layer.attention->relativeBias = RelativeBias{config.size("relative_attention_num_buckets", 32),
                                               config.size("relative_attention_max_distance", 128)};
  layer.feedForward->size = config.size("d_ff", 2048);
  layer.feedForward->normBefore = norm;
  readNetwork(config, *layer.feedForward);

  int64_t layers = config.has("num_layers") ? readLayerCount(config, "num_layers") : 6;
  model.encoder.emplace();
  model.encoder->layers.assign(layers, layer);
  model.encoder->finalNorm = model.finalNorm = norm;
  layer.crossAttention = attention;
  layer.attention->mask.causal = true;
  model.layers.assign(
      config.has("num_decoder_layers") ? readLayerCount(config, "num_decoder_layers") : layers, layer);
  if (!config.failed())
    nameParameters(model);
}
