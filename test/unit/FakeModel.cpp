// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FakeModel.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

using namespace attune;
using namespace attune::test;
using nlohmann::json;

Observations attune::test::observed;

namespace {

constexpr int64_t layers = 2, rowMultiple = 8, rowFloats = 2; // a key and a value of one element
constexpr int64_t bytesFixed = 128, bytesPerToken = 32, tokenMultiple = 4;

void expect(bool good, const char *what) {
  if (!good && observed.problem.empty())
    observed.problem = what;
}

void predict(int64_t hash, float *logits) {
  for (int64_t v = 0; v < logitWidth; ++v)
    logits[v] = static_cast<float>((v * 7 + hash) % 11) * 0.25f;
  logits[hash % vocabulary] = 5;
}

int64_t mix(int64_t hash, int64_t id, int64_t position) {
  return (hash * 31 + (id + 1) * (position + 3)) % 1000003;
}

template <typename T, int Rank> struct Buffer {
  explicit Buffer(void *descriptor) : memref(*static_cast<MemRefDescriptor<Rank> *>(descriptor)) {
    int64_t stride = 1;
    for (int i = Rank; i-- > 0; stride *= std::max<int64_t>(memref.sizes[i], 1))
      expect(memref.strides[i] == stride, "strides are not contiguous");
    expect(memref.offset == 0 && memref.allocated == memref.aligned, "offset or pointers");
  }
  T *data() { return static_cast<T *>(memref.aligned); }
  int64_t size(int i) const { return memref.sizes[i]; }
  MemRefDescriptor<Rank> memref;
};

/// The last arguments of every entry: weights, cache, workspace.
struct Memories {
  explicit Memories(void **arguments, int64_t tokens)
      : weights(arguments[0]), cache(arguments[1]), workspace(arguments[2]) {
    int64_t rounded = (tokens + tokenMultiple - 1) / tokenMultiple * tokenMultiple;
    expect(workspace.size(0) == bytesFixed + bytesPerToken * rounded, "workspace size");
    expect(reinterpret_cast<uintptr_t>(workspace.data()) % 64 == 0, "workspace alignment");
    expect(reinterpret_cast<uintptr_t>(cache.data()) % 64 == 0, "cache alignment");
    std::memset(workspace.data(), 0x55, static_cast<size_t>(workspace.size(0)));
    rows = cache.size(0) / (layers * rowFloats * 4);
    expect(rows % rowMultiple == 0 && cache.size(0) == rows * layers * rowFloats * 4, "cache size");
  }
  /// Its key; its value is `rows` elements further on.
  float *row(int64_t layer, int64_t row) {
    expect(row >= 0 && row < rows, "cache row");
    return reinterpret_cast<float *>(cache.data()) + layer * rows * rowFloats + row;
  }
  Buffer<int8_t, 1> weights, cache, workspace;
  int64_t rows;
};

void count(int64_t tokens) {
  observed.calls += 1;
  observed.tokens += tokens;
  observed.mostTokens = std::max(observed.mostTokens, tokens);
}

/// Stores all tokens first, as a layer does, then gives the hash of the keys that a token sees.
int64_t hashOfToken(Memories &memories, const int32_t *row) {
  int64_t hash = 7;
  for (int64_t j = 0; j <= row[0]; ++j) {
    const float *key = memories.row(1, row[1] + j);
    expect(static_cast<int64_t>(key[memories.rows]) == j, "position in the cache");
    hash = mix(hash, static_cast<int64_t>(key[0]), j);
  }
  return hash;
}

void store(Memories &memories, Buffer<int32_t, 1> &ids, Buffer<int32_t, 2> &batch) {
  for (int64_t t = 0; t < ids.size(0); ++t) {
    const int32_t *row = batch.data() + t * 3;
    expect(row[1] % rowMultiple == 0, "first key is not aligned");
    expect(row[0] < row[2], "position beyond the keys");
    for (int64_t layer = 0; layer < layers; ++layer) {
      float *cached = memories.row(layer, row[1] + row[0]);
      cached[0] = static_cast<float>(ids.data()[t]);
      cached[memories.rows] = static_cast<float>(row[0]);
    }
  }
}

void decode(void **arguments, size_t memoriesAt) {
  Buffer<int32_t, 1> ids(arguments[0]), wanted(arguments[2]);
  Buffer<int32_t, 2> batch(arguments[1]);
  Buffer<float, 2> logits(arguments[3]);
  Memories memories(arguments + memoriesAt, ids.size(0));
  expect(batch.size(0) == ids.size(0) && batch.size(1) == 3 && logits.size(0) == wanted.size(0), "sizes");
  count(ids.size(0));
  store(memories, ids, batch);
  for (int64_t i = 0; i < wanted.size(0); ++i)
    predict(hashOfToken(memories, batch.data() + wanted.data()[i] * 3), logits.data() + i * logitWidth);
}

void step(void **arguments) { decode(arguments, 4); }

/// The last argument takes the likeliest token of each row.
void stepWithChoices(void **arguments) {
  step(arguments);
  Buffer<float, 2> logits(arguments[3]);
  Buffer<int32_t, 2> choices(arguments[7]);
  expect(choices.size(0) == logits.size(0) && choices.size(1) == 1, "size of the choices");
  for (int64_t i = 0; i < choices.size(0); ++i) {
    const float *row = logits.data() + i * logitWidth;
    choices.data()[i] = static_cast<int32_t>(std::max_element(row, row + logitWidth) - row);
  }
}

/// The likeliest tokens of each row, and its mass.
void candidates(void **arguments) {
  Buffer<float, 2> logits(arguments[0]), values(arguments[4]);
  Buffer<float, 1> temperatures(arguments[1]);
  Buffer<int32_t, 2> scratch(arguments[2]), tokens(arguments[3]);
  expect(tokens.size(0) == logits.size(0) && values.size(1) == candidateCount + 1 &&
             scratch.size(1) == logitWidth && temperatures.size(0) == logits.size(0),
         "sizes of the candidates");
  for (int64_t i = 0; i < logits.size(0); ++i) {
    const float *row = logits.data() + i * logitWidth;
    int32_t *order = scratch.data() + i * logitWidth;
    std::iota(order, order + logitWidth, 0);
    std::stable_sort(order, order + logitWidth, [&](int32_t a, int32_t b) { return row[a] > row[b]; });
    float mass = 0;
    for (int64_t j = 0; j < logitWidth; ++j)
      mass += std::exp((row[j] - row[order[0]]) / temperatures.data()[i]);
    values.data()[i * (candidateCount + 1) + candidateCount] = mass;
    for (int64_t j = 0; j < candidateCount; ++j) {
      tokens.data()[i * candidateCount + j] = order[j];
      values.data()[i * (candidateCount + 1) + j] = row[order[j]];
    }
  }
}

/// Taps: hidden_states[l][t] = (l, id), attentions[l][t][h][j] = 100 l + 10 h + j + 1 for the keys that a
/// token sees, experts of layer 1.
void stepTaps(void **arguments) {
  decode(arguments, 8);
  Buffer<int32_t, 1> ids(arguments[0]);
  Buffer<int32_t, 2> batch(arguments[1]);
  Buffer<float, 3> hidden(arguments[4]);
  Buffer<float, 4> attention(arguments[5]);
  Buffer<int32_t, 3> experts(arguments[6]);
  Buffer<float, 3> weights(arguments[7]);
  int64_t tokens = ids.size(0), heads = attention.size(2), keys = attention.size(3);
  for (int64_t t = 0; t < tokens; ++t) {
    int32_t position = batch.data()[t * 3], id = ids.data()[t];
    for (int64_t l = 0; l <= layers; ++l) {
      hidden.data()[(l * tokens + t) * 2] = static_cast<float>(l);
      hidden.data()[(l * tokens + t) * 2 + 1] = static_cast<float>(id);
    }
    for (int64_t l = 0; l < layers; ++l)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t j = 0; j < keys; ++j)
          attention.data()[((l * tokens + t) * heads + h) * keys + j] =
              j <= position ? static_cast<float>(100 * l + 10 * h + j + 1) : 0.f;
    for (int64_t k = 0; k < 2; ++k) {
      experts.data()[(tokens + t) * 2 + k] = id + static_cast<int32_t>(k);
      weights.data()[(tokens + t) * 2 + k] = static_cast<float>(position) + 0.5f * static_cast<float>(k);
    }
  }
}

void encode(void **arguments) {
  Buffer<int32_t, 1> ids(arguments[0]), wanted(arguments[2]), types(arguments[3]);
  Buffer<int32_t, 2> batch(arguments[1]);
  Buffer<float, 2> hidden(arguments[4]);
  Memories memories(arguments + 5, ids.size(0));
  count(ids.size(0));
  store(memories, ids, batch);
  expect(hidden.size(0) == ids.size(0) && wanted.size(0) <= ids.size(0), "sizes");
  for (int64_t t = 0; t < ids.size(0); ++t) {
    const int32_t *row = batch.data() + t * 3;
    float sum = 0;
    for (int64_t j = 0; j < row[2]; ++j)
      sum += memories.row(0, row[1] + j)[0];
    float values[] = {static_cast<float>(ids.data()[t]), static_cast<float>(row[0]),
                      static_cast<float>(row[2]), sum, static_cast<float>(types.data()[t])};
    std::copy(std::begin(values), std::end(values), hidden.data() + t * 5);
  }
}

/// A model with inputs of its own.
void literal(void **arguments) {
  Buffer<int32_t, 2> batch(arguments[0]);
  Buffer<float, 2> outputs(arguments[1]);
  Buffer<float, 4> q(arguments[2]), scores(arguments[3]);
  Memories memories(arguments + 4, batch.size(0));
  expect(batch.size(0) == 2 && batch.data()[5] == 2 && outputs.size(0) == 2, "literal sizes");
  const float queries[] = {1, -2.5f, 3, 4};
  std::copy(std::begin(queries), std::end(queries), q.data());
  for (int64_t t = 0; t < 2; ++t) {
    outputs.data()[t] = 0.5f + static_cast<float>(t);
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t j = 0; j < 2; ++j)
        scores.data()[(t * 2 + h) * 2 + j] =
            static_cast<float>(100 * h + 10 * t + j) + (t + j == 0 ? 1.f / 3 : 0.f);
  }
}

json argument(const char *name, const char *role, const char *type, json shape) {
  return {{"name", name}, {"role", role}, {"type", type}, {"shape", std::move(shape)}};
}

json inputs() {
  return {argument("input_ids", "input", "i32", {"tokens"}), argument("batch", "input", "i32", {"tokens", 3}),
          argument("output_rows", "input", "i32", {"outputs"})};
}

void appendMemories(json &arguments) {
  arguments.push_back(argument("weights", "weights", "i8", {"weight_bytes"}));
  arguments.push_back(argument("cache", "cache", "i8", {"cache_bytes"}));
  arguments.push_back(argument("workspace", "workspace", "i8", {"workspace_bytes"}));
}

json baseMetadata(int64_t context) {
  return {
      {"name", "fake"},
      {"vocabulary", vocabulary},
      {"hidden", 2},
      {"layers", layers},
      {"context", context},
      {"cache",
       {{"layers", layers},
        {"heads", 1},
        {"key_size", 1},
        {"value_size", 1},
        {"type", "f32"},
        {"row_multiple", rowMultiple}}},
      {"workspace",
       {{"bytes_per_token", bytesPerToken}, {"bytes_fixed", bytesFixed}, {"token_multiple", tokenMultiple}}}};
}

} // namespace

const AttuneEntry attune::test::decoderEntries[2] = {{"step", step}, {"step_taps", stepTaps}};

// What a program's own code is, where this is linked into one.
__attribute__((section("attune_code"), used)) static const AttuneCode code = {"x86-64", decoderEntries, 2};

static bool isForDevice(const json &metadata) {
  std::string target = metadata.is_object() ? metadata.value("target", "") : "";
  return target == "cuda" || target == "rocm";
}

std::span<const AttuneEntry> attune::test::entriesFor(const json &metadata) {
  static const AttuneEntry encoderEntries[] = {{"step", encode}};
  static const AttuneEntry literalEntries[] = {{"step", nullptr}, {"step_taps", literal}};
  static const AttuneEntry launching[] = {
      {"step", [](void **arguments) { attune_device_launch(0, 1, 1, 1, 1, 1, 1, arguments); }},
      {"step_taps",
       [](void **arguments) {
         // A buffer of the entry's own, and a look at the device's memory: neither can be recorded.
         void *buffer = attune_device_allocate(64);
         observed.read = attune_device_read(reinterpret_cast<int64_t>(buffer));
         attune_device_launch(1, 1, 1, 1, 1, 1, 1, arguments);
         attune_device_free(buffer);
       }},
      {"step_candidates", [](void **arguments) { attune_device_launch(2, 1, 1, 1, 1, 1, 1, arguments); }}};
  if (!metadata.is_object())
    return {};
  if (isForDevice(metadata))
    return launching;
  if (metadata.value("kind", "") == "encoder")
    return encoderEntries;
  if (metadata.value("literal_tokens", 0) > 0)
    return literalEntries;
  return decoderEntries;
}

std::span<const AttuneKernel> attune::test::kernelsFor(const json &metadata) {
  // Arguments are descriptors of one to four dimensions.
  static const uint8_t stepBytes[] = {40, 56, 40, 56, 40, 40, 40};
  static const uint8_t tapBytes[] = {40, 56, 40, 56, 72, 88, 72, 72, 40, 40, 40};
  static const uint8_t choiceBytes[] = {40, 56, 40, 56, 40, 40, 40, 56};
  static const uint8_t candidateBytes[] = {56, 40, 56, 56, 56};
  static const AttuneKernel kernels[] = {{"step", step, stepBytes, sizeof(stepBytes), 0},
                                         {"step_taps", stepTaps, tapBytes, sizeof(tapBytes), 0}};
  static const AttuneKernel choosing[] = {
      {"step", stepWithChoices, choiceBytes, sizeof(choiceBytes), 0},
      kernels[1],
      {"candidates", candidates, candidateBytes, sizeof(candidateBytes), 0}};
  if (!isForDevice(metadata))
    return {};
  if (metadata["entries"][0]["arguments"].back()["role"] == "choice")
    return choosing;
  return kernels;
}

std::vector<float> attune::test::expectedLogits(std::span<const int32_t> ids) {
  int64_t hash = 7;
  for (size_t i = 0; i < ids.size(); ++i)
    hash = mix(hash, ids[i], static_cast<int64_t>(i));
  std::vector<float> logits(logitWidth);
  predict(hash, logits.data());
  return logits;
}

int32_t attune::test::expectedNext(std::span<const int32_t> ids) {
  std::vector<float> logits = expectedLogits(ids);
  return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
}

json attune::test::decoderMetadata(int64_t context, int64_t chunk) {
  json metadata = baseMetadata(context);
  metadata["kind"] = "decoder";
  metadata["chunk"] = chunk;
  metadata["router_layers"] = {1};
  json arguments = inputs();
  arguments.push_back(argument("logits", "output", "f32", {"outputs", logitWidth}));
  json taps = arguments;
  appendMemories(arguments);
  taps.push_back(argument("hidden_states", "tap", "f32", {layers + 1, "tokens", 2}));
  taps.push_back(argument("attentions", "tap", "f32", {layers, "tokens", 3, "keys"}));
  taps.push_back(argument("router_experts", "tap", "i32", {layers, "tokens", 2}));
  taps.push_back(argument("router_weights", "tap", "f32", {layers, "tokens", 2}));
  appendMemories(taps);
  metadata["entries"] = {{{"name", "step"}, {"arguments", arguments}},
                         {{"name", "step_taps"}, {"arguments", taps}}};
  return metadata;
}

json attune::test::withChoices(json metadata) {
  metadata["entries"][0]["arguments"].push_back(argument("likeliest", "choice", "i32", {"outputs", 1}));
  metadata["entries"].push_back(
      {{"name", "step_candidates"},
       {"arguments",
        {argument("logits", "input", "f32", {"outputs", logitWidth}),
         argument("temperatures", "input", "f32", {"outputs"}),
         argument("order", "scratch", "i32", {"outputs", logitWidth}),
         argument("candidates", "choice", "i32", {"outputs", candidateCount}),
         argument("candidate_values", "choice", "f32", {"outputs", candidateCount + 1})}}});
  return metadata;
}

json attune::test::encoderMetadata(int64_t context) {
  json metadata = baseMetadata(context);
  metadata["kind"] = "encoder";
  metadata["token_types"] = 9;
  json arguments = inputs();
  arguments.push_back(argument("token_type_ids", "input", "i32", {"tokens"}));
  arguments.push_back(argument("last_hidden_state", "output", "f32", {"tokens", 5}));
  appendMemories(arguments);
  metadata["entries"] = {{{"name", "step"}, {"arguments", arguments}}};
  return metadata;
}

json attune::test::literalMetadata() {
  json metadata = baseMetadata(2);
  metadata["kind"] = "decoder";
  metadata["vocabulary"] = 0;
  metadata["literal_tokens"] = 2;
  json arguments = {argument("batch", "input", "i32", {"tokens", 3}),
                    argument("outputs", "output", "f32", {"outputs", 1})};
  json taps = arguments;
  appendMemories(arguments);
  taps.push_back(argument("q", "tap", "f32", {1, "tokens", 1, 2}));
  taps.push_back(argument("scores", "tap", "f32", {1, "tokens", 2, "keys"}));
  appendMemories(taps);
  metadata["entries"] = {{{"name", "step"}, {"arguments", arguments}},
                         {{"name", "step_taps"}, {"arguments", taps}}};
  return metadata;
}

std::vector<std::byte> attune::test::makePayload(const json &metadata, std::span<const std::byte> tokenizer,
                                                 const Blobs &others) {
  Blobs blobs = {{"metadata", metadata.dump()}};
  if (!tokenizer.empty())
    blobs.push_back({"tokenizer", {reinterpret_cast<const char *>(tokenizer.data()), tokenizer.size()}});
  blobs.insert(blobs.end(), others.begin(), others.end());
  PayloadHeader header{{}, blobs.size()};
  std::memcpy(header.magic, payloadMagic, sizeof(header.magic));
  std::vector<std::byte> payload(sizeof(header) + blobs.size() * sizeof(PayloadBlob));
  std::memcpy(payload.data(), &header, sizeof(header));
  for (size_t i = 0; i < blobs.size(); ++i) {
    const auto &[name, content] = blobs[i];
    size_t begin = (payload.size() + 63) / 64 * 64;
    payload.resize(begin + content.size());
    std::memcpy(payload.data() + begin, content.data(), content.size());
    PayloadBlob entry{{}, begin, content.size()};
    name.copy(entry.name, sizeof(entry.name));
    std::memcpy(payload.data() + sizeof(header) + i * sizeof(entry), &entry, sizeof(entry));
  }
  return payload;
}
