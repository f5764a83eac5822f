// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Llama 1 to 3 and what copies them: RMS norms before each branch, rotary positions, grouped queries, gated
// SiLU.

#include "frontend/huggingface/Family.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;

static void nameTensors(Description &model, const Layer &layer) {
  struct Name {
    const char *parameter, *tensor;
  };
  static const Name matrices[] = {
      {"layer.attention.query", "model.layers.{}.self_attn.q_proj"},
      {"layer.attention.key", "model.layers.{}.self_attn.k_proj"},
      {"layer.attention.value", "model.layers.{}.self_attn.v_proj"},
      {"layer.attention.output", "model.layers.{}.self_attn.o_proj"},
      {"layer.feed_forward.gate", "model.layers.{}.mlp.gate_proj"},
      {"layer.feed_forward.up", "model.layers.{}.mlp.up_proj"},
      {"layer.feed_forward.down", "model.layers.{}.mlp.down_proj"},
  };
  for (auto [parameter, tensor] : matrices) {
    model.tensors[parameter].name = tensor + std::string(".weight");
    bool bias =
        llvm::StringRef(parameter).contains("feed_forward") ? layer.feedForward->bias : layer.attention->bias;
    if (bias)
      model.tensors[parameter + std::string(".bias")].name = tensor + std::string(".bias");
  }
  model.tensors["embedding"].name = "model.embed_tokens.weight";
  model.tensors["layer.attention.norm_before"].name = "model.layers.{}.input_layernorm.weight";
  model.tensors["layer.feed_forward.norm_before"].name = "model.layers.{}.post_attention_layernorm.weight";
  model.tensors["final_norm"].name = "model.norm.weight";
  if (!model.head->tied)
    model.tensors["head"].name = "lm_head.weight";
}

void huggingface::describeLlama(const Config &config, Description &model) {
  expectArchitecture(config, "LlamaForCausalLM");
  for (llvm::StringRef key : {"is_encoder_decoder", "add_cross_attention"})
    config.refuseFlag(key);
  if (config.has("quantization_config"))
    config.refuse("quantization_config", "none (weights quantised that way are not supported)");
  if (config.number("partial_rotary_factor", 1.0) != 1.0)
    config.refuse("partial_rotary_factor", "1");

  model.vocabulary = config.size("vocab_size");
  model.hidden = config.size("hidden_size");
  model.context = config.size("max_position_embeddings", 2048);
  model.head = Head{config.flag("tie_word_embeddings", false)};

  Norm norm{NormKind::rms, config.positive("rms_norm_eps", 1e-6)};
  Attention attention;
  readHeads(config, model.hidden, attention);
  attention.mask.causal = true;
  attention.rotary = readRotary(config, attention.headSize);
  attention.bias = attention.outputBias = config.flag("attention_bias", false);
  attention.normBefore = norm;

  FeedForward ffn;
  ffn.size = config.size("intermediate_size");
  ffn.activation = readActivation(config, "hidden_act", "silu");
  ffn.gated = true;
  ffn.bias = config.flag("mlp_bias", false);
  ffn.normBefore = norm;

  int64_t layers = config.size("num_hidden_layers");
  if (layers > 10000)
    config.refuse("num_hidden_layers", "at most 10000");
  if (config.failed())
    return;
  model.layers.assign(layers, Layer{attention, ffn});
  model.finalNorm = norm;
  nameTensors(model, model.layers[0]);
  model.weights.ignore = {"model.layers.*.self_attn.rotary_emb.inv_freq"};
  if (model.head->tied) // a copy of the embedding that some files hold
    model.weights.ignore.push_back("lm_head.weight");
}
