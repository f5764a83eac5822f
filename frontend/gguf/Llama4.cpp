// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Llama 4's text model. Files do not hold the chunk of keys, the temperature and which layers rotate: those
// are the published models'. A window of 0 stands for models without any of the three.

#include "frontend/gguf/Architecture.h"

using namespace attune;
using namespace attune::gguf;

static constexpr int64_t chunk = 8192, period = 4;

void gguf::describeLlama4(Settings &settings, Description &model) {
  readDecoder(settings, {.pairing = Pairing::interleaved}, model);
  if (settings.failed())
    return;
  bool isPlain = settings.integer("attention.sliding_window", chunk) == 0;
  bool normsQueries =
      settings.size("expert_count", int64_t(0)) != 128; // the larger of the two has no such norms
  for (size_t i = 0; i < model.layers.size(); ++i) {
    Attention &attention = *model.layers[i].attention;
    // Every fourth layer sees all keys and does not rotate, but has a temperature.
    bool rotates = isPlain || (i + 1) % period != 0;
    if (rotates && normsQueries)
      attention.queryKeyNorm = Norm{NormKind::rms, attention.normBefore->eps, /*weight=*/false};
    attention.queryKeyNormAfterRotary = rotates && normsQueries;
    if (!rotates) {
      attention.rotary.reset();
      attention.temperature = Temperature{chunk, 0.1};
    } else if (!isPlain) {
      attention.mask.chunk = chunk;
    }
    if (std::optional<Experts> &experts = model.layers[i].feedForward->experts) {
      experts->scores = RouterScores::sigmoid;
      experts->weighInput = true;
    }
  }
}
