// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/huggingface/EncoderDecoder.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace attune;
using namespace attune::huggingface;
using llvm::StringRef;

void huggingface::expectEncoderDecoder(const Config &config, StringRef architecture) {
  expectArchitecture(config, architecture);
  if (!config.flag("is_encoder_decoder", true))
    config.refuse("is_encoder_decoder", "true (the decoder alone is not supported)");
  config.refuseFlag("is_decoder");
  if (config.has("quantization_config"))
    config.refuse("quantization_config", "none (weights quantised that way are not supported)");
}

void huggingface::nameInBothStacks(Description &model, llvm::ArrayRef<TensorName> names) {
  static constexpr StringRef hole = "{stack}";
  for (auto [prefix, stack] : {std::pair<StringRef, StringRef>{"", "decoder"}, {"encoder.", "encoder"}})
    for (const TensorName &name : names) {
      std::string parameter = (prefix + name.parameter).str(), tensor = name.tensor.str();
      if (size_t at = tensor.find(hole); at != std::string::npos)
        tensor.replace(at, hole.size(), stack);
      assignNames(model, {{parameter, tensor}});
    }
}

namespace {
/// Settings under keys that begin with "encoder_" or "decoder_".
struct StackKeys {
  const Config &config;
  StringRef stack;

  std::string key(StringRef name) const { return (stack + "_" + name).str(); }
  int64_t size(StringRef name, int64_t preset) const { return config.size(key(name), preset); }
};
} // namespace

/// The layers of one of the two stacks; their cross-attention is as their attention, without a mask.
static void readLayers(const StackKeys &keys, int64_t hidden, Activation activation, bool isDecoder,
                       Stack &stack) {
  Norm norm{NormKind::layer, 1e-5, true, true};
  Attention attention;
  attention.heads = attention.keyHeads = keys.size("attention_heads", 16);
  if (hidden % attention.heads)
    keys.config.fail(
        keys.key("attention_heads"),
        llvm::formatv("is {0}, which does not divide 'd_model', which is {1}", attention.heads, hidden));
  attention.headSize = std::max<int64_t>(1, hidden / attention.heads);
  attention.bias = attention.outputBias = true;
  attention.normAfter = norm;
  FeedForward ffn;
  ffn.size = keys.size("ffn_dim", 4096);
  ffn.activation = activation;
  ffn.bias = true;
  ffn.normAfter = norm;
  Layer layer{attention, ffn};
  if (isDecoder) {
    layer.crossAttention = attention;
    layer.attention->mask.causal = true;
  }
  std::string count = keys.key("layers");
  stack.layers.assign(keys.config.has(count) ? readLayerCount(keys.config, count) : 12, layer);
}

void huggingface::describeAsBart(const Config &config, StringRef architecture, StringRef activationPreset,
                                 Description &model) {
  expectEncoderDecoder(config, architecture);
  // Of early files; such models need another order of norms.
  for (StringRef key : {"normalize_before", "add_final_layer_norm"})
    config.refuseFlag(key);
  model.kind = ModelKind::encoder_decoder;
  model.vocabulary = config.size("vocab_size");
  model.hidden = config.size("d_model", 1024);
  model.context = config.size("max_position_embeddings", 1024);
  model.embedding.scale =
      config.flag("scale_embedding", false) ? std::sqrt(static_cast<double>(model.hidden)) : 1;
  model.head = Head{config.flag("tie_word_embeddings", true)};
  model.head->bias = true;
  model.encoder.emplace();
  model.encoder->embedding.scale = model.embedding.scale;
  Activation activation = readActivation(config, "activation_function", activationPreset);
  readLayers({config, "encoder"}, model.hidden, activation, /*isDecoder=*/false, *model.encoder);
  readLayers({config, "decoder"}, model.hidden, activation, /*isDecoder=*/true, model);
}

void huggingface::nameAsBart(Description &model) {
  assignNames(model, {{"embedding", "model.shared"}, {"head", "lm_head"}});
  nameInBothStacks(model,
                   {{"positions", "model.{stack}.embed_positions"},
                    {"embedding_norm", "model.{stack}.layernorm_embedding"},
                    {"layer.attention.query", "model.{stack}.layers.{}.self_attn.q_proj"},
                    {"layer.attention.key", "model.{stack}.layers.{}.self_attn.k_proj"},
                    {"layer.attention.value", "model.{stack}.layers.{}.self_attn.v_proj"},
                    {"layer.attention.output", "model.{stack}.layers.{}.self_attn.out_proj"},
                    {"layer.attention.norm_after", "model.{stack}.layers.{}.self_attn_layer_norm"},
                    {"layer.cross_attention.query", "model.{stack}.layers.{}.encoder_attn.q_proj"},
                    {"layer.cross_attention.key", "model.{stack}.layers.{}.encoder_attn.k_proj"},
                    {"layer.cross_attention.value", "model.{stack}.layers.{}.encoder_attn.v_proj"},
                    {"layer.cross_attention.output", "model.{stack}.layers.{}.encoder_attn.out_proj"},
                    {"layer.cross_attention.norm_after", "model.{stack}.layers.{}.encoder_attn_layer_norm"},
                    {"layer.feed_forward.up", "model.{stack}.layers.{}.fc1"},
                    {"layer.feed_forward.down", "model.{stack}.layers.{}.fc2"},
                    {"layer.feed_forward.norm_after", "model.{stack}.layers.{}.final_layer_norm"}});
  model.tensors["head.bias"].name = "final_logits_bias";
  // Copies of the shared table, and tables of fixed positions.
  model.weights.ignore = {"model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"};
  if (model.head->tied)
    model.weights.ignore.push_back("lm_head.weight");
}
