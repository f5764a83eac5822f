// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Llama 4's text model. Files do not hold the chunk of keys, the temperature and which layers rotate: those
// are the published models'. A window of 0 stands for models without any of the three.

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

static constexpr int64_t chunk = 8192, period = 4;

/// Every fourth layer sees all keys and does not rotate, but has a temperature.
static void setPositions(Description &model) {
  for (size_t i = 0; i < model.layers.size(); ++i) {
    Attention &attention = *model.layers[i].attention;
    if ((i + 1) % period == 0) {
      attention.rotary.reset();
      attention.queryKeyNorm.reset();
      attention.queryKeyNormAfterRotary = false;
      attention.temperature = Temperature{chunk, 0.1};
    } else {
      attention.mask.chunk = chunk;
    }
  }
}

void gguf::describeLlama4(Settings &settings, Description &model) {
  readDecoder(settings, {.pairing = Pairing::interleaved}, model);
  if (settings.failed())
    return;
  bool isPlain = settings.has("attention.sliding_window") &&
                 settings.take(settings.metadata.getInt(settings.full("attention.sliding_window"))) == 0;
  for (Layer &layer : model.layers) {
    Attention &attention = *layer.attention;
    std::optional<Experts> &experts = layer.feedForward->experts;
    if (experts) {
      experts->scores = RouterScores::sigmoid;
      experts->weighInput = true;
    }
    // The larger one, of 128 experts, has no norms of queries and keys.
    if (settings.size("expert_count", int64_t(0)) != 128) {
      attention.queryKeyNorm = Norm{NormKind::rms, attention.normBefore->eps, /*weight=*/false};
      attention.queryKeyNormAfterRotary = true;
    }
  }
  if (!isPlain)
    setPositions(model);
}
