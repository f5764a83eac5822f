// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// ModernBERT: vectors of texts, without the head that predicts words. Most layers see a window of tokens.

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

static Activation readActivation(Settings &settings) {
  std::string word = settings.text("hidden_act", "gelu");
  if (word != "gelu" && word != "silu")
    settings.fail("hidden_act", "is '" + word + "', expected one of: gelu, silu");
  return word == "silu" ? Activation::silu : Activation::gelu;
}

static Attention readAttention(Settings &settings, Description &model) {
  Attention attention;
  readEqualHeads(settings, model, attention);
  attention.rotary = readRotary(settings, attention.headSize, Pairing::half_split, model);
  return attention;
}

static void nameFusedTensors(Description &model) {
  nameTensors(model);
  model.tensors["embedding_norm"].name = "token_embd_norm.weight";
  sliceQueriesKeysValues(*model.layers[0].attention, model);
  sliceGateUp(*model.layers[0].feedForward, model);
}

void gguf::describeModernBert(Settings &settings, Description &model) {
  model.kind = ModelKind::encoder;
  int64_t layers = readSizes(settings, model);
  // Converters file the epsilon under the key of the other kind of norm where a configuration has but one.
  Norm norm{NormKind::layer, settings.number(settings.has("attention.layer_norm_epsilon")
                                                 ? "attention.layer_norm_epsilon"
                                                 : "attention.layer_norm_rms_epsilon")};
  model.embedding.norm = model.finalNorm = norm;
  Attention attention = readAttention(settings, model);
  FeedForward ffn;
  ffn.size = settings.size("feed_forward_length");
  ffn.activation = readActivation(settings);
  ffn.gated = true;
  ffn.normBefore = norm;
  // A token sees this many to either side; a window counts its own as well.
  int64_t local = settings.size("attention.sliding_window", 128) / 2 + 1;
  int64_t every = settings.size("attention.sliding_window_pattern", 3);
  Rotary global = *attention.rotary, near = global;
  near.base = settings.number("rope.freq_base_swa", 10000.0);
  for (int64_t i = 0; i < layers && !settings.failed(); ++i) {
    bool isGlobal = i % every == 0;
    attention.rotary = isGlobal ? global : near;
    attention.mask.window = isGlobal ? 0 : local;
    model.layers.push_back({attention, ffn});
    attention.normBefore = norm; // the first layer reads the norm of the embeddings
  }
  readPooling(settings, model);
  if (!settings.failed())
    nameFusedTensors(model);
}
