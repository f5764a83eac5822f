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
/// What the two kinds of layers differ in, under their names in `layer_types`.
struct Kind {
  StringRef name;
  Rotary rotary;
  int64_t window;
};
} // namespace

/// Frequencies of one kind: `rope_parameters.NAME` since transformers 5, `KEY` before.
static Rotary readRotaryOf(const Config &config, StringRef kind, double base, int64_t dims) {
  Rotary rotary;
  rotary.dims = dims;
  rotary.base = base;
  std::optional<Config> all = config.section("rope_parameters");
  std::optional<Config> own = all ? all->section(kind) : std::nullopt;
  if (all && !own)
    all->fail(kind, "is absent, expected an object");
  if (!own)
    return rotary;
  rotary.base = own->positive("rope_theta", base);
  if (own->text("rope_type", "default") != "default")
    own->refuse("rope_type", "\"default\"");
  return rotary;
}

static std::array<Kind, 2> readKinds(const Config &config, int64_t dims) {
  double global = config.positive("global_rope_theta", 160000.0);
  double local = config.positive("local_rope_theta", config.has("global_rope_theta") ? global : 10000.0);
  // A token sees this many to either side; `window` counts its own as well.
  int64_t window = config.size("local_attention", 128) / 2 + 1;
  return {Kind{"full_attention", readRotaryOf(config, "full_attention", global, dims), 0},
          Kind{"sliding_attention", readRotaryOf(config, "sliding_attention", local, dims), window}};
}

/// Whether each layer sees a window alone: from `layer_types`, or every n-th layer does not.
static std::vector<bool> readPattern(const Config &config, llvm::ArrayRef<Kind> kinds, int64_t layers) {
  std::vector<bool> local;
  if (!config.has("layer_types")) {
    int64_t every = config.size("global_attn_every_n_layers", 3);
    for (int64_t i = 0; i < layers; ++i)
      local.push_back(i % every != 0);
    return local;
  }
  for (const std::string &type : config.texts("layer_types")) {
    if (type != kinds[0].name && type != kinds[1].name)
      config.refuse("layer_types", "a list of: " + kinds[0].name + ", " + kinds[1].name);
    local.push_back(type == kinds[1].name);
  }
  if (static_cast<int64_t>(local.size()) != layers)
    config.fail("layer_types",
                llvm::formatv("has {0} items, expected one for each of {1} layers", local.size(), layers));
  local.resize(layers);
  return local;
}

/// Takes a stretch of rows of a matrix, and of its bias.
static void slice(Description &model, StringRef parameter, int64_t first, int64_t length, int64_t of) {
  for (StringRef ending : {"", ".bias"})
    if (auto found = model.tensors.find((parameter + ending).str()); found != model.tensors.end())
      found->second.rows = RowSlice{first, length, 0, of};
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
  slice(model, "layer.attention.query", 0, hidden, 3 * hidden);
  slice(model, "layer.attention.key", hidden, hidden, 3 * hidden);
  slice(model, "layer.attention.value", 2 * hidden, hidden, 3 * hidden);
  slice(model, "layer.feed_forward.gate", 0, size, 2 * size); // the half that is activated
  slice(model, "layer.feed_forward.up", size, size, 2 * size);
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

  std::array<Kind, 2> kinds = readKinds(config, attention.headSize);
  for (bool local : readPattern(config, kinds, readLayerCount(config, "num_hidden_layers", 22))) {
    attention.rotary = kinds[local].rotary;
    attention.mask.window = kinds[local].window;
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
