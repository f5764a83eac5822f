// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/program/Metadata.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace attune {

struct BeamOptions {
  int64_t beams = 1;
  int64_t maxTokens = 0;    ///< of a result, which is without `start`
  int64_t minTokens = 0;    ///< none ends before it has so many
  double lengthPenalty = 1; ///< a finished sequence's sum of logarithms is divided by length ^ this
  EarlyStopping earlyStopping = EarlyStopping::No;
  int64_t noRepeat = 0; ///< no stretch of so many tokens comes twice; 0: any may
  int32_t start = 0;    ///< the first token of each
  std::vector<int32_t> ends;
  std::optional<int32_t> forcedFirst, forcedLast; ///< after `start`; when the length is used up
  std::vector<std::vector<int32_t>> banned;       ///< never generated
  std::vector<int32_t> bannedFirst;               ///< not as the first token that is not forced
  /// Above 1, tokens of the sequence become less likely: a logarithm of a probability below 0 is multiplied
  /// by it; with one beam a logit is, or divided if it is above 0 (Keskar et al. 2019).
  double repetitionPenalty = 1;
};

/// A sequence that the search has finished: without `start`, with the token that ended it.
struct Hypothesis {
  std::vector<int32_t> ids;
  double score = 0; ///< sum of logarithms of probabilities, divided as lengthPenalty says
};

/// Beam search (Graves 2012; Sutskever et al. 2014) with the finishing rules of transformers' `generate`: the
/// likeliest sequences are kept side by side; those that end compete by score. With one beam it takes the
/// likeliest token each time.
class BeamSearch {
public:
  /// Throws attune::Error for options that make no search.
  explicit BeamSearch(BeamOptions options);

  struct Beam {
    std::vector<int32_t> ids; ///< `start` included; the last one is to be fed
    double sum = 0;           ///< of logarithms of probabilities
    size_t parent = 0;        ///< the beam before the last step that it goes on
  };
  /// Those to go on with: one at first, then as many as options say.
  const std::vector<Beam> &beams() const { return running; }

  /// Chooses the next tokens. `logits(i)` is what the model says may follow beam i. Returns whether the
  /// search goes on.
  bool advance(const std::function<std::span<const float>(size_t)> &logits);

  /// The best sequence; requires that the search is over.
  Hypothesis best() const;

private:
  struct Candidate {
    double sum;
    size_t beam;
    int32_t id;
  };

  std::vector<double> logProbabilities(const Beam &beam, std::span<const float> logits) const;
  void forbid(const Beam &beam, std::vector<double> &scores) const;
  std::vector<Candidate> candidates(const std::function<std::span<const float>(size_t)> &logits) const;
  void finish(const Candidate &candidate);
  bool canImprove() const;
  bool isEnd(int32_t id) const;
  void penalize(const Beam &beam, std::vector<double> &scores) const;
  /// That each beam has so far, without `start`.
  int64_t tokens() const { return static_cast<int64_t>(running.front().ids.size()) - 1; }

  BeamOptions options;
  std::vector<Beam> running;
  std::vector<Hypothesis> finished; ///< best first
};

} // namespace attune
