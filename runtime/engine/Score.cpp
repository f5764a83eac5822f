// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Score.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace attune;

double attune::logProbability(std::span<const float> logits, int32_t id) {
  float largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(static_cast<double>(logit - largest));
  return static_cast<double>(logits[static_cast<size_t>(id)] - largest) - std::log(sum);
}

double attune::perplexity(std::span<const double> logProbabilities) {
  if (logProbabilities.empty())
    return 0;
  double sum = std::accumulate(logProbabilities.begin(), logProbabilities.end(), 0.0);
  return std::exp(-sum / static_cast<double>(logProbabilities.size()));
}

Scorer::Scorer(Engine &engine, int64_t stride) : engine(engine), stride(stride) {
  if (engine.isEncoder())
    throw Error("scores need a model that predicts the next token; this one is an encoder");
  if (stride == 0)
    this->stride = std::max<int64_t>(engine.context() / 2, 1);
  if (this->stride < 1 || this->stride >= std::max<int64_t>(engine.context(), 2))
    throw Error(fmt::format("a stride of {} tokens: the context of {} allows 1 to {}", stride,
                            engine.context(), engine.context() - 1));
}

std::vector<double> Scorer::score(std::span<const int32_t> ids, const Progress &progress) {
  if (ids.size() < 2)
    throw Error(fmt::format("{} tokens: a score needs at least two", ids.size()));
  size_t context = static_cast<size_t>(engine.context());
  if (context < 2)
    throw Error("a score needs a context of at least two tokens");
  bool hasBegin = engine.metadata().tokens.bos == ids.front() && context > 2;

  std::vector<double> scores;
  std::vector<int32_t> window;
  for (size_t begin = 0; scores.size() + 1 < ids.size(); begin += static_cast<size_t>(stride)) {
    window.clear();
    if (hasBegin && begin > 0)
      window.push_back(ids.front());
    size_t extra = window.size(), count = std::min(context - extra, ids.size() - begin);
    auto from = ids.begin() + static_cast<ptrdiff_t>(begin);
    window.insert(window.end(), from, from + static_cast<ptrdiff_t>(count));
    size_t done = scores.size() + 1; // tokens of the text that have a score or need none
    if (begin + count > done)
      scoreWindow(window, extra + done - begin, scores);
    if (progress)
      progress(scores.size() + 1, ids.size());
  }
  return scores;
}

void Scorer::scoreWindow(std::span<const int32_t> window, size_t firstScored, std::vector<double> &scores) {
  int sequence = engine.open();
  try {
    // The tokens before the first score's row need no logits; rows of logits are large, so they come a few at
    // a time.
    size_t quiet = firstScored - 1, last = window.size() - 1;
    if (quiet > 0)
      engine.feed({sequence, window.first(quiet), {}, Rows::None});
    constexpr size_t logitsAtOnce = size_t{64} << 18; // 64 MB
    size_t width = static_cast<size_t>(std::max<int64_t>(engine.metadata().vocabulary, 1));
    size_t most = std::clamp<size_t>(logitsAtOnce / width, 1, static_cast<size_t>(engine.chunk()));
    for (size_t first = quiet; first < last; first += most) {
      size_t count = std::min(most, last - first);
      engine.feed({sequence, window.subspan(first, count), {}, Rows::All});
      for (size_t i = 0; i < count; ++i)
        scores.push_back(logProbability(engine.logits(static_cast<int64_t>(i)), window[first + i + 1]));
    }
  } catch (...) {
    engine.close(sequence);
    throw;
  }
  engine.close(sequence);
}
