// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/BeamSearch.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

using namespace attune;

static constexpr double Impossible = -std::numeric_limits<double>::infinity();

BeamSearch::BeamSearch(BeamOptions given) : options(std::move(given)) {
  if (options.beams < 1)
    throw Error(fmt::format("{} beams: there must be at least 1", options.beams));
  if (options.maxTokens < 1)
    throw Error(fmt::format("at most {} tokens: there must be room for 1", options.maxTokens));
  if (options.minTokens < 0 || options.noRepeat < 0)
    throw Error(fmt::format("a least length of {} and stretches of {} tokens: neither can be below 0",
                            options.minTokens, options.noRepeat));
  if (!(options.repetitionPenalty > 0))
    throw Error(
        fmt::format("a penalty of {} for repetitions: it must be above 0", options.repetitionPenalty));
  running.push_back({{options.start}, 0, 0});
}

bool BeamSearch::isEnd(int32_t id) const { return std::ranges::find(options.ends, id) != options.ends.end(); }

/// Ids that may not follow become impossible.
void BeamSearch::forbid(const Beam &beam, std::vector<double> &scores) const {
  auto refuse = [&](int32_t id) {
    if (id >= 0 && static_cast<size_t>(id) < scores.size())
      scores[static_cast<size_t>(id)] = Impossible;
  };
  if (tokens() < options.minTokens)
    for (int32_t id : options.ends)
      refuse(id);
  for (const std::vector<int32_t> &words : options.banned) {
    std::span<const int32_t> before(words.data(), words.size() - 1);
    if (before.size() <= beam.ids.size() &&
        std::ranges::equal(before, std::span(beam.ids).last(before.size())))
      refuse(words.back());
  }
  if (tokens() == (options.forcedFirst ? 1 : 0))
    for (int32_t id : options.bannedFirst)
      refuse(id);
  auto stretch = static_cast<size_t>(options.noRepeat);
  if (stretch == 0 || beam.ids.size() + 1 < stretch)
    return;
  auto last = std::span(beam.ids).last(stretch - 1);
  for (size_t i = 0; i + stretch <= beam.ids.size(); ++i)
    if (std::ranges::equal(last, std::span(beam.ids).subspan(i, stretch - 1)))
      refuse(beam.ids[i + stretch - 1]);
}

void BeamSearch::penalize(const Beam &beam, std::vector<double> &scores) const {
  if (options.repetitionPenalty == 1)
    return;
  std::set<int32_t> seen(beam.ids.begin(), beam.ids.end());
  for (int32_t id : seen)
    if (id >= 0 && static_cast<size_t>(id) < scores.size()) {
      double &score = scores[static_cast<size_t>(id)];
      score = score < 0 ? score * options.repetitionPenalty : score / options.repetitionPenalty;
    }
}

std::vector<double> BeamSearch::logProbabilities(const Beam &beam, std::span<const float> logits) const {
  // What is not a number counts as minus infinity.
  std::vector<double> scores(logits.begin(), logits.end());
  std::ranges::replace_if(scores, [](double score) { return std::isnan(score); }, Impossible);
  if (options.beams == 1)
    penalize(beam, scores);
  double largest = *std::ranges::max_element(scores), sum = 0;
  if (!std::isfinite(largest))
    throw Error("the model gives no finite logits");
  for (double score : scores)
    sum += std::exp(score - largest);
  for (double &score : scores)
    score -= largest + std::log(sum);
  if (options.beams > 1)
    penalize(beam, scores);
  forbid(beam, scores);
  // What is forced is certain.
  auto force = [&](std::optional<int32_t> id) {
    if (*id < 0 || static_cast<size_t>(*id) >= scores.size())
      throw Error(fmt::format("the token {} is forced, but there are {} logits", *id, scores.size()));
    std::ranges::fill(scores, Impossible);
    scores[static_cast<size_t>(*id)] = 0;
  };
  if (options.forcedFirst && tokens() == 0)
    force(options.forcedFirst);
  if (options.forcedLast && tokens() == options.maxTokens - 1)
    force(options.forcedLast);
  return scores;
}

/// The likeliest ways to go on, best first: enough of them that as many as there are beams do not end.
std::vector<BeamSearch::Candidate>
BeamSearch::candidates(const std::function<std::span<const float>(size_t)> &logits) const {
  size_t ways = std::max<size_t>(2, 1 + options.ends.size()),
         most = ways * static_cast<size_t>(options.beams);
  std::vector<Candidate> all;
  // Equal ones by beam, then by id.
  auto isBetter = [](const Candidate &a, const Candidate &b) {
    return a.sum != b.sum ? a.sum > b.sum : std::tie(a.beam, a.id) < std::tie(b.beam, b.id);
  };
  for (size_t i = 0; i < running.size(); ++i) {
    std::vector<double> scores = logProbabilities(running[i], logits(i));
    std::vector<Candidate> own;
    for (size_t id = 0; id < scores.size(); ++id)
      own.push_back({running[i].sum + scores[id], i, static_cast<int32_t>(id)});
    auto end = own.begin() + static_cast<ptrdiff_t>(std::min(most, own.size()));
    std::partial_sort(own.begin(), end, own.end(), isBetter);
    all.insert(all.end(), own.begin(), end);
  }
  std::ranges::sort(all, isBetter);
  all.resize(std::min(most, all.size()));
  return all;
}

void BeamSearch::finish(const Candidate &candidate) {
  Hypothesis hypothesis;
  const std::vector<int32_t> &ids = running[candidate.beam].ids;
  hypothesis.ids.assign(ids.begin() + 1, ids.end());
  hypothesis.ids.push_back(candidate.id);
  hypothesis.score =
      candidate.sum / std::pow(static_cast<double>(hypothesis.ids.size()), options.lengthPenalty);
  auto place = std::ranges::upper_bound(finished, hypothesis.score, std::greater(), &Hypothesis::score);
  finished.insert(place, std::move(hypothesis));
  finished.resize(std::min(finished.size(), static_cast<size_t>(options.beams)));
}

/// Whether an unfinished sequence may still get among the best.
bool BeamSearch::canImprove() const {
  if (running.empty())
    return false;
  if (static_cast<int64_t>(finished.size()) < options.beams)
    return true;
  if (options.earlyStopping == EarlyStopping::Yes || options.beams == 1) // one beam never looks back
    return false;
  bool mayGrow = options.earlyStopping == EarlyStopping::Never && options.lengthPenalty > 0;
  int64_t longest = mayGrow ? options.maxTokens : tokens();
  return running.front().sum / std::pow(static_cast<double>(longest), options.lengthPenalty) >
         finished.back().score;
}

bool BeamSearch::advance(const std::function<std::span<const float>(size_t)> &logits) {
  std::vector<Candidate> next = candidates(logits);
  bool isLast = tokens() + 1 >= options.maxTokens;
  std::vector<Beam> following;
  for (size_t rank = 0; rank < next.size(); ++rank) {
    const Candidate &candidate = next[rank];
    if (candidate.sum == Impossible)
      break;
    // One that ends counts only if it is among the best by now.
    if (isLast || isEnd(candidate.id)) {
      if (rank < static_cast<size_t>(options.beams))
        finish(candidate);
    } else if (static_cast<int64_t>(following.size()) < options.beams) {
      std::vector<int32_t> ids = running[candidate.beam].ids;
      ids.push_back(candidate.id);
      following.push_back({std::move(ids), candidate.sum, candidate.beam});
    }
  }
  if (finished.empty() && following.empty())
    throw Error("no token may follow: what is banned leaves none");
  running = std::move(following);
  return canImprove();
}

Hypothesis BeamSearch::best() const {
  if (!finished.empty())
    return finished.front();
  const Beam &beam = running.front();
  return {{beam.ids.begin() + 1, beam.ids.end()},
          beam.sum / std::pow(static_cast<double>(beam.ids.size() - 1), options.lengthPenalty)};
}
