// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/Engine.h"

namespace attune {

/// What stands for a token: its vector behind the last layer, or its row of the embedding table alone.
enum class TokenVectors { Contextual, Static };

/// How the model's makers have texts embedded; where they do not say, by the mean in encoders, by the last
/// token in models that predict the next one.
SentenceVector sentenceVectorOf(const Metadata &metadata);

/// The one vector of a text of `vectors.size() / width` tokens.
std::vector<float> pooled(std::span<const float> vectors, size_t width, const SentenceVector &how);

/// Makes vectors of texts. Encoders take many texts in one ragged step, so mixed lengths cost nothing; models
/// that predict the next token read one after the other, in chunks. Memory is bounded by the longest text.
class Embedder {
public:
  /// Throws attune::Error for a model that has no such vectors. The engine must have a free sequence.
  Embedder(Engine &engine, TokenVectors kind);
  ~Embedder() { engine.observe(false); }
  Embedder(const Embedder &) = delete;
  Embedder &operator=(const Embedder &) = delete;

  /// Elements of a vector.
  size_t width() const { return vectorWidth; }

  /// `use(index, vectors)` gets each text's token vectors, in order. Throws attune::Error if a text is empty,
  /// too long or has ids out of range, before any of its step is used.
  using Use = std::function<void(size_t index, std::span<const float> vectors)>;
  void run(std::span<const std::vector<int32_t>> texts, const Use &use);

private:
  const TensorView &view() const;
  std::span<const float> rows(int64_t first, int64_t count) const;
  void encode(std::span<const std::vector<int32_t>> texts, size_t first, const Use &use);
  std::vector<float> decode(const std::vector<int32_t> &ids);

  Engine &engine;
  TokenVectors kind;
  size_t vectorWidth = 0;
};

} // namespace attune
