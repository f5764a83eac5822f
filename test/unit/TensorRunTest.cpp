// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/TensorRun.h"
#include "ErrorText.h"
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

using namespace attune;
using namespace attune::test;

namespace {

template <typename T>
OwnedTensor tensor(const char *name, const char *type, std::vector<int64_t> shape,
                   const std::vector<T> &values) {
  auto bytes = std::as_bytes(std::span(values));
  return {name, type, std::move(shape), {bytes.begin(), bytes.end()}};
}

template <typename T> std::vector<T> values(const OwnedTensor &tensor) {
  std::vector<T> result(tensor.bytes.size() / sizeof(T));
  std::memcpy(result.data(), tensor.bytes.data(), tensor.bytes.size());
  return result;
}

std::vector<OwnedTensor> run(const nlohmann::json &metadata, const std::vector<OwnedTensor> &inputs,
                             const TensorRunOptions &options = {}) {
  FakeProgram fake(metadata);
  std::vector<NamedTensor> views;
  for (const OwnedTensor &input : inputs)
    views.push_back(input.view());
  return runTensors(fake.program, views, options);
}

const OwnedTensor &find(const std::vector<OwnedTensor> &tensors, const std::string &name) {
  static const OwnedTensor none;
  auto found = std::ranges::find(tensors, name, &OwnedTensor::name);
  EXPECT_NE(found, tensors.end()) << name;
  return found == tensors.end() ? none : *found;
}

/// Two rows of ids; the mask leaves out the last two columns of the first, and a column on either side of the
/// second.
const std::vector<int64_t> ids = {3, 1, 4, 1, 5, 9, 2, 2, 7, 1, 8, 2, 8, 1};
const std::vector<int64_t> mask = {1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0};
const std::vector<int64_t> shape = {2, 7};
constexpr size_t starts[] = {0, 1}, length = 5;

std::vector<int32_t> rowIds(size_t row, size_t count) {
  auto begin = ids.begin() + static_cast<ptrdiff_t>(row * 7 + starts[row]);
  return {begin, begin + static_cast<ptrdiff_t>(count)};
}

std::vector<OwnedTensor> maskedInputs() {
  return {tensor("input_ids", "I64", shape, ids), tensor("attention_mask", "I64", shape, mask)};
}

class TensorRunTest : public testing::Test {
protected:
  void SetUp() override { observed = {}; }
  void TearDown() override { EXPECT_EQ(observed.problem, ""); }
};

void expectMaskedLogits(const std::vector<OwnedTensor> &tensors) {
  const OwnedTensor &logits = find(tensors, "logits");
  ASSERT_EQ(logits.shape, (std::vector<int64_t>{2, 7, logitWidth}));
  EXPECT_EQ(logits.type, "F32");
  std::vector<float> got = values<float>(logits);
  for (size_t row = 0; row < 2; ++row)
    for (size_t column = 0; column < 7; ++column) {
      bool isKept = column >= starts[row] && column < starts[row] + length;
      std::vector<float> expected =
          isKept ? expectedLogits(rowIds(row, column - starts[row] + 1)) : std::vector<float>(logitWidth);
      auto begin = got.begin() + static_cast<ptrdiff_t>((row * 7 + column) * logitWidth);
      EXPECT_EQ(std::vector<float>(begin, begin + logitWidth), expected) << row << " " << column;
    }
}

TEST_F(TensorRunTest, LogitsOfMaskedRows) {
  for (int64_t chunk : {1, 3, 4, 10, 64}) {
    observed = {};
    expectMaskedLogits(run(decoderMetadata(20, chunk), maskedInputs()));
    EXPECT_EQ(observed.tokens, 10);
    EXPECT_EQ(observed.calls, (10 + chunk - 1) / chunk);
  }
}

TEST_F(TensorRunTest, StepsGiveTheSame) {
  expectMaskedLogits(run(decoderMetadata(20, 64), maskedInputs(), {.step = true}));
  EXPECT_EQ(observed.calls, 5); // a token of each row at a time
}

TEST_F(TensorRunTest, GreedyIds) {
  for (int64_t chunk : {1, 2, 64}) {
    auto tensors = run(decoderMetadata(20, chunk), maskedInputs(), {.greedy = 6});
    const OwnedTensor &greedy = find(tensors, "greedy_ids");
    ASSERT_EQ(greedy.shape, (std::vector<int64_t>{2, 6}));
    std::vector<int64_t> got = values<int64_t>(greedy);
    for (size_t row = 0; row < 2; ++row) {
      std::vector<int32_t> text = rowIds(row, length);
      for (size_t i = 0; i < 6; ++i) {
        text.push_back(expectedNext(text));
        EXPECT_EQ(got[row * 6 + i], text.back());
      }
    }
  }
  EXPECT_EQ(find(run(decoderMetadata(20, 8), maskedInputs(), {.greedy = 0}), "greedy_ids").shape,
            (std::vector<int64_t>{2, 0}));
}

TEST_F(TensorRunTest, ManyRows) {
  std::vector<int32_t> many(100 * 3);
  for (size_t i = 0; i < many.size(); ++i)
    many[i] = static_cast<int32_t>(i * i % vocabulary);
  std::vector<float> got =
      values<float>(find(run(decoderMetadata(8, 7), {tensor("input_ids", "I32", {100, 3}, many)}), "logits"));
  for (size_t row = 0; row < 100; ++row) {
    auto begin = got.begin() + static_cast<ptrdiff_t>((row * 3 + 2) * logitWidth);
    EXPECT_EQ(std::vector<float>(begin, begin + logitWidth),
              expectedLogits(std::span(many).subspan(row * 3, 3)));
  }
}

TEST_F(TensorRunTest, Taps) {
  for (int64_t chunk : {2, 64}) {
    auto tensors = run(decoderMetadata(20, chunk), maskedInputs(),
                       {.allHidden = true, .attentions = true, .routing = true});
    expectMaskedLogits(tensors);
    for (size_t layer = 0; layer < 3; ++layer) {
      const OwnedTensor &hidden = find(tensors, "hidden_states." + std::to_string(layer));
      ASSERT_EQ(hidden.shape, (std::vector<int64_t>{2, 7, 2}));
      std::vector<float> got = values<float>(hidden);
      for (size_t i = 0; i < 14; ++i) {
        EXPECT_EQ(got[i * 2], mask[i] ? static_cast<float>(layer) : 0.f);
        EXPECT_EQ(got[i * 2 + 1], mask[i] ? static_cast<float>(ids[i]) : 0.f);
      }
    }
    for (size_t layer = 0; layer < 2; ++layer) {
      const OwnedTensor &attention = find(tensors, "attentions." + std::to_string(layer));
      ASSERT_EQ(attention.shape, (std::vector<int64_t>{2, 3, 7, 7}));
      std::vector<float> got = values<float>(attention);
      for (size_t row = 0; row < 2; ++row)
        for (size_t head = 0; head < 3; ++head)
          for (size_t q = 0; q < 7; ++q)
            for (size_t k = 0; k < 7; ++k) {
              bool seen = mask[row * 7 + q] && mask[row * 7 + k] && k <= q;
              float expected =
                  seen ? static_cast<float>(100 * layer + 10 * head + (k - starts[row]) + 1) : 0.f;
              EXPECT_EQ(got[((row * 3 + head) * 7 + q) * 7 + k], expected);
            }
    }
    const OwnedTensor &experts = find(tensors, "router.1.experts"),
                      &weights = find(tensors, "router.1.weights");
    ASSERT_EQ(experts.shape, (std::vector<int64_t>{2, 7, 2}));
    ASSERT_EQ(experts.type, "I64");
    for (size_t i = 0; i < 14; ++i) {
      EXPECT_EQ(values<int64_t>(experts)[i * 2 + 1], mask[i] ? ids[i] + 1 : 0);
      float position = static_cast<float>(i % 7 - starts[i / 7]);
      EXPECT_EQ(values<float>(weights)[i * 2 + 1], mask[i] ? position + 0.5f : 0.f);
    }
  }
  // Only what was asked for.
  EXPECT_EQ(run(decoderMetadata(20, 4), maskedInputs(), {.routing = true}).size(), 3u);
}

TEST_F(TensorRunTest, Encoders) {
  std::vector<int64_t> types(14);
  for (size_t i = 0; i < 14; ++i)
    types[i] = static_cast<int64_t>(i % 2);
  std::vector<OwnedTensor> inputs = maskedInputs();
  inputs.push_back(tensor("token_type_ids", "I64", shape, types));
  for (int64_t chunk : {1, 64}) {
    nlohmann::json metadata = encoderMetadata(5);
    metadata["chunk"] = chunk;
    observed = {};
    auto tensors = run(metadata, inputs);
    EXPECT_EQ(observed.calls, chunk == 1 ? 2 : 1);
    const OwnedTensor &hidden = find(tensors, "last_hidden_state");
    ASSERT_EQ(hidden.shape, (std::vector<int64_t>{2, 7, 5}));
    std::vector<float> got = values<float>(hidden);
    for (size_t i = 0; i < 14; ++i) {
      EXPECT_EQ(got[i * 5], mask[i] ? static_cast<float>(ids[i]) : 0.f);
      EXPECT_EQ(got[i * 5 + 1], mask[i] ? static_cast<float>(i % 7 - starts[i / 7]) : 0.f);
      EXPECT_EQ(got[i * 5 + 4], mask[i] ? static_cast<float>(types[i]) : 0.f);
    }
  }
  EXPECT_NE(errorOf([&] { run(encoderMetadata(9), maskedInputs(), {.greedy = 1}); }), "no error");
  EXPECT_EQ(errorOf([&] { run(encoderMetadata(4), maskedInputs()); }),
            "5 tokens do not fit: the context holds 4");
}

TEST_F(TensorRunTest, BadInputs) {
  auto error = [](std::vector<OwnedTensor> inputs) {
    return errorOf([&] { run(decoderMetadata(20, 8), inputs); });
  };
  std::vector<int64_t> one = {1};
  EXPECT_EQ(error({}), "input 'input_ids' is missing");
  EXPECT_EQ(error({tensor("input_ids", "F32", {1, 1}, std::vector<float>{1})}),
            "input 'input_ids' has the type F32, expected I32 or I64");
  EXPECT_EQ(error({tensor("input_ids", "I64", {1}, one)}),
            "input 'input_ids' has the shape [1], expected [rows, columns], neither 0");
  EXPECT_EQ(error({tensor("input_ids", "I64", {0, 4}, std::vector<int64_t>{})}),
            "input 'input_ids' has the shape [0, 4], expected [rows, columns], neither 0");
  EXPECT_NE(error({tensor("input_ids", "I64", {1, 1}, one), tensor("pixels", "I64", {1, 1}, one)})
                .find("input 'pixels'"),
            std::string::npos);
  EXPECT_NE(error({tensor("input_ids", "I64", {1, 1}, one), tensor("token_type_ids", "I64", {1, 1}, one)})
                .find("token_type_ids"),
            std::string::npos);
  EXPECT_NE(error({tensor("input_ids", "I64", {1, 1}, std::vector<int64_t>{1ll << 32})}).find("4294967296"),
            std::string::npos);
  EXPECT_NE(error({tensor("input_ids", "I64", {1, 1}, std::vector<int64_t>{50})}).find("id 50"),
            std::string::npos);
  for (std::vector<int64_t> bad : {std::vector<int64_t>{1, 0, 1}, {0, 0, 0}, {1, 2, 1}, {1, -1, 0}}) {
    std::string text = error({tensor("input_ids", "I64", {1, 3}, std::vector<int64_t>{1, 2, 3}),
                              tensor("attention_mask", "I64", {1, 3}, bad)});
    EXPECT_NE(text.find("'attention_mask', row 0"), std::string::npos) << text;
  }
  EXPECT_NE(error({tensor("input_ids", "I64", {1, 1}, one),
                   tensor("attention_mask", "I64", {1, 2}, std::vector<int64_t>{1, 1})})
                .find("'attention_mask' has the shape [1, 2]"),
            std::string::npos);
  std::vector<int64_t> long_(21, 1);
  EXPECT_EQ(error({tensor("input_ids", "I64", {1, 21}, long_)}),
            "21 tokens do not fit: the context holds 20");
  EXPECT_EQ(errorOf([&] {
              run(decoderMetadata(20, 8), {tensor("input_ids", "I64", {1, 20}, std::vector<int64_t>(20, 1))},
                  {.greedy = 2});
            }),
            "21 tokens do not fit: the context holds 20");
}

} // namespace
