// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Embed.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

using namespace attune;

namespace {

/// Tokens of a step of an encoder: enough to read weights rarely, few enough for little memory.
constexpr size_t tokensAtOnce = 2048;

} // namespace

SentenceVector attune::sentenceVectorOf(const Metadata &metadata) {
  Pooling usual = metadata.kind == ModelKind::Encoder ? Pooling::Mean : Pooling::Last;
  return metadata.sentence.value_or(SentenceVector{usual, false, 0});
}

std::vector<float> attune::pooled(std::span<const float> vectors, size_t width, const SentenceVector &how) {
  size_t count = vectors.size() / width;
  std::vector<float> result(width);
  if (how.pooling == Pooling::Mean)
    for (size_t j = 0; j < width; ++j) {
      double sum = 0;
      for (size_t i = 0; i < count; ++i)
        sum += vectors[i * width + j];
      result[j] = static_cast<float>(sum / static_cast<double>(count));
    }
  else
    std::ranges::copy(how.pooling == Pooling::First ? vectors.first(width) : vectors.last(width),
                      result.begin());
  if (!how.normalize)
    return result;
  double squares = 0;
  for (float value : result)
    squares += static_cast<double>(value) * value;
  double length = std::max(std::sqrt(squares), 1e-12);
  for (float &value : result)
    value = static_cast<float>(value / length);
  return result;
}

Embedder::Embedder(Engine &engine, TokenVectors kind) : engine(engine), kind(kind) {
  const Metadata &model = engine.metadata();
  if (model.literalTokens > 0 || model.vocabulary == 0)
    throw Error("this model has inputs of its own: there are no texts to embed");
  bool taps = kind == TokenVectors::Static || !engine.isEncoder();
  const EntryInfo *entry = model.find(taps ? "step_taps" : "step");
  const char *name = kind == TokenVectors::Static ? "embedding" : "last_hidden_state";
  if (entry && kind == TokenVectors::Contextual && taps)
    name = entry->find("final_state") ? "final_state" : "hidden_states";
  const ArgumentInfo *info = entry ? entry->find(name) : nullptr;
  if (!info || info->type != ElementType::F32)
    throw Error(fmt::format("this program gives no '{}', which 'embed' needs", name));
  vectorWidth = static_cast<size_t>(info->shape.back().size);
  engine.observe(taps);
}

const TensorView &Embedder::view() const {
  if (kind == TokenVectors::Static)
    return engine.result("embedding");
  if (engine.isEncoder())
    return engine.result("last_hidden_state");
  for (const TensorView &view : engine.results())
    if (view.info->name == "final_state")
      return view;
  return engine.result("hidden_states");
}

/// Rows of the last step, of the last layer where there is a row for each.
std::span<const float> Embedder::rows(int64_t first, int64_t count) const {
  const TensorView &vectors = view();
  int64_t tokens = vectors.sizes[vectors.sizes.size() - 2];
  int64_t layer = vectors.sizes.size() == 3 ? vectors.sizes[0] - 1 : 0;
  const float *begin = vectors.floats() + static_cast<size_t>(layer * tokens + first) * vectorWidth;
  return {begin, static_cast<size_t>(count) * vectorWidth};
}

void Embedder::encode(std::span<const std::vector<int32_t>> texts, size_t index, const Use &use) {
  std::vector<Feed> feeds;
  for (const std::vector<int32_t> &text : texts)
    feeds.push_back({0, text, {}, Rows::None});
  engine.step(feeds);
  int64_t token = 0;
  for (const std::vector<int32_t> &text : texts) {
    int64_t count = static_cast<int64_t>(text.size());
    use(index++, rows(token, count));
    token += count;
  }
}

std::vector<float> Embedder::decode(const std::vector<int32_t> &ids) {
  int sequence = engine.open();
  std::vector<float> vectors;
  try {
    engine.requireRoom(sequence, static_cast<int64_t>(ids.size()));
    size_t most = static_cast<size_t>(engine.chunk());
    for (size_t first = 0; first < ids.size(); first += most) {
      size_t count = std::min(most, ids.size() - first);
      Feed feed{sequence, std::span(ids).subspan(first, count), {}, Rows::None};
      engine.step({&feed, 1});
      std::span<const float> part = rows(0, static_cast<int64_t>(count));
      vectors.insert(vectors.end(), part.begin(), part.end());
    }
  } catch (...) {
    engine.close(sequence);
    throw;
  }
  engine.close(sequence);
  return vectors;
}

void Embedder::run(std::span<const std::vector<int32_t>> texts, const Use &use) {
  if (std::ranges::any_of(texts, [](const std::vector<int32_t> &text) { return text.empty(); }))
    throw Error("a text without tokens has no vector");
  if (!engine.isEncoder()) {
    for (size_t i = 0; i < texts.size(); ++i)
      use(i, decode(texts[i]));
    return;
  }
  for (size_t first = 0; first < texts.size();) {
    size_t last = first, tokens = 0;
    while (last < texts.size() && (last == first || tokens + texts[last].size() <= tokensAtOnce))
      tokens += texts[last++].size();
    encode(texts.subspan(first, last - first), first, use);
    first = last;
  }
}
