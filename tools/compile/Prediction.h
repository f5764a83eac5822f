// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What a program has to do at least for a token or a prompt, and how fast a machine can thus be at best. A
/// program's `bench --profile` has what it did beside the same figures.

#ifndef ATTUNE_TOOLS_COMPILE_PREDICTION_H
#define ATTUNE_TOOLS_COMPILE_PREDICTION_H

#include "frontend/Description.h"
#include "tools/compile/Graph.h"

namespace attune {

/// A table in lines, a row for each kind of work that `bench` measures; empty for models that have none.
std::string predictionText(const Graph &graph, ModelKind kind);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_PREDICTION_H
