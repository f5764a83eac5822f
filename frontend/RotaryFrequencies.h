// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The angles per position of rotary embeddings.

#ifndef ATTUNE_FRONTEND_ROTARYFREQUENCIES_H
#define ATTUNE_FRONTEND_ROTARYFREQUENCIES_H

#include "frontend/Description.h"

namespace attune {

/// `dims / 2` frequencies in radians per position, with the rotary's scaling applied; computed in f32, as
/// transformers does. Longrope has others for sequences longer than the original context.
std::vector<float> rotaryFrequencies(const Rotary &rotary, bool ofLongSequences = false);

} // namespace attune

#endif // ATTUNE_FRONTEND_ROTARYFREQUENCIES_H
