// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// T5 and its later forms (v1.1, Flan, mT5): RMS norms before each branch, no biases, a learned bias of the
// scores by distance. Files do not say three things, for which the published models agree: distances from 128
// on share a bucket, networks with a gate use GELU and others ReLU, and the logits of a head that is the
// embedding table are divided by the square root of the hidden size.

#include "frontend/gguf/Architecture.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace attune;
using namespace attune::gguf;
using llvm::formatv;
using llvm::StringRef;

static constexpr int64_t maxDistance = 128;

/// `count` blocks; the first one's table of biases serves them all.
static int64_t readLayers(Settings &settings, StringRef key, StringRef stack, std::optional<int64_t> preset) {
  int64_t count = settings.size(key, preset);
  if (count > 10000)
    settings.fail(key, formatv("is {0}, expected at most 10000", count));
  std::string second = (stack + ".blk.1.attn_rel_b.weight").str();
  if (settings.tensor(second))
    settings.fail(key, formatv("is {0}, and tensor '{1}' is there, expected a table of biases in the first "
                               "block alone (one for each block, as in UMT5, is not supported)",
                               count, second));
  return count;
}

static bool isGated(Settings &settings, StringRef stack) {
  return settings.tensor((stack + ".blk.0.ffn_gate.weight").str());
}

/// A file may hold the table a second time as the output matrix.
static bool isTied(Settings &settings) {
  const TensorInfo *table = settings.tensor("token_embd.weight"), *output = settings.tensor("output.weight");
  return !output || (table && table->type == output->type && table->data == output->data);
}

static void nameStack(StringRef prefix, StringRef stack, Description &model) {
  static const std::pair<StringRef, StringRef> names[] = {
      {"layer.attention.norm_before", "blk.{}.attn_norm"},
      {"layer.attention.query", "blk.{}.attn_q"},
      {"layer.attention.key", "blk.{}.attn_k"},
      {"layer.attention.value", "blk.{}.attn_v"},
      {"layer.attention.output", "blk.{}.attn_o"},
      {"layer.cross_attention.norm_before", "blk.{}.cross_attn_norm"},
      {"layer.cross_attention.query", "blk.{}.cross_attn_q"},
      {"layer.cross_attention.key", "blk.{}.cross_attn_k"},
      {"layer.cross_attention.value", "blk.{}.cross_attn_v"},
      {"layer.cross_attention.output", "blk.{}.cross_attn_o"},
      {"layer.feed_forward.norm_before", "blk.{}.ffn_norm"},
      {"layer.feed_forward.gate", "blk.{}.ffn_gate"},
      {"layer.feed_forward.up", "blk.{}.ffn_up"},
      {"layer.feed_forward.down", "blk.{}.ffn_down"},
      {"relative_bias", "blk.0.attn_rel_b"},
      {"final_norm", "output_norm"},
  };
  const Stack &layers = prefix.empty() ? static_cast<const Stack &>(model) : *model.encoder;
  for (auto [parameter, tensor] : names)
    if ((layers.layers[0].crossAttention || !parameter.contains("cross_attention")) &&
        (layers.layers[0].feedForward->gated || !parameter.ends_with("gate")))
      model.tensors[(prefix + parameter).str()].name = (stack + "." + tensor + ".weight").str();
}

static Layer readLayer(Settings &settings, const Norm &norm) {
  Attention attention;
  attention.heads = attention.keyHeads = settings.size("attention.head_count");
  attention.headSize = settings.size("attention.key_length");
  attention.valueSize = settings.size("attention.value_length", attention.headSize);
  attention.scale = 1;
  attention.normBefore = norm;
  attention.relativeBias = RelativeBias{settings.size("attention.relative_buckets_count"), maxDistance};
  FeedForward ffn;
  ffn.size = settings.size("feed_forward_length");
  ffn.gated = isGated(settings, "enc");
  ffn.activation = ffn.gated ? Activation::gelu_tanh : Activation::relu;
  ffn.normBefore = norm;
  if (ffn.gated != isGated(settings, "dec"))
    settings.fail("feed_forward_length", "is of networks with gates in one of encoder and decoder, expected "
                                         "tensors 'blk.0.ffn_gate.weight' in both or neither");
  return {attention, ffn};
}

void gguf::describeT5(Settings &settings, Description &model) {
  model.kind = ModelKind::encoder_decoder;
  model.hidden = settings.size("embedding_length");
  model.context = settings.size("context_length");
  model.head = Head{isTied(settings)};
  if (model.head->tied)
    model.head->scale = 1 / std::sqrt(static_cast<double>(model.hidden));
  if (settings.has("decoder_start_token_id"))
    model.tokens.decoderStart =
        settings.take(settings.metadata.getInt(settings.full("decoder_start_token_id")));
  else
    settings.fail("decoder_start_token_id", "is missing, expected the token that a decoder begins with");

  Norm norm{NormKind::rms, settings.number("attention.layer_norm_rms_epsilon")};
  Layer layer = readLayer(settings, norm);
  int64_t layers = readLayers(settings, "block_count", "enc", {});
  int64_t ofDecoder = readLayers(settings, "decoder_block_count", "dec", layers);
  if (settings.failed())
    return;
  model.encoder.emplace();
  model.encoder->layers.assign(layers, layer);
  model.encoder->finalNorm = model.finalNorm = norm;
  layer.crossAttention = layer.attention;
  layer.crossAttention->relativeBias.reset();
  layer.attention->mask.causal = true;
  model.layers.assign(ofDecoder, layer);

  model.tensors["embedding"].name = "token_embd.weight";
  if (model.head->tied)
    model.weights.ignore.push_back("output.weight");
  else
    model.tensors["head"].name = "output.weight";
  nameStack("", "dec", model);
  nameStack("encoder.", "enc", model);
  model.weights.ignore.push_back("dec.blk.0.cross_attn_rel_b.weight"); // which nothing uses
}
