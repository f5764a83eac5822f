// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Gemma 2 and 3: scaled embeddings, windows in all but some layers. Converters have added the 1 to the norms'
// weights and leave out the scale of scores, which is that of the head size but in the largest models.

#include "frontend/gguf/Architecture.h"

#include <cmath>

using namespace attune;
using namespace attune::gguf;

/// The largest model of its kind, known by its number of layers, scales scores by hidden / heads.
static void readGemma(Settings &settings, size_t layersOfLargest, Description &model) {
  readDecoder(settings, {.activation = Activation::gelu_tanh}, model);
  if (settings.failed())
    return;
  model.embedding.scale = std::sqrt(static_cast<double>(model.hidden));
  model.head->softCap = settings.number("final_logit_softcapping", 0.0);
  for (Layer &layer : model.layers) {
    Attention &attention = *layer.attention;
    if (model.layers.size() == layersOfLargest)
      attention.scale = 1 / std::sqrt(static_cast<double>(model.hidden / attention.heads));
    attention.softCap = settings.number("attn_logit_softcapping", 0.0);
  }
}

void gguf::describeGemma2(Settings &settings, Description &model) {
  readGemma(settings, /*layersOfLargest=*/46, model);
  setWindows(settings, /*period=*/2, model);
}

void gguf::describeGemma3(Settings &settings, Description &model) {
  readGemma(settings, /*layersOfLargest=*/62, model);
  setWindows(settings, settings.size("attention.sliding_window_pattern", 6), model);
  double base = settings.number("rope.freq_base_swa", 10000.0);
  for (Layer &layer : model.layers)
    if (layer.attention->mask.window) {
      layer.attention->rotary->base = base;
      layer.attention->rotary->scaling = {};
    }
}
