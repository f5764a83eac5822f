// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/BeamSearch.h"
#include "runtime/engine/Engine.h"

namespace attune {

/// How the model's makers have texts made from texts.
BeamOptions recommendedSearch(const Metadata &metadata);

/// An engine for `translate`: a source, and a sequence for each beam. Throws attune::Error if the model is no
/// encoder-decoder.
Engine openTranslator(const Program &program, const BeamOptions &options, int64_t context = 0);

/// The text that the model makes of a source, which ends as its encoder expects. The engine has a free source
/// and as many free sequences as the search has beams; they are free again afterwards, errors or not.
Hypothesis translate(Engine &engine, std::span<const int32_t> source, const BeamOptions &options);

} // namespace attune
