// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/Engine.h"

namespace attune {

/// Natural logarithm of softmax(logits)[id].
double logProbability(std::span<const float> logits, int32_t id);

/// The log-probability of each token of a text given those before it, in windows of the context.
///
/// A text that fits is one window. Of a longer one, each further window begins `stride` tokens later and
/// scores the tokens that the one before did not, so that each has at least `context - stride` tokens before
/// it. If the text begins with the model's begin-of-text token, so does every window.
class Scorer {
public:
  /// Throws attune::Error for an encoder. `stride` 0 takes half of the context.
  explicit Scorer(Engine &engine, int64_t stride = 0);

  /// One number per token from the second on. `progress(done, all)` may be empty. Throws attune::Error if
  /// there are fewer than two tokens or an id is out of range.
  using Progress = std::function<void(size_t done, size_t all)>;
  std::vector<double> score(std::span<const int32_t> ids, const Progress &progress = {});

private:
  void scoreWindow(std::span<const int32_t> window, size_t firstScored, std::vector<double> &scores);

  Engine &engine;
  int64_t stride;
};

/// exp(-mean); 0 for nothing.
double perplexity(std::span<const double> logProbabilities);

} // namespace attune
