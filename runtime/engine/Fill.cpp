// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Fill.h"
#include "runtime/Error.h"
#include "runtime/engine/Score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace attune;

namespace {

/// Of the first `choices` ids, with their probabilities among all. Equal logits: the lower id first. NaN is
/// never chosen.
std::vector<Guess> likeliest(std::span<const float> logits, size_t choices, size_t most) {
  std::vector<int32_t> ids;
  for (size_t id = 0; id < std::min(choices, logits.size()); ++id)
    if (!std::isnan(logits[id]))
      ids.push_back(static_cast<int32_t>(id));
  most = std::min(most, ids.size());
  auto better = [&](int32_t a, int32_t b) {
    float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x > y || (x == y && a < b);
  };
  std::partial_sort(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(most), ids.end(), better);
  std::vector<Guess> candidates;
  for (size_t i = 0; i < most; ++i)
    candidates.push_back({ids[i], std::exp(logProbability(logits, ids[i]))});
  return candidates;
}

} // namespace

std::vector<Gap> attune::fillGaps(Engine &engine, std::span<const int32_t> ids, int32_t mask, size_t most,
                                  int32_t choices) {
  if (!engine.isEncoder())
    throw Error("this model predicts the next word, not one within a text: use 'generate'");
  const EntryInfo *step = engine.metadata().find("step");
  if (!step || !step->find("logits"))
    throw Error("this model has no head that predicts words: use 'embed' for its vectors");
  if (std::ranges::find(ids, mask) == ids.end())
    throw Error("the text has no gap to fill");
  engine.observe(false);
  engine.feed({0, ids, {}, Rows::All});
  std::vector<Gap> gaps;
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] == mask) {
      std::span<const float> logits = engine.logits(static_cast<int64_t>(i));
      size_t known = std::min(logits.size(), static_cast<size_t>(engine.metadata().vocabulary));
      size_t usable = static_cast<size_t>(std::max(choices, 0));
      gaps.push_back({i, likeliest(logits.first(known), usable, most)});
    }
  return gaps;
}
