// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What next-word models share: their sizes, a layer under Llama's keys, windows, names of tensors.

#include "frontend/Parameters.h"
#include "frontend/huggingface/Family.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::formatv;
using llvm::StringRef;

void huggingface::expectDecoder(const Config &config, StringRef architecture, bool mayBeQuantized) {
  expectArchitecture(config, architecture);
  for (StringRef key : {"is_encoder_decoder", "add_cross_attention"})
    config.refuseFlag(key);
  if (!mayBeQuantized && config.has("quantization_config"))
    config.refuse("quantization_config", "none (weights quantised that way are not supported)");
}

void huggingface::readDecoder(const Config &config, StringRef architecture, bool tied, Description &model,
                              bool mayBeQuantized) {
  expectDecoder(config, architecture, mayBeQuantized);
  model.vocabulary = config.size("vocab_size");
  model.hidden = config.size("hidden_size");
  model.context = config.size("max_position_embeddings", 2048);
  model.head = Head{config.flag("tie_word_embeddings", tied)};
}

int64_t huggingface::readLayerCount(const Config &config, StringRef key) {
  int64_t layers = config.size(key);
  if (layers > 10000)
    config.refuse(key, "at most 10000");
  return config.failed() ? 0 : layers;
}

Layer huggingface::readLlamaLayer(const Config &config, const Description &model) {
  Norm norm{NormKind::rms, config.positive("rms_norm_eps", 1e-6)};
  Attention attention;
  readHeads(config, model.hidden, attention);
  attention.mask.causal = true;
  attention.bias = attention.outputBias = config.flag("attention_bias", false);
  attention.normBefore = norm;

  FeedForward ffn;
  ffn.size = config.size("intermediate_size");
  ffn.activation = readActivation(config, "hidden_act", "silu");
  ffn.gated = true;
  ffn.bias = config.flag("mlp_bias", false);
  ffn.normBefore = norm;
  return {attention, ffn};
}

int64_t huggingface::readSizeOrNull(const Config &config, StringRef key, int64_t preset) {
  return config.has(key) ? config.size(key) : config.mentions(key) ? 0 : preset;
}

double huggingface::readPositiveOrNull(const Config &config, StringRef key, double preset) {
  return config.has(key) ? config.positive(key) : config.mentions(key) ? 0 : preset;
}

std::vector<int64_t> huggingface::readWindows(const Config &config, int64_t layers, int64_t window,
                                              llvm::function_ref<bool(int64_t)> slides) {
  std::vector<std::string> types = config.texts("layer_types");
  std::vector<int64_t> windows(layers, 0);
  if (!config.has("layer_types")) {
    for (int64_t layer = 0; layer < layers; ++layer)
      windows[layer] = slides(layer) ? window : 0;
    return windows;
  }
  if (static_cast<int64_t>(types.size()) != layers) {
    config.fail("layer_types",
                formatv("has {0} types, expected one for each of {1} layers", types.size(), layers));
    return windows;
  }
  for (int64_t layer = 0; layer < layers; ++layer) {
    bool sliding = types[layer] == "sliding_attention";
    if (!sliding && types[layer] != "full_attention")
      config.fail("layer_types",
                  formatv("has \"{0}\", expected full_attention or sliding_attention", types[layer]));
    if (sliding && !window)
      config.fail("layer_types", "has \"sliding_attention\", but 'sliding_window' is absent or not in use");
    windows[layer] = sliding ? window : 0;
  }
  return windows;
}

//===-------------------------- names of tensors --------------------------===//

void huggingface::assignNames(Description &model, llvm::ArrayRef<TensorName> names) {
  auto name = [&](const Parameter &parameter) {
    StringRef wanted = parameter.name;
    bool bias = wanted.consume_back(".bias");
    auto entry = llvm::find_if(names, [&](const TensorName &n) { return n.parameter == wanted; });
    if (entry != names.end())
      if (std::string &tensor = model.tensors[parameter.name].name; tensor.empty())
        tensor = (entry->tensor + (bias ? ".bias" : ".weight")).str();
  };
  for (const Parameter &parameter : modelParameters(model))
    name(parameter);
  for (const StackView &stack : stacksOf(model))
    for (const Layer &layer : stack->layers)
      llvm::for_each(layerParameters(model, stack, layer), name);
}

llvm::ArrayRef<TensorName> huggingface::llamaNames() {
  static const TensorName names[] = {
      {"embedding", "model.embed_tokens"},
      {"final_norm", "model.norm"},
      {"head", "lm_head"},
      {"layer.attention.norm_before", "model.layers.{}.input_layernorm"},
      {"layer.attention.query", "model.layers.{}.self_attn.q_proj"},
      {"layer.attention.key", "model.layers.{}.self_attn.k_proj"},
      {"layer.attention.value", "model.layers.{}.self_attn.v_proj"},
      {"layer.attention.output", "model.layers.{}.self_attn.o_proj"},
      {"layer.attention.query_norm", "model.layers.{}.self_attn.q_norm"},
      {"layer.attention.key_norm", "model.layers.{}.self_attn.k_norm"},
      {"layer.feed_forward.norm_before", "model.layers.{}.post_attention_layernorm"},
      {"layer.feed_forward.gate", "model.layers.{}.mlp.gate_proj"},
      {"layer.feed_forward.up", "model.layers.{}.mlp.up_proj"},
      {"layer.feed_forward.down", "model.layers.{}.mlp.down_proj"},
  };
  return names;
}

void huggingface::nameLlamaTensors(Description &model, llvm::ArrayRef<TensorName> names) {
  assignNames(model, names);
  assignNames(model, llamaNames());
  model.weights.ignore.push_back("model.layers.*.self_attn.rotary_emb.inv_freq");
  if (model.head->tied)
    model.weights.ignore.push_back("lm_head.weight");
}

void huggingface::sliceRows(Description &model, StringRef parameter, RowSlice rows) {
  for (StringRef ending : {"", ".bias"})
    if (auto found = model.tensors.find((parameter + ending).str()); found != model.tensors.end())
      found->second.rows = rows;
}
