// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Llama and what converters file under its name, Mistral for one. Rows of the query and key matrices are
// permuted for interleaved rotary pairs.

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

void gguf::describeLlama(Settings &settings, Description &model) {
  readDecoder(settings, {.pairing = Pairing::interleaved}, model);
  setWindows(settings, 0, model);
  finishMixtral(settings, model);
}

/// SmolLM3 does not rotate in every fourth layer.
void gguf::describeSmolLM3(Settings &settings, Description &model) {
  readDecoder(settings, {.pairing = Pairing::interleaved}, model);
  for (size_t i = 3; i < model.layers.size(); i += 4)
    model.layers[i].attention->rotary.reset();
}

/// Granite 3 multiplies embeddings, scores and both branches, and divides logits.
void gguf::describeGranite(Settings &settings, Description &model) {
  readDecoder(settings, {.pairing = Pairing::interleaved}, model);
  if (settings.failed())
    return;
  model.embedding.scale = settings.number("embedding_scale", 1.0);
  model.head->scale = 1 / settings.number("logit_scale", 1.0);
  for (Layer &layer : model.layers) {
    if (settings.has("attention.scale"))
      layer.attention->scale = settings.number("attention.scale");
    layer.attention->residualScale = layer.feedForward->residualScale =
        settings.number("residual_scale", 1.0);
  }
}
