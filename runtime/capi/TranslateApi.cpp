// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/capi/Handles.h"
#include "runtime/engine/Translate.h"

using namespace attune;
using namespace attune::capi;

namespace {

BeamOptions searchOf(const Metadata &metadata, const attune_translate_options *given) {
  BeamOptions search = recommendedSearch(metadata);
  if (!given)
    return search;
  if (given->early_stopping < 0 || given->early_stopping > 2)
    throw Error("early_stopping is " + std::to_string(given->early_stopping) + ", expected 0, 1 or 2");
  if (given->max_tokens < 1)
    throw Error("max_tokens is " + std::to_string(given->max_tokens) + ", expected at least 1");
  search.beams = given->beams;
  search.lengthPenalty = given->length_penalty;
  search.maxTokens = given->max_tokens;
  search.minTokens = given->min_tokens;
  search.noRepeat = given->no_repeat;
  search.earlyStopping = static_cast<EarlyStopping>(given->early_stopping);
  return search;
}

Engine &translatorOf(attune_model &model, const BeamOptions &search) {
  if (!model.translator || model.translatorBeams < search.beams) {
    model.translator.reset();
    model.translator.reset(
        new Engine(openTranslator(model.model.program(), search, model.engineOptions.context)));
    model.translatorBeams = search.beams;
  }
  return *model.translator;
}

} // namespace

int attune_recommended_translate_options(const attune_model *model, attune_translate_options *options) {
  return guarded<int>(-1, [&] {
    BeamOptions search = recommendedSearch(require(model, "the model")->model.metadata());
    *require(options, "the options") = {search.beams,     search.lengthPenalty,
                                        search.maxTokens, search.minTokens,
                                        search.noRepeat,  static_cast<int>(search.earlyStopping)};
    return 0;
  });
}

int64_t attune_translate(attune_model *model, const int32_t *ids, size_t count,
                         const attune_translate_options *options, int32_t *result, int64_t capacity,
                         double *score) {
  return guarded<int64_t>(-1, [&] {
    attune_model &owner = *require(model, "the model");
    BeamOptions search = searchOf(owner.model.metadata(), options);
    std::span<const int32_t> source(count ? require(ids, "the list of ids") : nullptr, count);
    Hypothesis best = translate(translatorOf(owner, search), source, search);
    if (score)
      *score = best.score;
    return copyOut(best.ids, result, capacity);
  });
}
