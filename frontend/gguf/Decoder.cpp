// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What architectures of next-word models share: sizes from the metadata, and by the tensors that there are
// biases, norms and their places, fused matrices.

#include "frontend/Parameters.h"
#include "frontend/gguf/Architecture.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::gguf;
using llvm::formatv;
using llvm::StringRef;

namespace {
/// Reads the layers of a decoder.
class Reader {
public:
  Reader(Settings &settings, const DecoderForm &form, Description &model)
      : settings(settings), form(form), model(model) {
    bool rms = form.norm == NormKind::rms;
    eps = settings.number(rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon");
  }

  /// The norm of that name, if there are tensors of it.
  std::optional<Norm> norm(StringRef name) const {
    if (!has(name + ".weight"))
      return std::nullopt;
    return Norm{form.norm, eps, true, has(name + ".bias")};
  }

  void layers(int64_t count) {
    std::vector<int64_t> heads = settings.sizes("attention.head_count", count);
    std::vector<int64_t> sizes = settings.sizes("feed_forward_length", count);
    std::vector<int64_t> keyHeads =
        settings.has("attention.head_count_kv") ? settings.sizes("attention.head_count_kv", count) : heads;
    FeedForward ffn = feedForward();
    std::optional<Rotary> rotary;
    for (int64_t i = 0; i < count && !settings.failed(); ++i) {
      Attention layer = attention(heads[i], keyHeads[i]);
      if (form.pairing && (!rotary || layer.headSize != model.layers[0].attention->headSize))
        rotary = readRotary(settings, layer.headSize, *form.pairing, model);
      layer.rotary = rotary;
      ffn.size = sizes[i];
      FeedForward own = ffn;
      readMixture(settings, i, own);
      model.layers.push_back({layer, own});
    }
    expectRouters();
  }

private:
  bool has(const llvm::Twine &tensor) const { return settings.tensor(tensor.str()); }

  void expectRouters() {
    int64_t count = settings.integer("expert_count");
    if (count && llvm::none_of(model.layers, [](const Layer &layer) { return layer.feedForward->experts; }))
      settings.fail("expert_count",
                    formatv("is {0}, but no layer has a router (blk.N.ffn_gate_inp.weight)", count));
  }

  /// Heads, norms and biases of one layer.
  Attention attention(int64_t heads, int64_t keyHeads) {
    Attention attention;
    attention.heads = heads;
    attention.keyHeads = keyHeads;
    if (heads % keyHeads)
      settings.fail("attention.head_count_kv",
                    formatv("is {0}, which does not divide '{1}', which is {2}", keyHeads,
                            settings.full("attention.head_count"), heads));
    if (!settings.has("attention.key_length") && model.hidden % heads)
      settings.fail("attention.head_count", formatv("is {0}, which does not divide '{1}', which is {2}",
                                                    heads, settings.full("embedding_length"), model.hidden));
    attention.headSize = settings.size("attention.key_length", std::max<int64_t>(1, model.hidden / heads));
    int64_t valueSize = settings.size("attention.value_length", attention.headSize);
    if (valueSize != attention.headSize)
      settings.fail("attention.value_length", formatv("is {0}, expected the keys' length, which is {1}",
                                                      valueSize, attention.headSize));
    attention.mask.causal = true;
    attention.bias = has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias");
    attention.outputBias = has("blk.0.attn_output.bias");
    attention.normBefore = norm("blk.0.attn_norm");
    attention.normBranch = norm("blk.0.post_attention_norm");
    attention.queryKeyNorm = norm("blk.0.attn_q_norm");
    if (const TensorInfo *weight = settings.tensor("blk.0.attn_q_norm.weight"))
      if (weight->elementCount() != attention.headSize)
        attention.queryKeyNormSpan = NormSpan::projection;
    return attention;
  }

  FeedForward feedForward() const {
    FeedForward ffn;
    ffn.gated = form.gated;
    ffn.activation = form.activation;
    ffn.bias = has("blk.0.ffn_up.bias");
    ffn.normBefore = norm("blk.0.ffn_norm");
    ffn.normBranch = norm("blk.0.post_ffw_norm");
    return ffn;
  }

  Settings &settings;
  const DecoderForm &form;
  Description &model;
  double eps;
};
} // namespace

/// The parameter and its bias are some rows of the tensor.
static void slice(Description &model, const std::string &parameter, StringRef tensor, RowSlice rows) {
  for (StringRef ending : {"weight", "bias"}) {
    auto found = model.tensors.find(parameter + (ending == "bias" ? ".bias" : ""));
    if (found == model.tensors.end())
      continue;
    found->second.name = ("blk.{}." + tensor + "." + ending).str();
    found->second.rows = rows;
  }
}

void gguf::sliceQueriesKeysValues(const Attention &attention, Description &model) {
  int64_t queries = attention.heads * attention.headSize, keys = attention.keyHeads * attention.headSize;
  int64_t all = queries + 2 * keys;
  slice(model, "layer.attention.query", "attn_qkv", {0, queries, 0, all});
  slice(model, "layer.attention.key", "attn_qkv", {queries, keys, 0, all});
  slice(model, "layer.attention.value", "attn_qkv", {queries + keys, keys, 0, all});
}

void gguf::sliceGateUp(const FeedForward &ffn, Description &model) {
  slice(model, "layer.feed_forward.gate", "ffn_up", {0, ffn.size, 0, 2 * ffn.size});
  slice(model, "layer.feed_forward.up", "ffn_up", {ffn.size, ffn.size, 0, 2 * ffn.size});
}

/// One matrix of all queries, keys and values; one of gate and up.
static void sliceFused(const Settings &settings, Description &model) {
  if (settings.tensor("blk.0.attn_qkv.weight"))
    sliceQueriesKeysValues(*model.layers[0].attention, model);
  const FeedForward &ffn = *model.layers[0].feedForward;
  if (ffn.gated && !ffn.experts && !settings.tensor("blk.0.ffn_gate.weight"))
    sliceGateUp(ffn, model);
}

void gguf::readDecoder(Settings &settings, const DecoderForm &form, Description &model) {
  int64_t layers = readSizes(settings, model);
  if (settings.failed())
    return;
  Reader reader(settings, form, model);
  reader.layers(layers);
  model.finalNorm = reader.norm("output_norm");
  model.head = Head{/*tied=*/!settings.tensor("output.weight")};
  if (const TensorInfo *table = settings.tensor("position_embd.weight")) {
    model.positions = {PositionKind::learned};
    model.positions.rows = table->shape.empty() ? 1 : table->shape[0];
  }
  if (settings.failed())
    return;
  nameTensors(model);
  sliceFused(settings, model);
}

void gguf::setWindows(Settings &settings, int64_t period, Description &model) {
  int64_t window = settings.integer("attention.sliding_window");
  if (window < 0)
    settings.fail("attention.sliding_window", formatv("is {0}, expected 0 or a number of keys", window));
  for (size_t i = 0; i < model.layers.size(); ++i)
    if (period == 0 || (i + 1) % period != 0)
      model.layers[i].attention->mask.window = window;
}
