// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FakeModel.h"
#include "runtime/capi/Handles.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace attune;
using namespace attune::test;

namespace {

class CApiTest : public testing::Test {
protected:
  void SetUp() override {
    observed = {};
    payload = makePayload(decoderMetadata(20, 8));
    model = std::make_unique<attune_model>(Program(payload, entriesFor(decoderMetadata(20, 8)), "fake"),
                                           attune_open_options{0, 0, 3});
  }
  void TearDown() override { EXPECT_EQ(observed.problem, ""); }

  std::vector<std::byte> payload;
  std::unique_ptr<attune_model> model;
};

TEST_F(CApiTest, OpeningAProgramWithoutAModelFails) {
  EXPECT_EQ(attune_open(nullptr), nullptr);
  EXPECT_NE(std::string(attune_error()).find("carries no model"), std::string::npos);
}

TEST_F(CApiTest, Info) {
  const attune_model_info *info = attune_info(model.get());
  ASSERT_TRUE(info);
  EXPECT_STREQ(info->name, "fake");
  EXPECT_STREQ(info->kind, "decoder");
  EXPECT_EQ(info->vocabulary, vocabulary);
  EXPECT_EQ(info->logits, logitWidth);
  EXPECT_EQ(info->context, 20);
  EXPECT_EQ(info->bos, -1);
  EXPECT_EQ(info->has_tokenizer, 0);
  EXPECT_EQ(info->chat_template, nullptr);
}

TEST_F(CApiTest, VectorsOfTexts) {
  payload = makePayload(encoderMetadata(20));
  model = std::make_unique<attune_model>(Program(payload, entriesFor(encoderMetadata(20)), "fake"),
                                         attune_open_options{0, 0, 1});
  std::vector<int32_t> ids = {4, 6, 3};
  size_t lengths[] = {2, 1};
  ASSERT_EQ(attune_embed(model.get(), ids.data(), lengths, 2, ATTUNE_TOKENS, nullptr, 0), 15)
      << attune_error();
  std::vector<float> vectors(15);
  ASSERT_EQ(attune_embed(model.get(), ids.data(), lengths, 2, ATTUNE_TOKENS, vectors.data(), 15), 15);
  EXPECT_EQ((std::vector<float>{vectors[0], vectors[5], vectors[10]}), (std::vector<float>{4, 6, 3}));
  EXPECT_EQ((std::vector<float>{vectors[1], vectors[6], vectors[11]}), (std::vector<float>{0, 1, 0}));
  std::vector<float> means(10);
  ASSERT_EQ(attune_embed(model.get(), ids.data(), lengths, 2, ATTUNE_POOL_MEAN, means.data(), 10), 10);
  EXPECT_EQ(means[0], 5);
  EXPECT_EQ(means[5], 3);
  ASSERT_EQ(attune_embed(model.get(), ids.data(), lengths, 2, ATTUNE_POOL_LAST | ATTUNE_NORMALIZE,
                         means.data(), 10),
            10);
  float square = 0;
  for (size_t i = 0; i < 5; ++i)
    square += means[i] * means[i];
  EXPECT_NEAR(square, 1, 1e-5);
  EXPECT_EQ(attune_fill(model.get(), ids.data(), 3, 2, nullptr, 0), -1);
}

void expectLogits(const attune_session *session, const std::vector<int32_t> &ids) {
  const float *logits = attune_logits(session);
  ASSERT_TRUE(logits) << attune_error();
  EXPECT_EQ(std::vector<float>(logits, logits + logitWidth), expectedLogits(ids));
}

TEST_F(CApiTest, Sessions) {
  attune_session *a = attune_session_create(model.get()), *b = attune_session_create(model.get());
  ASSERT_TRUE(a && b);
  EXPECT_EQ(attune_logits(a), nullptr);
  std::vector<int32_t> x = {1, 2, 3}, y = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  EXPECT_EQ(attune_feed(a, x.data(), x.size()), 0);
  EXPECT_EQ(attune_feed(b, y.data(), y.size()), 0);
  expectLogits(a, x);
  expectLogits(b, y);
  attune_session *both[] = {b, a};
  int32_t next[] = {11, 12};
  EXPECT_EQ(attune_feed_each(both, next, 2), 0);
  x.push_back(12), y.push_back(11);
  expectLogits(a, x);
  expectLogits(b, y);
  EXPECT_EQ(attune_session_length(b), 11);
  EXPECT_EQ(attune_session_truncate(b, 4), 0);
  EXPECT_EQ(attune_logits(b), nullptr);
  EXPECT_EQ(attune_feed(b, next, 1), 0);
  expectLogits(b, {9, 8, 7, 6, 11});
  attune_session_free(a);
  attune_session_free(b);
}

TEST_F(CApiTest, ErrorsComeAsText) {
  attune_session *session = attune_session_create(model.get());
  int32_t bad = 50;
  EXPECT_EQ(attune_feed(session, &bad, 1), -1);
  EXPECT_NE(std::string(attune_error()).find("id 50"), std::string::npos);
  EXPECT_EQ(attune_feed(nullptr, &bad, 1), -1);
  EXPECT_STREQ(attune_error(), "the session is NULL");
  EXPECT_EQ(attune_feed(session, nullptr, 1), -1);
  EXPECT_EQ(attune_session_truncate(session, 5), -1);
  EXPECT_EQ(attune_tokenize(model.get(), "text", 4, 0, nullptr, 0), -1);
  EXPECT_NE(std::string(attune_error()).find("without a tokenizer"), std::string::npos);
  attune_message message = {"user", "hello"};
  EXPECT_EQ(attune_render_chat(model.get(), &message, 1, 1, nullptr, 0), -1);
  EXPECT_NE(std::string(attune_error()).find("no chat template"), std::string::npos);
  EXPECT_TRUE(attune_session_create(model.get()) && attune_session_create(model.get()));
  EXPECT_EQ(attune_session_create(model.get()), nullptr);
  EXPECT_NE(std::string(attune_error()).find("all 3 sequences"), std::string::npos);
  attune_session_free(nullptr);
  attune_close(nullptr);
  attune_results_free(nullptr);
}

TEST_F(CApiTest, Generation) {
  attune_session *session = attune_session_create(model.get());
  std::vector<int32_t> prompt = {5, 6, 7}, got, text = prompt;
  attune_generate_options options;
  attune_default_options(&options);
  options.max_tokens = 6;
  auto collect = [](void *user, const char *, size_t, int32_t id) {
    auto &ids = *static_cast<std::vector<int32_t> *>(user);
    ids.push_back(id);
    return ids.size() == 100 ? 1 : 0;
  };
  EXPECT_EQ(attune_generate_ids(session, prompt.data(), prompt.size(), &options, collect, &got), 6);
  for (int i = 0; i < 6; ++i)
    text.push_back(expectedNext(text));
  EXPECT_EQ(got, std::vector<int32_t>(text.begin() + 3, text.end()));
  EXPECT_EQ(attune_session_length(session), 8);
  options.temperature = -1;
  EXPECT_EQ(attune_generate_ids(session, prompt.data(), 1, &options, collect, &got), -1);
  EXPECT_NE(std::string(attune_error()).find("emperature"), std::string::npos);
}

TEST_F(CApiTest, ScoresAndTensors) {
  std::vector<int32_t> ids = {5, 6, 7, 8};
  double scores[3];
  ASSERT_EQ(attune_score(model.get(), ids.data(), ids.size(), scores), 0) << attune_error();
  std::vector<float> logits = expectedLogits(std::span(ids).first(3));
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(static_cast<double>(logit));
  EXPECT_NEAR(scores[2], static_cast<double>(logits[8]) - std::log(sum), 1e-6);

  int64_t shape[] = {1, 4};
  attune_tensor input = {"input_ids", "I32", 2, shape, ids.data(), 16};
  attune_results *results = attune_run(model.get(), &input, 1, ATTUNE_ATTENTIONS, 2);
  ASSERT_TRUE(results) << attune_error();
  EXPECT_EQ(attune_results_count(results), 4u); // logits, attentions of two layers, greedy_ids
  const attune_tensor *first = attune_results_get(results, 0);
  EXPECT_STREQ(first->name, "logits");
  EXPECT_EQ(first->shape[1], 4);
  EXPECT_EQ(static_cast<const float *>(first->data)[3 * logitWidth + 1], expectedLogits(ids)[1]);
  EXPECT_EQ(attune_results_get(results, 4), nullptr);
  attune_results_free(results);
  input.bytes = 15;
  EXPECT_EQ(attune_run(model.get(), &input, 1, 0, -1), nullptr);
  input = {"input_ids", "F32", 2, shape, ids.data(), 16};
  EXPECT_EQ(attune_run(model.get(), &input, 1, 0, -1), nullptr);
}

} // namespace
