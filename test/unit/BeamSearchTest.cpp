// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Beam search on a made-up model of four tokens, whose best sequences can be found by trying them all.
#include "runtime/engine/BeamSearch.h"
#include "runtime/Error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

using namespace attune;

namespace {

constexpr int32_t End = 3;

/// What may follow a sequence: depends on all of it.
std::vector<float> logitsAfter(const std::vector<int32_t> &ids) {
  std::vector<float> logits(4);
  double state = 1;
  for (int32_t id : ids)
    state = std::fmod(state * 7 + id * 3 + 1, 11);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>(std::fmod(state * (i + 2) * 1.7 + i, 3.1));
  logits[End] -= 0.5f;
  return logits;
}

double logProbability(const std::vector<float> &logits, int32_t id) {
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(logit);
  return logits[static_cast<size_t>(id)] - std::log(sum);
}

Hypothesis search(const BeamOptions &options) {
  BeamSearch beams(options);
  std::vector<std::vector<float>> rows;
  do {
    rows.clear();
    for (const BeamSearch::Beam &beam : beams.beams())
      rows.push_back(logitsAfter(beam.ids));
  } while (beams.advance([&](size_t i) { return std::span<const float>(rows[i]); }));
  return beams.best();
}

/// The best of all sequences that end, or are as long as they may be.
Hypothesis best(const BeamOptions &options, std::vector<int32_t> ids = {0}, double sum = 0) {
  Hypothesis result{{}, -1e30};
  for (int32_t id = 0; id < 4; ++id) {
    std::vector<int32_t> longer = ids;
    longer.push_back(id);
    double total = sum + logProbability(logitsAfter(ids), id);
    Hypothesis found{{longer.begin() + 1, longer.end()},
                     total / std::pow(static_cast<double>(longer.size() - 1), options.lengthPenalty)};
    if (id != End && static_cast<int64_t>(longer.size()) <= options.maxTokens)
      found = best(options, longer, total);
    if (found.score > result.score)
      result = found;
  }
  return result;
}

BeamOptions small(int64_t beams, int64_t maxTokens) {
  BeamOptions options;
  options.beams = beams;
  options.maxTokens = maxTokens;
  options.ends = {End};
  return options;
}

TEST(BeamSearch, EnoughBeamsFindTheBest) {
  for (double penalty : {0.0, 0.6, 1.0, 2.0}) {
    BeamOptions options = small(64, 4);
    options.lengthPenalty = penalty;
    options.earlyStopping = EarlyStopping::Never;
    Hypothesis want = best(options), got = search(options);
    EXPECT_EQ(got.ids, want.ids) << penalty;
    EXPECT_NEAR(got.score, want.score, 1e-6) << penalty;
  }
}

TEST(BeamSearch, OneBeamTakesTheLikeliestToken) {
  BeamOptions patient = small(1, 7);
  patient.earlyStopping = EarlyStopping::Never;
  patient.lengthPenalty = 3;
  Hypothesis got = search(patient);
  EXPECT_EQ(got.ids, search(small(1, 7)).ids);
  std::vector<int32_t> ids = {0};
  while (ids.size() < 8 && ids.back() != End) {
    std::vector<float> logits = logitsAfter(ids);
    ids.push_back(static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin()));
  }
  EXPECT_EQ(got.ids, std::vector<int32_t>(ids.begin() + 1, ids.end()));
}

TEST(BeamSearch, MoreBeamsAreNotWorse) {
  double before = -1e30;
  for (int64_t beams : {1, 4, 64}) {
    BeamOptions options = small(beams, 5);
    options.earlyStopping = EarlyStopping::Never;
    double score = search(options).score;
    EXPECT_GE(score, before) << beams;
    before = score;
  }
}

TEST(BeamSearch, ForcedTokens) {
  BeamOptions options = small(4, 5);
  options.forcedFirst = 2;
  options.forcedLast = End;
  options.minTokens = 5;
  Hypothesis got = search(options);
  ASSERT_EQ(got.ids.size(), 5u);
  EXPECT_EQ(got.ids.front(), 2);
  EXPECT_EQ(got.ids.back(), End);
}

TEST(BeamSearch, BannedWords) {
  BeamOptions options = small(4, 6);
  std::vector<int32_t> free = search(options).ids;
  ASSERT_GE(free.size(), 2u);
  options.banned = {{free[0], free[1]}};
  std::vector<int32_t> other = search(options).ids;
  for (size_t i = 0; i + 1 < other.size(); ++i)
    EXPECT_FALSE(other[i] == free[0] && other[i + 1] == free[1]);
  options.banned = {{free[0]}};
  EXPECT_EQ(std::ranges::count(search(options).ids, free[0]), 0);
}

TEST(BeamSearch, BannedAsFirstWord) {
  BeamOptions options = small(4, 6);
  int32_t first = search(options).ids.front();
  options.bannedFirst = {first};
  EXPECT_NE(search(options).ids.front(), first);
  // One that is forced is not chosen: the next one is the first.
  options.forcedFirst = first;
  options.bannedFirst.clear();
  std::vector<int32_t> ids = search(options).ids;
  ASSERT_GE(ids.size(), 2u);
  options.bannedFirst = {first, ids[1]};
  std::vector<int32_t> other = search(options).ids;
  EXPECT_EQ(other.front(), first);
  EXPECT_NE(other[1], ids[1]);
}

TEST(BeamSearch, RepetitionsAreLessLikely) {
  for (int64_t beams : {1, 3}) {
    BeamOptions options = small(beams, 8);
    options.ends = {};
    auto distinct = [&](double penalty) {
      options.repetitionPenalty = penalty;
      std::vector<int32_t> ids = search(options).ids;
      return std::set<int32_t>(ids.begin(), ids.end()).size();
    };
    EXPECT_LT(distinct(1), distinct(50)) << beams;
  }
}

TEST(BeamSearch, NoStretchComesTwice) {
  BeamOptions options = small(3, 8);
  options.minTokens = 8;
  options.noRepeat = 2;
  std::vector<int32_t> ids = search(options).ids;
  ids.insert(ids.begin(), 0);
  std::map<std::pair<int32_t, int32_t>, int> pairs;
  for (size_t i = 0; i + 1 < ids.size(); ++i)
    EXPECT_EQ(++pairs[std::pair(ids[i], ids[i + 1])], 1);
}

TEST(BeamSearch, EarlyStoppingTakesWhatIsThere) {
  BeamOptions options = small(2, 11);
  options.earlyStopping = EarlyStopping::Never;
  double patient = search(options).score;
  options.earlyStopping = EarlyStopping::Yes;
  EXPECT_LE(search(options).score, patient);
}

TEST(BeamSearch, RefusesWhatIsNoSearch) {
  EXPECT_THROW(BeamSearch(small(0, 4)), Error);
  EXPECT_THROW(BeamSearch(small(2, 0)), Error);
  BeamOptions negative = small(2, 4);
  negative.noRepeat = -1;
  EXPECT_THROW(BeamSearch{negative}, Error);
  BeamOptions penalty = small(2, 4);
  penalty.repetitionPenalty = 0;
  EXPECT_THROW(BeamSearch{penalty}, Error);
  BeamOptions beyond = small(2, 4);
  beyond.forcedFirst = 4;
  EXPECT_THROW(search(beyond), Error);
  std::vector<float> nothing(4, std::nanf(""));
  BeamSearch lost(small(2, 4));
  EXPECT_THROW(lost.advance([&](size_t) { return std::span<const float>(nothing); }), Error);
  BeamOptions options = small(2, 4);
  options.banned = {{0}, {1}, {2}, {3}};
  EXPECT_THROW(search(options), Error);
}

} // namespace
