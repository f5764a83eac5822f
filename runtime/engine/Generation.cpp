// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Generation.h"
#include "runtime/Error.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

using namespace attune;

namespace {

/// Seconds since the last call or construction.
class Stopwatch {
public:
  double lap() {
    auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last, now)).count();
  }

private:
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

/// The logits are looked at only if the choice needs them, or falls on an id that is no token.
int32_t choose(const Engine &engine, int64_t row, Sampler &sampler) {
  if (sampler.takesLikeliest())
    if (std::optional<int32_t> id = engine.likeliest(row); id && sampler.isChoice(*id))
      return *id;
  if (std::optional<LikeliestTokens> best = engine.candidates(row))
    if (std::optional<int32_t> id = sampler.sample(*best))
      return *id;
  return sampler.sample(engine.logits(row));
}

/// While it lives, an engine makes what the sampler looks at instead of logits.
class CandidatesFor {
public:
  CandidatesFor(Engine &engine, const Sampler &sampler) : engine(engine) {
    if (sampler.takesCandidates(engine.candidateCount()))
      engine.makeCandidates(sampler.temperature());
  }
  ~CandidatesFor() { engine.makeCandidates(0); }
  CandidatesFor(const CandidatesFor &) = delete;
  CandidatesFor &operator=(const CandidatesFor &) = delete;

private:
  Engine &engine;
};

bool contains(const std::vector<int32_t> &ids, int32_t id) { return std::ranges::find(ids, id) != ids.end(); }

} // namespace

int32_t attune::argmax(std::span<const float> logits) {
  // The largest first, in lanes that compile to vector code, then where it is.
  std::array<float, 16> lanes;
  lanes.fill(-std::numeric_limits<float>::infinity());
  size_t whole = logits.size() / lanes.size() * lanes.size();
  for (size_t i = 0; i < whole; i += lanes.size())
    for (size_t lane = 0; lane < lanes.size(); ++lane)
      lanes[lane] = logits[i + lane] > lanes[lane] ? logits[i + lane] : lanes[lane];
  float largest = *std::ranges::max_element(lanes);
  for (float logit : logits.subspan(whole))
    largest = logit > largest ? logit : largest;
  auto found = std::ranges::find(logits, largest);
  return found == logits.end() ? 0 : static_cast<int32_t>(found - logits.begin());
}

int32_t attune::argmax(const Engine &engine, int64_t row) {
  std::optional<int32_t> known = engine.likeliest(row);
  return known ? *known : argmax(engine.logits(row));
}

GenerationReport attune::generate(Engine &engine, int sequence, std::span<const int32_t> prompt,
                                  Sampler &sampler, const GenerationLimits &limits,
                                  const std::function<bool(int32_t)> &use) {
  if (prompt.empty())
    throw Error("the prompt is empty: there is no token to go on from");
  GenerationReport report;
  Stopwatch watch;
  CandidatesFor candidates(engine, sampler);
  engine.feed({sequence, prompt});
  sampler.observe(prompt);
  report.promptSeconds = watch.lap();

  const std::vector<int32_t> &ends = engine.metadata().tokens.eos;
  while (report.tokens != limits.maxTokens) {
    int32_t id = choose(engine, engine.outputRows() - 1, sampler);
    if (limits.stopAtEndOfText && contains(ends, id)) {
      report.reason = StopReason::EndOfText;
      break;
    }
    report.tokens += 1;
    if (!use(id)) {
      report.reason = StopReason::Caller;
      break;
    }
    if (report.tokens == limits.maxTokens)
      break;
    if (engine.length(sequence) == engine.context()) {
      report.reason = StopReason::Context;
      break;
    }
    Feed next{sequence, {&id, 1}};
    engine.step({&next, 1});
  }
  report.decodeSeconds = watch.lap();
  return report;
}

std::vector<int32_t> attune::generateGreedily(Engine &engine, int sequence, std::span<const int32_t> prompt,
                                              int64_t count) {
  std::vector<int32_t> ids;
  if (count <= 0)
    return ids;
  engine.requireRoom(sequence, static_cast<int64_t>(prompt.size()) + count - 1);
  engine.feed({sequence, prompt});
  for (;;) {
    ids.push_back(argmax(engine, engine.outputRows() - 1));
    if (static_cast<int64_t>(ids.size()) == count)
      return ids;
    Feed next{sequence, {&ids.back(), 1}};
    engine.step({&next, 1});
  }
}
