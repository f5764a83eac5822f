// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/capi/Handles.h"
#include "runtime/engine/Embed.h"
#include "runtime/engine/Fill.h"

using namespace attune;
using namespace attune::capi;

namespace {

std::vector<std::vector<int32_t>> textsOf(const int32_t *ids, const size_t *lengths, size_t texts) {
  std::vector<std::vector<int32_t>> list;
  for (size_t i = 0; i < texts; ++i) {
    size_t length = require(lengths, "the list of lengths")[i];
    list.emplace_back(require(ids, "the list of ids"), ids + length);
    ids += length;
  }
  return list;
}

SentenceVector wayOf(const Metadata &metadata, int flags) {
  SentenceVector how = sentenceVectorOf(metadata);
  if (flags & ATTUNE_POOL_MEAN)
    how.pooling = Pooling::Mean;
  if (flags & ATTUNE_POOL_FIRST)
    how.pooling = Pooling::First;
  if (flags & ATTUNE_POOL_LAST)
    how.pooling = Pooling::Last;
  how.normalize = (how.normalize || flags & ATTUNE_NORMALIZE) && !(flags & ATTUNE_NO_NORMALIZE);
  return how;
}

} // namespace

int64_t attune_embed(attune_model *model, const int32_t *ids, const size_t *lengths, size_t texts, int flags,
                     float *vectors, int64_t capacity) {
  return guarded<int64_t>(-1, [&] {
    Engine &engine = require(model, "the model")->engine();
    Embedder embedder(engine, flags & ATTUNE_STATIC ? TokenVectors::Static : TokenVectors::Contextual);
    std::vector<std::vector<int32_t>> list = textsOf(ids, lengths, texts);
    bool ofTokens = flags & (ATTUNE_TOKENS | ATTUNE_STATIC);
    size_t rows = texts;
    if (ofTokens) {
      rows = 0;
      for (const std::vector<int32_t> &text : list)
        rows += text.size();
    }
    if (capacity <= 0) // only asked for the size
      return static_cast<int64_t>(rows * embedder.width());
    SentenceVector how = wayOf(engine.metadata(), flags);
    std::vector<float> all;
    embedder.run(list, [&](size_t, std::span<const float> tokens) {
      std::vector<float> one = ofTokens ? std::vector<float>() : pooled(tokens, embedder.width(), how);
      std::span<const float> part = ofTokens ? tokens : std::span<const float>(one);
      all.insert(all.end(), part.begin(), part.end());
    });
    return copyOut(all, vectors, capacity);
  });
}

int64_t attune_fill(attune_model *model, const int32_t *ids, size_t count, int64_t candidates,
                    attune_guess *guesses, int64_t capacity) {
  return guarded<int64_t>(-1, [&] {
    attune_model &owner = *require(model, "the model");
    std::span<const int32_t> text(count ? require(ids, "the list of ids") : nullptr, count);
    if (candidates < 1)
      throw Error(std::to_string(candidates) + " candidates: there must be at least 1");
    int32_t mask = owner.engine().isEncoder() ? owner.model.maskToken() : -1;
    std::vector<attune_guess> all;
    for (const Gap &gap :
         fillGaps(owner.engine(), text, mask, static_cast<size_t>(candidates), owner.model.choices()))
      for (const Guess &guess : gap.candidates)
        all.push_back({gap.position, guess.id, guess.probability});
    return copyOut(all, guesses, capacity);
  });
}
