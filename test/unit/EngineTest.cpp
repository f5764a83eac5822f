// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Engine.h"
#include "ErrorText.h"
#include "FakeModel.h"
#include "runtime/engine/Generation.h"
#include "runtime/engine/Score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

using namespace attune;
using namespace attune::test;

namespace {

std::vector<int32_t> someIds(size_t count, int32_t seed = 3) {
  std::vector<int32_t> ids(count);
  for (size_t i = 0; i < count; ++i)
    ids[i] = static_cast<int32_t>((i * 13 + static_cast<size_t>(seed) * 7 + i * i) % vocabulary);
  return ids;
}

void expectLogits(const Engine &engine, int64_t row, std::span<const int32_t> ids) {
  std::vector<float> expected = expectedLogits(ids);
  auto got = engine.logits(row);
  EXPECT_EQ(std::vector<float>(got.begin(), got.end()), expected) << "after " << ids.size() << " tokens";
}

class EngineTest : public testing::Test {
protected:
  void SetUp() override { observed = {}; }
  void TearDown() override { EXPECT_EQ(observed.problem, ""); }
};

TEST_F(EngineTest, ChunksOfAnySizeGiveTheSame) {
  std::vector<int32_t> ids = someIds(37);
  for (int64_t chunk : {1, 2, 5, 36, 37, 38, 512}) {
    observed = {};
    FakeProgram fake(decoderMetadata(40, chunk));
    Engine engine(fake.program);
    int sequence = engine.open();
    engine.feed({sequence, ids});
    EXPECT_EQ(engine.outputRows(), 1);
    expectLogits(engine, 0, ids);
    EXPECT_EQ(engine.length(sequence), 37);
    EXPECT_EQ(observed.tokens, 37);
    EXPECT_EQ(observed.mostTokens, std::min<int64_t>(chunk, 37));
    EXPECT_EQ(observed.calls, (37 + chunk - 1) / chunk);
  }
}

TEST_F(EngineTest, AllRowsComeInOrder) {
  std::vector<int32_t> ids = someIds(21);
  FakeProgram fake(decoderMetadata(40, 8));
  Engine engine(fake.program);
  int sequence = engine.open();
  int64_t seen = 0;
  engine.feed({sequence, ids, {}, Rows::All}, [&](int64_t first, int64_t count) {
    EXPECT_EQ(first, seen);
    for (int64_t i = 0; i < count; ++i)
      expectLogits(engine, i, std::span(ids).first(static_cast<size_t>(first + i + 1)));
    seen += count;
  });
  EXPECT_EQ(seen, 21);
}

TEST_F(EngineTest, SequencesOfAStepDoNotMix) {
  FakeProgram fake(decoderMetadata(30, 64));
  Engine engine(fake.program, {.context = 30, .sequences = 3});
  int a = engine.open(), b = engine.open(), c = engine.open();
  std::vector<int32_t> x = someIds(9, 1), y = someIds(20, 2), z = someIds(1, 5);
  std::vector<Feed> feeds = {{b, y, {}, Rows::Last}, {a, x, {}, Rows::None}, {c, z, {}, Rows::All}};
  engine.step(feeds);
  EXPECT_EQ(engine.outputRows(), 2);
  expectLogits(engine, 0, y);
  expectLogits(engine, 1, z);

  // A token for each, in another order.
  std::vector<int32_t> next = {4, 5, 6};
  feeds = {{c, {&next[0], 1}}, {a, {&next[1], 1}}, {b, {&next[2], 1}}};
  engine.step(feeds);
  z.push_back(4), x.push_back(5), y.push_back(6);
  expectLogits(engine, 0, z);
  expectLogits(engine, 1, x);
  expectLogits(engine, 2, y);
}

TEST_F(EngineTest, TruncateForgetsAndClosedSequencesAreFree) {
  FakeProgram fake(decoderMetadata(30, 4));
  Engine engine(fake.program);
  int sequence = engine.open();
  EXPECT_EQ(errorOf([&] { engine.open(); }), "all 1 sequences are taken");
  std::vector<int32_t> ids = someIds(12), other = someIds(6, 9);
  engine.feed({sequence, ids});
  engine.truncate(sequence, 5);
  engine.feed({sequence, other});
  std::vector<int32_t> joined(ids.begin(), ids.begin() + 5);
  joined.insert(joined.end(), other.begin(), other.end());
  expectLogits(engine, 0, joined);

  engine.close(sequence);
  sequence = engine.open();
  EXPECT_EQ(engine.length(sequence), 0);
  engine.feed({sequence, other});
  expectLogits(engine, 0, other);
}

TEST_F(EngineTest, LimitsAreGuardedBeforeAnythingRuns) {
  FakeProgram fake(decoderMetadata(10, 4));
  Engine engine(fake.program);
  int sequence = engine.open();
  EXPECT_EQ(errorOf([&] { engine.feed({sequence, someIds(11)}); }),
            "11 tokens do not fit: the context holds 10");
  std::vector<int32_t> bad = {1, 2, 3, 4, 5, 50};
  EXPECT_EQ(errorOf([&] { engine.feed({sequence, bad}); }),
            "token 5 has the id 50, but the vocabulary has 50 ids (0 to 49)");
  bad[5] = -1;
  EXPECT_NE(errorOf([&] { engine.feed({sequence, bad}); }).find("id -1"), std::string::npos);
  EXPECT_EQ(engine.length(sequence), 0);
  EXPECT_EQ(observed.calls, 0);
  engine.feed({sequence, someIds(8)});
  EXPECT_EQ(errorOf([&] { engine.feed({sequence, someIds(3)}); }),
            "3 tokens do not fit: the context holds 10 and 8 are in use");
  std::vector<int32_t> one = {1};
  std::vector<Feed> twice = {{sequence, one}, {sequence, one}};
  EXPECT_EQ(errorOf([&] { engine.step(twice); }), "sequence 0 occurs twice in a step");
  EXPECT_NE(errorOf([&] { engine.feed({sequence, {}}); }), "no error");
  EXPECT_NE(errorOf([&] { engine.feed({7, one}); }), "no error");
  EXPECT_NE(errorOf([&] { Engine(fake.program, {.context = 11}); }), "no error");
}

TEST_F(EngineTest, StepsTakeNoMemory) {
  FakeProgram fake(decoderMetadata(100, 16));
  Engine engine(fake.program);
  int sequence = engine.open();
  engine.feed({sequence, someIds(1)});
  const void *first = engine.result("logits").data;
  engine.feed({sequence, someIds(16), {}, Rows::All});
  EXPECT_EQ(engine.result("logits").data, first);
}

TEST_F(EngineTest, EncodersSeeEachTextAlone) {
  FakeProgram fake(encoderMetadata(20));
  Engine engine(fake.program);
  std::vector<int32_t> x = someIds(9, 1), y = someIds(13, 2), types(13, 1);
  std::vector<Feed> feeds = {{0, x, {}, Rows::All}, {0, y, types, Rows::All}};
  engine.step(feeds);
  ASSERT_EQ(engine.outputRows(), 22);
  const float *hidden = engine.result("last_hidden_state").floats();
  for (size_t i = 0; i < 22; ++i) {
    const std::vector<int32_t> &text = i < 9 ? x : y;
    size_t position = i < 9 ? i : i - 9;
    EXPECT_EQ(hidden[i * 5], static_cast<float>(text[position]));
    EXPECT_EQ(hidden[i * 5 + 1], static_cast<float>(position));
    EXPECT_EQ(hidden[i * 5 + 2], static_cast<float>(text.size()));
    EXPECT_EQ(hidden[i * 5 + 3], static_cast<float>(std::accumulate(text.begin(), text.end(), 0)));
    EXPECT_EQ(hidden[i * 5 + 4], i < 9 ? 0.f : 1.f);
  }
  EXPECT_EQ(errorOf([&] { engine.feed({0, someIds(21), {}, Rows::All}); }),
            "21 tokens do not fit: the context holds 20");
}

TEST_F(EngineTest, TokenTypesThatTheModelDoesNotHave) {
  FakeProgram fake(encoderMetadata(20));
  Engine engine(fake.program);
  std::vector<int32_t> ids = someIds(3), types = {0, 9, 1}, few = {0};
  EXPECT_EQ(errorOf([&] { engine.feed({0, ids, types, Rows::All}); }),
            "token 1 has the type 9, but the model has 9 token types (0 to 8)");
  types[1] = -1;
  EXPECT_EQ(errorOf([&] { engine.feed({0, ids, types, Rows::All}); }),
            "token 1 has the type -1, but the model has 9 token types (0 to 8)");
  EXPECT_EQ(errorOf([&] { engine.feed({0, ids, few, Rows::All}); }), "1 token types for 3 ids");
  EXPECT_EQ(observed.calls, 0);
}

TEST_F(EngineTest, UncountedTokensHaveTheRowBeforeTheFirst) {
  nlohmann::json metadata = encoderMetadata(20);
  metadata["position_ids"] = {{"offset", 2}, {"uncounted", 7}};
  metadata["entries"][0]["arguments"][3] = {
      {"name", "position_ids"}, {"role", "input"}, {"type", "i32"}, {"shape", {"tokens"}}};
  FakeProgram fake(metadata);
  Engine engine(fake.program);
  std::vector<int32_t> ids = {7, 3, 7, 7, 4};
  EXPECT_EQ(errorOf([&] { engine.feed({0, ids, {}, Rows::All}); }), "no error");
  const float *hidden = engine.result("last_hidden_state").floats();
  const float expected[] = {1, 2, 1, 1, 3}; // the fake model gives them for types
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(hidden[i * 5 + 1], static_cast<float>(i)); // keys are stored by plain positions
    EXPECT_EQ(hidden[i * 5 + 4], expected[i]) << i;
  }
}

std::vector<int32_t> continueGreedily(std::vector<int32_t> ids, size_t count) {
  std::vector<int32_t> chosen;
  while (chosen.size() < count) {
    chosen.push_back(expectedNext(ids));
    ids.push_back(chosen.back());
  }
  return chosen;
}

struct Generated {
  std::vector<int32_t> ids;
  GenerationReport report;
};

Generated generateWith(const Program &program, const std::vector<int32_t> &prompt, GenerationLimits limits) {
  Engine engine(program);
  Sampler sampler({}, vocabulary);
  Generated result;
  result.report = generate(engine, engine.open(), prompt, sampler, limits, [&](int32_t id) {
    result.ids.push_back(id);
    return true;
  });
  return result;
}

TEST_F(EngineTest, GenerationGoesOnUntilSomethingEndsIt) {
  std::vector<int32_t> prompt = someIds(7), expected = continueGreedily(prompt, 13);
  nlohmann::json metadata = decoderMetadata(20, 4);
  metadata["tokens"] = {{"eos", {49}}};
  FakeProgram fake(metadata);
  ASSERT_EQ(std::ranges::count(expected, 49), 0);
  Generated some = generateWith(fake.program, prompt, {.maxTokens = 5});
  EXPECT_EQ(some.ids, std::vector<int32_t>(expected.begin(), expected.begin() + 5));
  EXPECT_EQ(some.report.reason, StopReason::MaxTokens);
  EXPECT_EQ(generateWith(fake.program, prompt, {.maxTokens = 0}).ids.size(), 0u);

  // 7 tokens of 20 leave room for 13; the last one chosen need not be fed.
  Generated all = generateWith(fake.program, prompt, {});
  EXPECT_EQ(all.ids, continueGreedily(prompt, 14));
  EXPECT_EQ(all.report.reason, StopReason::Context);

  metadata["tokens"] = {{"eos", {49, expected[3]}}};
  FakeProgram ending(metadata);
  Generated ended = generateWith(ending.program, prompt, {});
  EXPECT_EQ(ended.report.reason, StopReason::EndOfText);
  EXPECT_EQ(ended.ids, std::vector<int32_t>(expected.begin(), std::ranges::find(expected, expected[3])));
  EXPECT_EQ(generateWith(ending.program, prompt, {.maxTokens = 9, .stopAtEndOfText = false}).ids.size(), 9u);
}

TEST_F(EngineTest, PromptsAroundTheContext) {
  FakeProgram fake(decoderMetadata(10, 4));
  EXPECT_EQ(generateWith(fake.program, someIds(9), {}).ids, continueGreedily(someIds(9), 2));
  Generated full = generateWith(fake.program, someIds(10), {});
  EXPECT_EQ(full.ids, continueGreedily(someIds(10), 1));
  EXPECT_EQ(full.report.reason, StopReason::Context);
  EXPECT_EQ(errorOf([&] { generateWith(fake.program, someIds(11), {}); }),
            "11 tokens do not fit: the context holds 10");
  EXPECT_NE(errorOf([&] { generateWith(fake.program, {}, {}); }), "no error");
}

TEST_F(EngineTest, GreedyIgnoresEndOfText) {
  std::vector<int32_t> prompt = someIds(5);
  nlohmann::json metadata = decoderMetadata(20, 4);
  metadata["tokens"] = {{"eos", {expectedNext(prompt)}}};
  FakeProgram fake(metadata);
  Engine engine(fake.program);
  EXPECT_EQ(generateGreedily(engine, engine.open(), prompt, 16), continueGreedily(prompt, 16));
}

TEST_F(EngineTest, ArgmaxTakesTheFirstOfEqualOnes) {
  std::vector<float> logits(100, -1.f);
  logits[37] = logits[90] = 2.f;
  EXPECT_EQ(argmax(logits), 37);
  logits[3] = std::nanf("");
  logits[99] = 3.f;
  EXPECT_EQ(argmax(logits), 99);
  EXPECT_EQ(argmax(std::vector<float>{-INFINITY, -5.f}), 1);
}

double expectedScore(std::span<const int32_t> before, int32_t id) {
  double sum = 0;
  std::vector<float> logits = expectedLogits(before);
  for (float logit : logits)
    sum += std::exp(static_cast<double>(logit));
  return static_cast<double>(logits[static_cast<size_t>(id)]) - std::log(sum);
}

TEST_F(EngineTest, ScoresAreLogProbabilities) {
  FakeProgram fake(decoderMetadata(30, 8));
  Engine engine(fake.program);
  std::vector<int32_t> ids = someIds(27);
  std::vector<double> scores = Scorer(engine).score(ids);
  ASSERT_EQ(scores.size(), 26u);
  double sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(scores[i], expectedScore(std::span(ids).first(i + 1), ids[i + 1]), 1e-5);
    sum += scores[i];
  }
  EXPECT_NEAR(perplexity(scores), std::exp(-sum / 26), 1e-9);
  EXPECT_NE(errorOf([&] { Scorer(engine).score(someIds(1)); }), "no error");
}

TEST_F(EngineTest, LongTextsAreScoredInWindows) {
  nlohmann::json metadata = decoderMetadata(10, 4);
  std::vector<int32_t> ids = someIds(33);
  for (bool begins : {false, true}) {
    if (begins)
      metadata["tokens"] = {{"bos", ids[0]}};
    FakeProgram fake(metadata);
    Engine engine(fake.program);
    std::vector<double> scores = Scorer(engine, 4).score(ids);
    ASSERT_EQ(scores.size(), 32u);
    for (size_t i = 0; i < scores.size(); ++i) {
      // Windows begin every 4 tokens; a token belongs to the first window that reaches it.
      size_t target = i + 1, first = 0;
      while (target >= first + (begins && first ? 9 : 10))
        first += 4;
      std::vector<int32_t> before(ids.begin() + static_cast<ptrdiff_t>(first),
                                  ids.begin() + static_cast<ptrdiff_t>(target));
      if (begins && first)
        before.insert(before.begin(), ids[0]);
      EXPECT_NEAR(scores[i], expectedScore(before, ids[target]), 1e-5) << i;
    }
  }
}

} // namespace
