// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Prediction.h"

#include <fmt/format.h>

using namespace attune;

namespace {

/// A step: so many tokens, each of which sees so many keys, and rows whose results are wanted.
struct Step {
  const char *name;
  double tokens, keys, rows;
};

/// The keys of tokens that go one by one are a mean.
constexpr Step kDecoderSteps[] = {{"a token of 128 after 32", 1, 32 + 64.5, 1},
                                  {"a token of 128 after 1024", 1, 1024 + 64.5, 1},
                                  {"a prompt of 512 tokens", 512, 256.5, 1}};
constexpr Step kEncoderSteps[] = {{"a text of 16 tokens", 16, 16, 16},
                                  {"a text of 128 tokens", 128, 128, 128}};

std::string line(const Graph &graph, const Step &step) {
  const Cost &cost = graph.total;
  double weights = cost.bytesOf(step.tokens);
  // A prompt's keys are in registers and caches as they are made.
  double cache = step.tokens == 1 ? step.keys * graph.cacheBytesPerToken : 0;
  double operations =
      cost.perToken * step.tokens + cost.perRow * step.rows + cost.perTokenAndKey * step.tokens * step.keys;
  return fmt::format("{:<26} {:>10} {:>10} {:>12} {:>18.3g} {:>18.3g}\n", step.name, withPrefix(weights, "B"),
                     cache > 0 ? withPrefix(cache, "B") : "-", withPrefix(operations, "FLOP"),
                     step.tokens * 1e9 / (weights + cache), step.tokens * 1e9 / operations);
}

} // namespace

std::string attune::predictionText(const Graph &graph, ModelKind kind) {
  llvm::ArrayRef<Step> steps;
  if (kind == ModelKind::decoder)
    steps = kDecoderSteps;
  else if (kind == ModelKind::encoder)
    steps = kEncoderSteps;
  if (steps.empty())
    return "";
  std::string text = fmt::format("{:<26} {:>10} {:>10} {:>12} {:>18} {:>18}\n", "at least", "weights",
                                 "cache", "operations", "tok/s for 1 GB/s", "for 1 GFLOP/s");
  for (const Step &step : steps)
    text += line(graph, step);
  return text +
         "The lower of the two binds. `bench --profile` of the program measures the machine's limits, and "
         "times beside them.\n";
}
