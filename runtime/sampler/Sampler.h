// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/sampler/Random.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace attune {

/// How the next token is chosen. Applied in this order: penalty, temperature, top-k, top-p, min-p. The
/// defaults choose the likeliest token.
struct SamplerOptions {
  /// Logits are divided by it. 0 takes the likeliest token (after the penalty). In [0, 1000].
  double temperature = 0;
  /// Only this many of the likeliest tokens stay; of equal ones, those with the lower ids. 0 keeps all.
  int64_t topK = 0;
  /// Only the likeliest tokens stay whose probabilities first reach this sum, at least one. In [0, 1], 1
  /// keeps all.
  double topP = 1;
  /// Tokens below this fraction of the largest probability are dropped. In [0, 1], 0 keeps all.
  double minP = 0;
  /// Logits of tokens that have occurred are divided by it if positive, multiplied if negative. In [0.01,
  /// 100], 1 does nothing.
  double repetitionPenalty = 1;
  /// The same seed, options and logits give the same tokens on every machine.
  uint64_t seed = 0;

  /// Throws attune::Error naming the option, its value and the allowed range.
  void validate() const;
};

/// A token that may be drawn.
struct Candidate {
  int32_t token;
  float logit;   ///< after the penalty, before temperature
  double weight; ///< proportional to the probability; the likeliest token has 1
};

/// What a device says of a row of logits, so that the row need not be looked at.
struct LikeliestTokens {
  /// Best first, of equal logits the lower id first; -1: there are no more. The first is -1 for a row from
  /// which nothing can be chosen.
  std::span<const int32_t> tokens;
  std::span<const float> logits; ///< theirs
  double mass = 0; ///< of the whole row: the sum of exp((logit - largest) / temperature), up to 1e-4 of it
  size_t rowSize = 0;
};

/// Chooses tokens from rows of logits. Its memory is taken at construction: choosing allocates nothing.
///
/// A row may be longer than the vocabulary (padded heads); ids past the vocabulary are never chosen. Logits
/// of -inf are never chosen. A row that is shorter than the vocabulary, holds NaN or +inf, or nothing but
/// -inf, is an attune::Error. Of equal logits the lower id comes first.
class Sampler {
public:
  /// Throws attune::Error if an option is out of range or the vocabulary is empty.
  Sampler(const SamplerOptions &options, int32_t vocabularySize);

  /// Counts tokens, of the prompt say, as having occurred, for the repetition penalty. Throws attune::Error
  /// if an id is outside the vocabulary.
  void observe(std::span<const int32_t> tokens);

  /// Chooses a token and counts it as having occurred.
  int32_t sample(std::span<const float> logits);

  /// Whether sample() takes the likeliest token of the vocabulary, whatever came before: who knows it need
  /// not look at the logits.
  bool takesLikeliest() const { return options.temperature == 0 && options.repetitionPenalty == 1; }
  bool isChoice(int32_t token) const { return token >= 0 && static_cast<size_t>(token) < vocabularySize; }

  /// Whether sample() may do with the `count` likeliest tokens of a row, and the row's mass at temperature().
  bool takesCandidates(int64_t count) const;
  double temperature() const { return options.temperature; }

  /// What sample() would choose from the row, to the same random number; nothing if that depends on more of
  /// the row than this, and nothing has changed then.
  std::optional<int32_t> sample(const LikeliestTokens &best);

  /// What sample() would draw from: all that the filters leave, in order of ids; at temperature 0 the one
  /// token. Valid until the next call.
  std::span<const Candidate> candidates(std::span<const float> logits);

  /// Forgets all occurred tokens and starts the random numbers anew.
  void reset();

private:
  std::span<const float> penalize(std::span<const float> logits);
  void takeAll(std::span<const float> logits, float largest);
  void takeTopK(std::span<const float> logits, size_t k);
  void weigh(float largest);
  bool fillFrom(const LikeliestTokens &best);
  bool cutByMass(double mass);
  void sortById();
  void cutTopP();
  Candidate lastToReach(double wanted);
  const Candidate &draw(std::span<const Candidate> from);

  SamplerOptions options;
  size_t vocabularySize;
  Random random;
  std::vector<char> occurred;     // by token
  std::vector<int32_t> penalized; // the tokens that have occurred, each once
  std::vector<float> scores;      // the row after the penalty
  std::vector<Candidate> pool;    // what may be drawn, by token
  std::vector<Candidate> ranked;  // scratch of top-p
};

} // namespace attune
