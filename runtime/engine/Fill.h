// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/Engine.h"

namespace attune {

/// A token that may stand in a gap.
struct Guess {
  int32_t id = 0;
  double probability = 0;
};

/// A token to be guessed, and the likeliest ones in its place, best first.
struct Gap {
  size_t position = 0;
  std::vector<Guess> candidates;
};

/// Guesses each token that is `mask`, all at once: none knows the others' guesses. Ids from `choices` on are
/// not chosen. Throws attune::Error if the model is no encoder with logits, if no token is `mask`, or if the
/// text is too long.
std::vector<Gap> fillGaps(Engine &engine, std::span<const int32_t> ids, int32_t mask, size_t most,
                          int32_t choices);

} // namespace attune
