// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Translate.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

using namespace attune;

BeamOptions attune::recommendedSearch(const Metadata &metadata) {
  const GenerationDefaults &defaults = metadata.generation;
  const SpecialTokens &tokens = metadata.tokens;
  BeamOptions options;
  options.beams = defaults.beams.value_or(1);
  // Lengths count the token that a text begins with.
  options.maxTokens = std::min(defaults.maxLength.value_or(metadata.context), metadata.context) - 1;
  options.minTokens = std::max<int64_t>(defaults.minLength.value_or(0) - 1, 0);
  options.repetitionPenalty = defaults.repetitionPenalty.value_or(1);
  options.noRepeat = defaults.noRepeat.value_or(0);
  options.lengthPenalty = defaults.lengthPenalty.value_or(1);
  options.earlyStopping = defaults.earlyStopping;
  options.start = tokens.decoderStart.value_or(0);
  options.ends = tokens.eos;
  options.forcedFirst = tokens.forcedBos;
  options.forcedLast = tokens.forcedEos;
  options.banned = tokens.banned;
  options.bannedFirst = tokens.bannedFirst;
  return options;
}

Engine attune::openTranslator(const Program &program, const BeamOptions &options, int64_t context) {
  const Metadata &metadata = program.metadata();
  if (metadata.kind != ModelKind::EncoderDecoder)
    throw Error(
        fmt::format("'translate' is for models that make a text from a text; this one is of the kind '{}'",
                    nameOf(metadata.kind)));
  return Engine(program, {.context = context, .sequences = options.beams});
}

namespace {

/// The sequences of the beams, freed at the end.
class BeamSequences {
public:
  BeamSequences(Engine &engine, std::span<const int32_t> source)
      : engine(engine), source(engine.openSource()) {
    try {
      SourceFeed feed{this->source, source};
      engine.encode({&feed, 1});
    } catch (...) {
      engine.closeSource(this->source);
      throw;
    }
  }
  ~BeamSequences() {
    for (int sequence : ofBeam)
      engine.close(sequence);
    for (int sequence : spare)
      engine.close(sequence);
    engine.closeSource(source);
  }
  BeamSequences(const BeamSequences &) = delete;
  BeamSequences &operator=(const BeamSequences &) = delete;

  /// Gives each beam a sequence that holds what its parent's does: the parent's own to its first child,
  /// copies to others.
  void follow(const std::vector<BeamSearch::Beam> &beams) {
    std::vector<int> before = std::exchange(ofBeam, std::vector<int>(beams.size(), -1));
    std::vector<bool> taken(before.size());
    for (size_t i = 0; i < beams.size() && !before.empty(); ++i)
      if (!taken[beams[i].parent]) {
        ofBeam[i] = before[beams[i].parent];
        taken[beams[i].parent] = true;
      }
    for (size_t i = 0; i < before.size(); ++i)
      if (!taken[i])
        spare.push_back(before[i]);
    for (size_t i = 0; i < beams.size(); ++i)
      if (ofBeam[i] < 0) {
        ofBeam[i] = take();
        if (!before.empty())
          engine.copy(before[beams[i].parent], ofBeam[i]);
      }
  }

  void feed(const std::vector<BeamSearch::Beam> &beams) {
    std::vector<Feed> feeds;
    for (size_t i = 0; i < beams.size(); ++i)
      feeds.push_back({ofBeam[i], {&beams[i].ids.back(), 1}});
    engine.step(feeds);
  }

private:
  int take() {
    if (spare.empty())
      return engine.open(source);
    int sequence = spare.back();
    spare.pop_back();
    engine.truncate(sequence, 0);
    return sequence;
  }

  Engine &engine;
  int source;
  std::vector<int> ofBeam, spare;
};

} // namespace

Hypothesis attune::translate(Engine &engine, std::span<const int32_t> source, const BeamOptions &options) {
  BeamOptions search = options;
  search.maxTokens = std::min(search.maxTokens, engine.context() - 1);
  BeamSearch beams(search);
  BeamSequences sequences(engine, source);
  do {
    sequences.follow(beams.beams());
    sequences.feed(beams.beams());
  } while (beams.advance([&](size_t beam) { return engine.logits(static_cast<int64_t>(beam)); }));
  return beams.best();
}
