// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Commands.h"
#include "runtime/cli/Terminal.h"
#include "runtime/engine/Generation.h"

#include <fmt/format.h>

using namespace attune;
using namespace attune::cli;

SamplerOptions Sampling::over(SamplerOptions defaults) const {
  defaults.temperature = temperature.value_or(defaults.temperature);
  defaults.topK = topK.value_or(defaults.topK);
  defaults.topP = topP.value_or(defaults.topP);
  defaults.minP = minP.value_or(defaults.minP);
  defaults.repetitionPenalty = repeatPenalty.value_or(defaults.repetitionPenalty);
  defaults.seed = seed;
  defaults.validate();
  return defaults;
}

void cli::Generate::run(Model &model, const Common &common) {
  SamplerOptions sampling = this->sampling.over({});
  std::string text = prompt == "-" ? readAll("-") : prompt;
  std::vector<int32_t> ids = model.encodePrompt(text);
  Engine engine(model.program(), {.context = common.context});
  Sampler sampler(sampling, model.choices());

  // The decoder sees the prompt too, so that the first new token is spelled as it is in the middle of a text.
  StreamDecoder decoder(model.tokenizer());
  for (int32_t id : ids)
    decoder.push(id);
  if (echo)
    cli::write(text);
  char last = '\n';
  auto show = [&](const std::string &piece) {
    if (!piece.empty())
      last = piece.back();
    cli::write(piece);
    return true;
  };
  GenerationReport report = generate(engine, engine.open(), ids, sampler, {maxTokens, !ignoreEnd},
                                     [&](int32_t id) { return show(decoder.push(id)); });
  show(decoder.flush());
  if (last != '\n' || report.tokens == 0)
    cli::write("\n");
  if (report.reason == StopReason::Context)
    fmt::print(stderr, "stopped: the context of {} tokens is full\n", engine.context());
  if (stats)
    fmt::print(stderr, "{} prompt tokens in {:.3f} s ({:.1f}/s), {} tokens in {:.3f} s ({:.1f}/s)\n",
               ids.size(), report.promptSeconds, static_cast<double>(ids.size()) / report.promptSeconds,
               report.tokens, report.decodeSeconds,
               static_cast<double>(report.tokens) / report.decodeSeconds);
}
