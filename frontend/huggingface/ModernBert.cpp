// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// ModernBERT: rotary positions, a norm before each branch (the first layer's attention apart), gated
// feed-forward networks; most layers see a window of tokens alone.

#include "frontend/huggingface/Encoder.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::StringRef;

namespace {
/// What local and global layers differ in.
struct Kinds {
  Rotary global, local;
};
} // namespace

/// Frequencies of each kind: `rope_parameters` holds them since transformers 5, keys of their own before.
static Kinds readKinds(const Config &config, int64_t dims) {
  double global = config.positive("global_rope_theta", 160000.0);
  double local = readPositiveOrNull(config, "local_rope_theta", 10000.0);
  std::optional<Config> all = config.section("rope_parameters");
  auto read = [&](StringRef kind, double base) {
    return readRotaryOf(config, all ? all->section(kind) : std::nullopt, dims, base);
  };
  return {read("full_attention", global), read("sliding_attention", local ? local : global)};
}

static void nameTensors(Description &model) {
  static const TensorName names[] = {
      {"embedding_norm", "embeddings.norm"},
      {"layer.attention.norm_before", "layers.{}.attn_norm"},
      {"layer.attention.query", "layers.{}.attn.Wqkv"},
      {"layer.attention.key", "layers.{}.attn.Wqkv"},
      {"layer.attention.value", "layers.{}.attn.Wqkv"},
      {"layer.attention.output", "layers.{}.attn.Wo"},
      {"layer.feed_forward.norm_before", "layers.{}.mlp_norm"},
      {"layer.feed_forward.gate", "layers.{}.mlp.Wi"},
      {"layer.feed_forward.up", "layers.{}.mlp.Wi"},
      {"layer.feed_forward.down", "layers.{}.mlp.Wo"},
      {"final_norm", "final_norm"},
      {"head_norm_before", "final_norm"},
  };
  nameWithBiases(model, "model.", names);
  model.tensors["embedding"].name = "model.embeddings.tok_embeddings.weight";
  int64_t hidden = model.hidden, size = model.layers[0].feedForward->size;
  sliceRows(model, "layer.attention.query", {0, hidden, 0, 3 * hidden});
  sliceRows(model, "layer.attention.key", {hidden, hidden, 0, 3 * hidden});
  sliceRows(model, "layer.attention.value", {2 * hidden, hidden, 0, 3 * hidden});
  sliceRows(model, "layer.feed_forward.gate", {0, size, 0, 2 * size}); // the half that is activated
  sliceRows(model, "layer.feed_forward.up", {size, size, 0, 2 * size});
}

void huggingface::describeModernBert(const Config &config, Description &model) {
  model.kind = ModelKind::encoder;
  refuseUnknownSettings(config);
  model.vocabulary = config.size("vocab_size", 50368);
  model.hidden = config.size("hidden_size", 768);
  model.context = config.size("max_position_embeddings", 8192);

  Norm norm{NormKind::layer, config.positive("norm_eps", 1e-5), true, config.flag("norm_bias", false)};
  model.embedding.norm = model.finalNorm = norm;
  Attention attention;
  attention.heads = attention.keyHeads = config.size("num_attention_heads", 12);
  attention.headSize = std::max<int64_t>(1, model.hidden / attention.heads);
  if (model.hidden % attention.heads)
    config.fail("num_attention_heads",
                llvm::formatv("is {0}, which does not divide 'hidden_size', which is {1}", attention.heads,
                              model.hidden));
  attention.bias = attention.outputBias = config.flag("attention_bias", false);
  FeedForward ffn;
  ffn.size = config.size("intermediate_size", 1152);
  ffn.activation = readActivation(config, "hidden_activation", "gelu");
  ffn.gated = true;
  ffn.bias = config.flag("mlp_bias", false);
  ffn.normBefore = norm;

  Kinds kinds = readKinds(config, attention.headSize);
  int64_t every = config.size("global_attn_every_n_layers", 3);
  // A token sees this many to either side; a window counts its own as well.
  int64_t local = config.size("local_attention", 128) / 2 + 1;
  for (int64_t window : readWindows(config, readLayerCount(config, "num_hidden_layers", 22), local,
                                    [&](int64_t layer) { return layer % every != 0; })) {
    attention.rotary = window ? kinds.local : kinds.global;
    attention.mask.window = window;
    model.layers.push_back({attention, ffn});
    attention.normBefore = norm; // the first layer reads the norm of the embeddings
  }

  StringRef kind = expectOneOf(config, {"ModernBertModel", "ModernBertForMaskedLM"});
  if (config.failed())
    return;
  if (kind == "ModernBertModel")
    return nameTensors(model);
  describeWordHead(config, model, readActivation(config, "classifier_activation", "gelu"), norm);
  model.head->transform->bias = config.flag("classifier_bias", false);
  model.head->bias = config.flag("decoder_bias", true);
  // Among its hidden states this class gives what comes before the last norm: that counts as the head's.
  std::swap(model.head->transform->normBefore, model.finalNorm);
  nameTensors(model);
  nameWordHead(model, {"head.dense", "head.norm", "decoder.weight", "decoder.bias"});
  if (model.head->tied)
    model.weights.ignore.push_back("decoder.weight"); // a copy that some files hold
}
