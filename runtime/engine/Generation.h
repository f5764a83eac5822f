// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/Engine.h"
#include "runtime/sampler/Sampler.h"

namespace attune {

/// Index of the largest logit, the lowest of equal ones. NaN is never chosen; 0 if there is nothing else.
int32_t argmax(std::span<const float> logits);

/// The same of a row of the last step's logits; a device may know it without them.
int32_t argmax(const Engine &engine, int64_t row);

enum class StopReason {
  EndOfText, ///< the model chose a token that ends the text
  MaxTokens, ///< as many as were asked for
  Context,   ///< the context is full
  Caller     ///< `use` said so
};

struct GenerationLimits {
  int64_t maxTokens = -1;      ///< negative: no limit but the context
  bool stopAtEndOfText = true; ///< otherwise tokens that end a text are like any other
};

struct GenerationReport {
  StopReason reason = StopReason::MaxTokens;
  int64_t tokens = 0; ///< given to `use`
  double promptSeconds = 0, decodeSeconds = 0;
};

/// Feeds `prompt` to a sequence, then chooses token after token and feeds each, until something ends it.
/// `use` gets each token but the one that ends the text; it returns false to stop. Throws attune::Error if
/// the prompt is empty or does not fit into the context; a prompt that just fits yields one token.
GenerationReport generate(Engine &engine, int sequence, std::span<const int32_t> prompt, Sampler &sampler,
                          const GenerationLimits &limits, const std::function<bool(int32_t)> &use);

/// Exactly `count` likeliest tokens after a prompt, whatever they are. The sequence must have room for them.
std::vector<int32_t> generateGreedily(Engine &engine, int sequence, std::span<const int32_t> prompt,
                                      int64_t count);

} // namespace attune
