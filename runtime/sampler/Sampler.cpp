// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/sampler/Sampler.h"

#include "runtime/Error.h"
#include "runtime/sampler/Exponential.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace attune {

namespace {

constexpr float NegativeInfinity = -std::numeric_limits<float>::infinity();

/// `allowed` repeats the condition in words. NaN fails every condition.
void check(bool holds, const char *option, double value, const char *allowed) {
  if (!holds)
    throw Error(fmt::format("sampler option {}: {} is outside the allowed range {}", option, value, allowed));
}

bool isLikelier(const Candidate &a, const Candidate &b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

[[noreturn]] void refuse(std::span<const float> logits) {
  for (size_t token = 0; token < logits.size(); ++token)
    if (std::isnan(logits[token]) || logits[token] > std::numeric_limits<float>::max())
      throw Error(fmt::format("sampler: the logit of token {} is {}, expected a finite number", token,
                              logits[token]));
  throw Error(fmt::format("sampler: all {} logits are -inf, no token can be chosen", logits.size()));
}

/// The largest logit and, of equal ones, its lowest token. Throws if the row cannot be sampled from.
Candidate largestOf(std::span<const float> logits) {
  float largest = NegativeInfinity;
  bool comparable = true;
  for (float logit :
       logits) { // no branches: this is the one pass over the whole row that greedy choice needs
    largest = logit > largest ? logit : largest;
    comparable &= logit == logit;
  }
  if (!comparable || !std::isfinite(largest))
    refuse(logits);
  auto at = std::find(logits.begin(), logits.end(), largest);
  return {static_cast<int32_t>(at - logits.begin()), largest, 1};
}

} // namespace

void SamplerOptions::validate() const {
  check(temperature >= 0 && temperature <= 1000, "temperature", temperature, "0 to 1000");
  if (topK < 0)
    throw Error(
        fmt::format("sampler option top-k: {} is outside the allowed range 0 (all tokens) and up", topK));
  check(topP >= 0 && topP <= 1, "top-p", topP, "0 to 1");
  check(minP >= 0 && minP <= 1, "min-p", minP, "0 to 1");
  check(repetitionPenalty >= 0.01 && repetitionPenalty <= 100, "repetition-penalty", repetitionPenalty,
        "0.01 to 100");
}

Sampler::Sampler(const SamplerOptions &options, int32_t vocabularySize)
    : options(options), vocabularySize(static_cast<size_t>(std::max(vocabularySize, 0))),
      random(options.seed) {
  options.validate();
  if (vocabularySize <= 0)
    throw Error(fmt::format("sampler: vocabulary of {} tokens, expected at least 1", vocabularySize));
  if (options.repetitionPenalty != 1) {
    occurred.resize(this->vocabularySize);
    penalized.reserve(this->vocabularySize);
    scores.resize(this->vocabularySize);
  }
  pool.reserve(options.temperature == 0 ? 1 : this->vocabularySize);
  if (options.topP < 1)
    ranked.reserve(this->vocabularySize);
}

void Sampler::observe(std::span<const int32_t> tokens) {
  for (int32_t token : tokens) {
    if (token < 0 || static_cast<size_t>(token) >= vocabularySize)
      throw Error(
          fmt::format("sampler: token {} is outside the vocabulary of {} tokens", token, vocabularySize));
    if (options.repetitionPenalty == 1 || occurred[token])
      continue;
    occurred[token] = true;
    penalized.push_back(token);
  }
}

void Sampler::reset() {
  for (int32_t token : penalized)
    occurred[token] = false;
  penalized.clear();
  random = Random(options.seed);
}

int32_t Sampler::sample(std::span<const float> logits) {
  std::span<const Candidate> from = candidates(logits);
  int32_t token = options.temperature == 0 ? from.front().token : draw(from).token;
  observe({&token, 1});
  return token;
}

std::span<const Candidate> Sampler::candidates(std::span<const float> logits) {
  if (logits.size() < vocabularySize)
    throw Error(fmt::format("sampler: a row of {} logits for a vocabulary of {} tokens", logits.size(),
                            vocabularySize));
  logits = penalize(logits.first(vocabularySize));
  Candidate largest = largestOf(logits);
  pool.clear();
  if (options.temperature == 0) {
    pool.push_back(largest);
    return pool;
  }
  size_t k = options.topK == 0 ? vocabularySize : std::min<size_t>(options.topK, vocabularySize);
  if (k < vocabularySize)
    takeTopK(logits, k);
  else
    takeAll(logits, largest.logit);
  weigh(largest.logit);
  if (options.topP < 1)
    cutTopP();
  if (options.minP > 0) // the likeliest has weight 1
    std::erase_if(pool, [&](const Candidate &candidate) { return candidate.weight < options.minP; });
  return pool;
}

bool Sampler::takesCandidates(int64_t count) const {
  if (options.temperature == 0 || options.repetitionPenalty != 1)
    return false;
  return options.topK > 0 ? options.topK <= count : options.topP < 1 || options.minP > 0;
}

std::optional<int32_t> Sampler::sample(const LikeliestTokens &best) {
  if (!takesCandidates(static_cast<int64_t>(best.tokens.size())) || best.rowSize < vocabularySize ||
      !fillFrom(best))
    return std::nullopt;
  int32_t token = draw(pool).token;
  observe({&token, 1});
  return token;
}

/// Fills the pool with what candidates() would leave of the row. Returns false if that cannot be known.
bool Sampler::fillFrom(const LikeliestTokens &best) {
  pool.clear();
  bool isComplete = best.tokens.size() >= best.rowSize;
  for (size_t i = 0; i < best.tokens.size(); ++i) {
    if (best.tokens[i] < 0) {
      isComplete = true;
      break;
    }
    if (isChoice(best.tokens[i]))
      pool.push_back({best.tokens[i], best.logits[i], 0});
  }
  if (pool.empty())
    return false;
  if (auto k = static_cast<size_t>(options.topK); k > 0 && k <= pool.size()) {
    pool.resize(k);
    isComplete = true;
  }
  weigh(pool.front().logit);
  if (!isComplete) {
    if (options.topK > 0)
      return false;
    if (options.topP < 1 ? best.rowSize != vocabularySize || !cutByMass(best.mass)
                         : options.minP == 0 || pool.back().weight >= options.minP)
      return false;
  }
  sortById();
  if (isComplete && options.topP < 1)
    cutTopP();
  if (options.minP > 0)
    std::erase_if(pool, [&](const Candidate &candidate) { return candidate.weight < options.minP; });
  return true;
}

/// What cutTopP() does, for the best of a row whose weights have the sum `mass`, which is not exact. Returns
/// false if these are too few, or the sum too close to where the choice would be another one.
bool Sampler::cutByMass(double mass) {
  constexpr double error = 1e-4;
  double least = options.topP * mass * (1 - error), most = options.topP * mass * (1 + error), sum = 0;
  for (size_t i = 0; i < pool.size(); ++i) {
    sum += pool[i].weight;
    if (sum >= most) {
      pool.resize(i + 1);
      return true;
    }
    if (sum >= least)
      break;
  }
  return false;
}

/// The row with the penalty applied, in `scores` if it changes anything.
std::span<const float> Sampler::penalize(std::span<const float> logits) {
  if (penalized.empty())
    return logits;
  std::copy(logits.begin(), logits.end(), scores.begin());
  auto penalty = static_cast<float>(options.repetitionPenalty);
  for (int32_t token : penalized)
    scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty;
  return scores;
}

/// Fills the pool with all tokens that can be drawn. With min-p and without top-p those that min-p will drop
/// are left out at once.
void Sampler::takeAll(std::span<const float> logits, float largest) {
  float least = std::numeric_limits<float>::lowest();
  if (options.minP > 0 && options.topP == 1) { // a little lower than exact: the weights decide
    double exact = largest + options.temperature * std::log(options.minP);
    least = std::max(least, static_cast<float>(exact - std::abs(exact) * 1e-5 - 1e-5));
  }
  for (size_t token = 0; token < logits.size(); ++token)
    if (logits[token] >= least)
      pool.push_back({static_cast<int32_t>(token), logits[token], 0});
}

/// Fills the pool with the k likeliest tokens. Keeps up to 2k + 64 of them while it scans
/// the row, and passes over what cannot be among the best with one comparison each.
void Sampler::takeTopK(std::span<const float> logits, size_t k) {
  size_t room = std::min(2 * k + 64, vocabularySize);
  float least = NegativeInfinity; // of k tokens that came earlier: an equal one that comes later loses
  for (size_t token = 0; token < logits.size(); ++token) {
    if (!(logits[token] > least))
      continue;
    pool.push_back({static_cast<int32_t>(token), logits[token], 0});
    if (pool.size() < room)
      continue;
    std::nth_element(pool.begin(), pool.begin() + (k - 1), pool.end(), isLikelier);
    pool.resize(k);
    least = pool[k - 1].logit;
  }
  if (pool.size() > k) {
    std::nth_element(pool.begin(), pool.begin() + (k - 1), pool.end(), isLikelier);
    pool.resize(k);
  }
  sortById();
}

void Sampler::sortById() {
  std::sort(pool.begin(), pool.end(),
            [](const Candidate &a, const Candidate &b) { return a.token < b.token; });
}

void Sampler::weigh(float largest) {
  for (Candidate &candidate : pool)
    candidate.weight = exponential((static_cast<double>(candidate.logit) - largest) / options.temperature);
}

/// Keeps of the pool the likeliest candidates whose weights first reach topP of the total.
void Sampler::cutTopP() {
  double total = 0;
  for (const Candidate &candidate : pool)
    total += candidate.weight;
  double wanted = options.topP * total;
  // All candidates below this together weigh less than what is cut off, so the last to stay is not among
  // them.
  double least = (total - wanted) / static_cast<double>(pool.size());
  ranked.clear();
  for (const Candidate &candidate : pool)
    if (candidate.weight >= least)
      ranked.push_back(candidate);
  Candidate last = lastToReach(wanted);
  std::erase_if(pool, [&](const Candidate &candidate) { return isLikelier(last, candidate); });
}

/// The first candidate in order of likeliness with which the sum of the weights in `ranked` reaches `wanted`.
/// Halves the part in question without sorting it, until it is small.
Candidate Sampler::lastToReach(double wanted) {
  auto begin = ranked.begin(), end = ranked.end();
  double before = 0;
  while (end - begin > 64) {
    auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, isLikelier);
    double half = before;
    for (auto at = begin; at != middle; ++at)
      half += at->weight;
    if (half >= wanted) {
      end = middle;
    } else {
      before = half;
      begin = middle;
    }
  }
  std::sort(begin, end, isLikelier);
  for (; begin + 1 != end; ++begin)
    if ((before += begin->weight) >= wanted)
      break;
  return *begin;
}

const Candidate &Sampler::draw(std::span<const Candidate> from) {
  double total = 0;
  for (const Candidate &candidate : from)
    total += candidate.weight;
  double left = random.nextUnit() * total;
  const Candidate *last = &from.front();
  for (const Candidate &candidate : from) {
    if (candidate.weight == 0)
      continue;
    last = &candidate;
    if (left < candidate.weight)
      break;
    left -= candidate.weight;
  }
  return *last; // the end is reached only if rounding has left a rest
}

} // namespace attune
