// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/sampler/Sampler.h"

#include "runtime/Error.h"
#include "runtime/sampler/Exponential.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>
#include <new>
#include <numeric>

using attune::Sampler;
using attune::SamplerOptions;

static size_t allocations = 0;

void *operator new(size_t size) {
  ++allocations;
  if (void *memory = std::malloc(size ? size : 1))
    return memory;
  throw std::bad_alloc();
}
void *operator new[](size_t size) { return operator new(size); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory, size_t) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace {

constexpr float Infinity = std::numeric_limits<float>::infinity();
constexpr float NaN = std::numeric_limits<float>::quiet_NaN();
using Row = std::vector<float>;
using Ids = std::vector<int32_t>;

/// Logits with which softmax gives these probabilities.
Row logitsOf(std::vector<double> probabilities) {
  Row logits;
  for (double probability : probabilities)
    logits.push_back(static_cast<float>(std::log(probability)));
  return logits;
}

Ids kept(const SamplerOptions &options, const Row &logits, const Ids &occurred = {}) {
  Sampler sampler(options, static_cast<int32_t>(logits.size()));
  sampler.observe(occurred);
  Ids ids;
  for (const attune::Candidate &candidate : sampler.candidates(logits))
    ids.push_back(candidate.token);
  return ids;
}

std::string errorOf(auto &&action) {
  try {
    action();
  } catch (const attune::Error &error) {
    return error.what();
  }
  return "no error";
}

std::vector<double> frequencies(const SamplerOptions &options, const Row &logits, int draws) {
  Sampler sampler(options, static_cast<int32_t>(logits.size()));
  std::vector<double> counts(logits.size());
  for (int i = 0; i < draws; ++i)
    counts[sampler.sample(logits)] += 1.0 / draws;
  return counts;
}

TEST(Random, IsTheSameEverywhere) {
  // The published algorithm's state after seeding is (seed + increment) * multiplier + increment; these are
  // the outputs computed from its definition with Python integers.
  attune::Random random(42);
  std::vector<uint32_t> values;
  for (int i = 0; i < 4; ++i)
    values.push_back(random.next());
  EXPECT_EQ(values, (std::vector<uint32_t>{3270867926, 1795671209, 1924641435, 1143034755}));
}

TEST(Random, UnitNumbersAreEven) {
  attune::Random random(1);
  double sum = 0, squares = 0;
  constexpr int Draws = 100000;
  for (int i = 0; i < Draws; ++i) {
    double number = random.nextUnit();
    ASSERT_GE(number, 0);
    ASSERT_LT(number, 1);
    sum += number;
    squares += number * number;
  }
  EXPECT_NEAR(sum / Draws, 1.0 / 2, 0.005);
  EXPECT_NEAR(squares / Draws, 1.0 / 3, 0.005);
}

TEST(Exponential, AgreesWithTheLibrary) {
  for (double x = 0; x > -699; x -= 0.0371)
    EXPECT_NEAR(attune::exponential(x) / std::exp(x), 1, 4e-15) << x;
  EXPECT_EQ(attune::exponential(0), 1);
  EXPECT_EQ(attune::exponential(-std::numeric_limits<double>::infinity()), 0);
  EXPECT_EQ(attune::exponential(-1e300), 0);
}

TEST(Sampler, GreedyTakesTheLargestAndOfEqualOnesTheFirst) {
  EXPECT_EQ(kept({}, {1, 5, 2}), Ids{1});
  EXPECT_EQ(kept({}, {1, 5, 5, 5}), Ids{1});
  EXPECT_EQ(kept({}, {3, 3, 3}), Ids{0});
  EXPECT_EQ(kept({}, {-Infinity, -7, -Infinity}), Ids{1});
  EXPECT_EQ(kept({}, {-0.0f, 0.0f}), Ids{0});
}

TEST(Sampler, TopK) {
  Row logits{1, 4, 2, 5, 3};
  EXPECT_EQ(kept({.temperature = 1, .topK = 1}, logits), Ids{3});
  EXPECT_EQ(kept({.temperature = 1, .topK = 3}, logits), (Ids{1, 3, 4}));
  EXPECT_EQ(kept({.temperature = 1, .topK = 5}, logits), (Ids{0, 1, 2, 3, 4}));
  EXPECT_EQ(kept({.temperature = 1, .topK = 50}, logits), (Ids{0, 1, 2, 3, 4}));
  EXPECT_EQ(kept({.temperature = 1, .topK = 2}, {7, 7, 7, 7}), (Ids{0, 1})) << "ties go to the lower ids";
  EXPECT_EQ(kept({.temperature = 1, .topK = 3}, {1, 2, 2, 2, 9}), (Ids{1, 2, 4}));
  EXPECT_EQ(kept({.temperature = 1, .topK = 3}, {-Infinity, 2, -Infinity, 1}), (Ids{1, 3}));
}

TEST(Sampler, TopP) {
  Row logits = logitsOf({0.1, 0.4, 0.2, 0.3});
  EXPECT_EQ(kept({.temperature = 1, .topP = 0.35}, logits), Ids{1});
  EXPECT_EQ(kept({.temperature = 1, .topP = 0.45}, logits), (Ids{1, 3}))
      << "the one that crosses the sum stays";
  EXPECT_EQ(kept({.temperature = 1, .topP = 0.75}, logits), (Ids{1, 2, 3}));
  EXPECT_EQ(kept({.temperature = 1, .topP = 0.95}, logits), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(kept({.temperature = 1, .topP = 0}, logits), Ids{1}) << "at least one";
  EXPECT_EQ(kept({.temperature = 1, .topP = 0.5}, {2, 2, 2, 2}), (Ids{0, 1}));
}

TEST(Sampler, MinP) {
  Row logits = logitsOf({0.1, 0.4, 0.2, 0.3});
  EXPECT_EQ(kept({.temperature = 1, .minP = 0.6}, logits), (Ids{1, 3}));    // 0.24
  EXPECT_EQ(kept({.temperature = 1, .minP = 0.4}, logits), (Ids{1, 2, 3})); // 0.16
  EXPECT_EQ(kept({.temperature = 1, .minP = 1}, logits), Ids{1});
  EXPECT_EQ(kept({.temperature = 1, .minP = 1}, {4, 4, 1}), (Ids{0, 1}));
}

TEST(Sampler, TemperatureComesBeforeTopPAndMinP) {
  Row logits = logitsOf({0.5, 0.25, 0.125, 0.125});
  // At temperature 2: 1, 0.707, 0.5, 0.5, over 2.707: 0.369, 0.261, 0.185, 0.185.
  EXPECT_EQ(kept({.temperature = 1, .topP = 0.45}, logits), Ids{0});
  EXPECT_EQ(kept({.temperature = 2, .topP = 0.45}, logits), (Ids{0, 1}));
  EXPECT_EQ(kept({.temperature = 1, .minP = 0.6}, logits), Ids{0});
  EXPECT_EQ(kept({.temperature = 2, .minP = 0.6}, logits), (Ids{0, 1}));
}

TEST(Sampler, TopKComesBeforeTopP) {
  Row logits = logitsOf({0.3, 0.25, 0.25, 0.2});
  // Of all, 0.3 + 0.25 reaches 0.54; of the two likeliest, renormalised to 0.545 and 0.455, the first does
  // alone.
  EXPECT_EQ(kept({.temperature = 1, .topP = 0.54}, logits), (Ids{0, 1}));
  EXPECT_EQ(kept({.temperature = 1, .topK = 2, .topP = 0.54}, logits), Ids{0});
}

TEST(Sampler, RepetitionPenalty) {
  // Positive logits are divided, negative ones multiplied; an id that occurs twice counts once.
  EXPECT_EQ(kept({.repetitionPenalty = 2}, {3, 5, 2}, {1, 1}), Ids{0}); // 3, 2.5, 2
  EXPECT_EQ(kept({.repetitionPenalty = 2}, {-3, -2, -5}, {1}), Ids{0}); // -3, -4, -5
  EXPECT_EQ(kept({.repetitionPenalty = 0.5}, {3, 5, 2}, {0}), Ids{0});  // 6, 5, 2
  EXPECT_EQ(kept({.repetitionPenalty = 1}, {3, 5, 2}, {1, 1}), Ids{1});
  EXPECT_EQ(kept({.temperature = 1, .topK = 2, .repetitionPenalty = 2}, {3, 5, 2.75f}, {1}), (Ids{0, 2}))
      << "the penalty comes before top-k";
}

TEST(Sampler, SampledTokensArePenalised) {
  Sampler sampler({.repetitionPenalty = 2}, 3);
  Row logits{4, 3, 2.5f};
  EXPECT_EQ(sampler.sample(logits), 0); // then 2, 3, 2.5
  EXPECT_EQ(sampler.sample(logits), 1); // then 2, 1.5, 2.5
  EXPECT_EQ(sampler.sample(logits), 2);
  EXPECT_EQ(sampler.sample(logits), 0);
  sampler.reset();
  EXPECT_EQ(sampler.sample(logits), 0);
  EXPECT_EQ(sampler.sample(logits), 1);
}

TEST(Sampler, FrequenciesFollowTheDistribution) {
  std::vector<double> probabilities{0.05, 0.5, 0.15, 0.3};
  auto plain = frequencies({.temperature = 1, .seed = 3}, logitsOf(probabilities), 40000);
  for (size_t token = 0; token < 4; ++token) // 4 standard deviations
    EXPECT_NEAR(plain[token], probabilities[token], 4 * std::sqrt(probabilities[token] / 40000)) << token;

  // At temperature 0.5 probabilities are squared: 0.0025, 0.25, 0.0225, 0.09, over 0.365.
  auto sharp = frequencies({.temperature = 0.5, .seed = 4}, logitsOf(probabilities), 40000);
  for (size_t token = 0; token < 4; ++token)
    EXPECT_NEAR(sharp[token], probabilities[token] * probabilities[token] / 0.365, 0.01) << token;

  auto filtered = frequencies({.temperature = 1, .topK = 2, .seed = 5}, logitsOf(probabilities), 40000);
  EXPECT_NEAR(filtered[1], 0.5 / 0.8, 0.01);
  EXPECT_NEAR(filtered[3], 0.3 / 0.8, 0.01);
  EXPECT_EQ(filtered[0] + filtered[2], 0);
}

TEST(Sampler, EqualLogitsAreEquallyLikely) {
  for (const SamplerOptions &options :
       {SamplerOptions{.temperature = 1, .seed = 6}, SamplerOptions{.temperature = 1, .topK = 8, .seed = 7},
        SamplerOptions{.temperature = 1, .minP = 0.5, .seed = 8}})
    for (double frequency : frequencies(options, Row(8, -3.5f), 40000))
      EXPECT_NEAR(frequency, 1.0 / 8, 0.01);
}

TEST(Sampler, TheSeedDecides) {
  Row logits(1000);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = std::fmod(static_cast<float>(i) * 0.37f, 5.0f);
  auto draw = [&](uint64_t seed) {
    Sampler sampler({.temperature = 0.9, .topP = 0.9, .seed = seed}, 1000);
    Ids ids;
    for (int i = 0; i < 20; ++i)
      ids.push_back(sampler.sample(logits));
    return ids;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Sampler, IdsPastTheVocabularyAreNeverChosen) {
  Row logits{1, 2, 3, 4, 5, 6, 99, NaN}; // 8 rows of a head, 6 tokens
  for (const SamplerOptions &options : {SamplerOptions{}, SamplerOptions{.temperature = 5, .seed = 1},
                                        SamplerOptions{.temperature = 5, .topK = 3}}) {
    Sampler sampler(options, 6);
    for (int i = 0; i < 500; ++i)
      EXPECT_LT(sampler.sample(logits), 6);
  }
  EXPECT_EQ(errorOf([] { Sampler({}, 9).sample(Row(8)); }),
            "sampler: a row of 8 logits for a vocabulary of 9 tokens");
}

TEST(Sampler, NegativeInfinityIsNeverChosen) {
  Row logits{-Infinity, 0, -Infinity, -1};
  for (const SamplerOptions &options :
       {SamplerOptions{.temperature = 1000}, SamplerOptions{.temperature = 1000, .topK = 3},
        SamplerOptions{.temperature = 1000, .topP = 0.999},
        SamplerOptions{.temperature = 1000, .minP = 0.001}}) {
    auto counts = frequencies(options, logits, 2000);
    EXPECT_EQ(counts[0] + counts[2], 0);
    EXPECT_GT(counts[3], 0);
  }
}

TEST(Sampler, RowsThatAreNotNumbersAreErrors) {
  for (const SamplerOptions &options :
       {SamplerOptions{}, SamplerOptions{.temperature = 1},
        SamplerOptions{.temperature = 1, .topK = 2, .topP = 0.9, .minP = 0.1}}) {
    auto errorFor = [&](const Row &row) {
      return errorOf([&] { Sampler(options, static_cast<int32_t>(row.size())).sample(row); });
    };
    EXPECT_EQ(errorFor({1, 2, NaN}), "sampler: the logit of token 2 is nan, expected a finite number");
    EXPECT_EQ(errorFor({1, Infinity, 3}), "sampler: the logit of token 1 is inf, expected a finite number");
    EXPECT_EQ(errorFor({-Infinity, -Infinity}), "sampler: all 2 logits are -inf, no token can be chosen");
  }
}

TEST(Sampler, ExtremeLogitsAreHandled) {
  float most = std::numeric_limits<float>::max();
  EXPECT_EQ(kept({.temperature = 1, .minP = 0.1}, {-most, most, 0}), Ids{1});
  EXPECT_EQ(kept({.temperature = 1e-300, .topP = 0.9}, {1, 1.0001f, 0}), Ids{1});
  EXPECT_EQ(frequencies({.temperature = 1}, {-most, most}, 100)[0], 0);
  EXPECT_EQ(kept({.temperature = 1}, {42}), Ids{0});
}

TEST(Sampler, BadOptionsAreNamed) {
  auto errorFor = [](const SamplerOptions &options) { return errorOf([&] { Sampler(options, 10); }); };
  EXPECT_EQ(errorFor({.temperature = -1}),
            "sampler option temperature: -1 is outside the allowed range 0 to 1000");
  EXPECT_EQ(errorFor({.temperature = NaN}),
            "sampler option temperature: nan is outside the allowed range 0 to 1000");
  EXPECT_EQ(errorFor({.topK = -3}),
            "sampler option top-k: -3 is outside the allowed range 0 (all tokens) and up");
  EXPECT_EQ(errorFor({.topP = 1.5}), "sampler option top-p: 1.5 is outside the allowed range 0 to 1");
  EXPECT_EQ(errorFor({.minP = -0.25}), "sampler option min-p: -0.25 is outside the allowed range 0 to 1");
  EXPECT_EQ(errorFor({.repetitionPenalty = 0}),
            "sampler option repetition-penalty: 0 is outside the allowed range 0.01 to 100");
  EXPECT_EQ(errorOf([] { Sampler({}, 0); }), "sampler: vocabulary of 0 tokens, expected at least 1");
  for (int32_t token : {-1, 10})
    EXPECT_EQ(errorOf([&] { Sampler({}, 10).observe({&token, 1}); }),
              fmt::format("sampler: token {} is outside the vocabulary of 10 tokens", token));
}

/// The filters by their definitions on a fully sorted row.
Ids keptByDefinition(const SamplerOptions &options, const Row &logits) {
  Ids ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::sort(ids.begin(), ids.end(),
            [&](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  if (options.topK)
    ids.resize(std::min<size_t>(options.topK, ids.size()));
  auto weight = [&](int32_t id) {
    return std::exp((double(logits[id]) - logits[ids[0]]) / options.temperature);
  };
  double total = 0, before = 0;
  for (int32_t id : ids)
    total += weight(id);
  Ids result;
  for (int32_t id : ids) {
    bool inTopP = options.topP == 1 || before < options.topP * total;
    if (result.empty() || (inTopP && weight(id) >= options.minP))
      result.push_back(id);
    before += weight(id);
  }
  return result;
}

TEST(Sampler, PartialSelectionAgreesWithAFullSort) {
  attune::Random random(9);
  for (int round = 0; round < 60; ++round) {
    Row logits(1 + random.next() % 3000);
    for (float &logit : logits) // few distinct values in some rounds, so that ties cross the boundaries
      logit =
          round % 3 == 0 ? static_cast<float>(random.next() % 5) : static_cast<float>(random.nextUnit() * 12);
    for (int64_t topK : {0, 1, 5, 40, 2999})
      for (double topP : {1.0, 0.9, 0.3})
        for (double minP : {0.0, 0.05}) {
          SamplerOptions options{.temperature = 0.8, .topK = topK, .topP = topP, .minP = minP};
          Ids ids = kept(options, logits), expected = keptByDefinition(options, logits);
          std::sort(expected.begin(), expected.end());
          ASSERT_EQ(ids, expected) << "round " << round << " k " << topK << " p " << topP << " min-p "
                                   << minP;
        }
  }
}

/// What a device says of a row; `error` is that of its sum, relative.
struct Best {
  Best(const Row &logits, size_t count, double temperature, double error = 0) : row(logits.size()) {
    Ids order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, std::less(), [&](int32_t id) { return std::pair(-logits[id], id); });
    for (float logit : logits)
      mass += std::exp((logit - logits[order[0]]) / temperature) * (1 + error);
    for (size_t i = 0; i < count; ++i) {
      bool isToken = i < order.size() && logits[order[i]] > -Infinity;
      tokens.push_back(isToken ? order[i] : -1);
      values.push_back(isToken ? logits[order[i]] : -Infinity);
    }
  }
  attune::LikeliestTokens get() const { return {tokens, values, mass, row}; }

  Ids tokens;
  Row values;
  double mass = 0;
  size_t row;
};

TEST(Sampler, LikeliestTokensDoForTheRow) {
  attune::Random random(5);
  for (SamplerOptions options : {SamplerOptions{.temperature = 1, .topK = 1},
                                 {.temperature = 0.7, .topK = 16},
                                 {.temperature = 2, .topK = 40, .topP = 0.7},
                                 {.temperature = 1, .topK = 20, .topP = 0.9, .minP = 0.1},
                                 {.temperature = 0.6, .topP = 0.8},
                                 {.temperature = 1, .topP = 0},
                                 {.temperature = 0.8, .minP = 0.05},
                                 {.temperature = 0.9, .topP = 0.95, .minP = 0.02}}) {
    int known = 0, rows = 300;
    for (size_t width : {size_t{50}, size_t{400}}) {
      Sampler whole(options, static_cast<int32_t>(width)), best(options, static_cast<int32_t>(width));
      ASSERT_TRUE(best.takesCandidates(64));
      for (int i = 0; i < rows; ++i) {
        Row logits(width);
        for (float &logit : logits) // many are equal
          logit = std::round(static_cast<float>(random.nextUnit()) * 12 * static_cast<float>(i % 7)) / 4;
        double error = (random.nextUnit() - 0.5) * 1e-4;
        std::optional<int32_t> chosen = best.sample(Best(logits, 64, options.temperature, error).get());
        known += chosen.has_value();
        ASSERT_EQ(chosen ? *chosen : best.sample(logits), whole.sample(logits))
            << width << ", top-k " << options.topK << ", top-p " << options.topP << ", row " << i;
      }
    }
    EXPECT_GT(known, rows) << "top-k " << options.topK << ", top-p " << options.topP;
  }
}

TEST(Sampler, LikeliestTokensAreNotAlwaysEnough) {
  Row logits(200, 1.f);
  logits[7] = 3;
  auto draws = [&](const SamplerOptions &options, int32_t vocabulary, const attune::LikeliestTokens &best) {
    return Sampler(options, vocabulary).sample(best).has_value();
  };
  Best best(logits, 64, 1);
  EXPECT_TRUE(draws({.temperature = 1, .topK = 64}, 200, best.get()));
  // Options that look at more, or at other logits.
  for (SamplerOptions options : {SamplerOptions{.temperature = 1},
                                 {.temperature = 1, .topK = 65},
                                 {.temperature = 1, .topK = 5, .repetitionPenalty = 1.1},
                                 {.topK = 5}}) {
    EXPECT_FALSE(Sampler(options, 200).takesCandidates(64));
    EXPECT_FALSE(draws(options, 200, best.get()));
  }
  // Probabilities of which the likeliest tokens do not make enough, or just enough.
  EXPECT_TRUE(draws({.temperature = 1, .topP = 0.03}, 200, best.get()));
  EXPECT_FALSE(draws({.temperature = 1, .topP = 0.9}, 200, best.get()));
  double first = 1 / best.mass;
  EXPECT_FALSE(draws({.temperature = 1, .topP = first}, 200, best.get()));
  EXPECT_TRUE(draws({.temperature = 1, .minP = 0.5}, 200, best.get()));
  EXPECT_FALSE(draws({.temperature = 1, .minP = 0.1}, 200, best.get()));
  // Ids past the vocabulary take places, and parts of the sum.
  EXPECT_TRUE(draws({.temperature = 1, .topK = 8}, 8, best.get()));
  EXPECT_FALSE(draws({.temperature = 1, .topK = 8}, 7, best.get()));
  EXPECT_FALSE(draws({.temperature = 1, .topP = 0.03}, 199, best.get()));
  EXPECT_FALSE(draws({.temperature = 1, .topK = 8}, 201, best.get()));
  // Nothing to choose from: the row itself is an error.
  best.tokens[0] = -1;
  EXPECT_FALSE(draws({.temperature = 1, .topK = 8}, 200, best.get()));
  // All that can be chosen, although there are few.
  Row few(200, -Infinity);
  few[9] = few[3] = 1;
  EXPECT_TRUE(draws({.temperature = 1, .topP = 0.999}, 200, Best(few, 64, 1).get()));
}

TEST(Sampler, NothingIsAllocatedPerToken) {
  constexpr int Vocabulary = 5000;
  Row logits(Vocabulary);
  attune::Random random(10);
  for (float &logit : logits)
    logit = static_cast<float>(random.nextUnit() * 20);
  for (const SamplerOptions &options :
       {SamplerOptions{}, SamplerOptions{.temperature = 1}, SamplerOptions{.temperature = 1, .topK = 4000},
        SamplerOptions{.temperature = 5, .topP = 0.99, .minP = 0.001, .repetitionPenalty = 1.3}}) {
    Sampler sampler(options, Vocabulary);
    size_t before = allocations;
    for (int i = 0; i < 50; ++i)
      sampler.sample(logits);
    EXPECT_EQ(allocations, before);
  }
}

/// Not a test: prints the time per token at a large vocabulary. Run with --gtest_also_run_disabled_tests.
TEST(Sampler, DISABLED_TimePerToken) {
  constexpr int Vocabulary = 262144, Draws = 100;
  Row logits(Vocabulary);
  attune::Random random(11);
  for (float &logit : logits) // a sum of uniform numbers: bell-shaped, as logits are
    logit = static_cast<float>(
        3 * (random.nextUnit() + random.nextUnit() + random.nextUnit() + random.nextUnit() - 2));
  std::pair<const char *, SamplerOptions> rows[] = {
      {"greedy", {}},
      {"temperature", {.temperature = 1}},
      {"top-k 50", {.temperature = 1, .topK = 50}},
      {"top-p 0.9", {.temperature = 1, .topP = 0.9}},
      {"top-p 0.9 at 0.3", {.temperature = 0.3, .topP = 0.9}},
      {"min-p 0.05", {.temperature = 1, .minP = 0.05}},
      {"top-k 50, top-p 0.9, penalty",
       {.temperature = 1, .topK = 50, .topP = 0.9, .repetitionPenalty = 1.1}}};
  for (const auto &[name, options] : rows) {
    Sampler sampler(options, Vocabulary);
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < Draws; ++i)
      sampler.sample(logits);
    std::chrono::duration<double, std::micro> elapsed = std::chrono::steady_clock::now() - begin;
    fmt::print("{:30} {:8.1f} us per token\n", name, elapsed.count() / Draws);
  }
}

} // namespace
