// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Terminal.h"
#include "runtime/parallel/ThreadPool.h"

#include <fmt/format.h>

using namespace attune;
using namespace attune::cli;

namespace {

std::vector<OwnedTensor> compute(const Program &program, const cli::Run &command,
                                 EngineStatistics &statistics) {
  if (program.metadata().literalTokens > 0) {
    if (!command.input.empty())
      throw Error("this model has inputs of its own: 'run' takes no input file");
    return runLiteral(program, &statistics);
  }
  if (command.input.empty())
    throw Error(
        "'run' needs an input file of tensors (safetensors): input_ids, and what else the model takes");
  SafetensorsFile input(command.input);
  return runTensors(program, input.tensors(), command.options, &statistics);
}

std::string textOf(const EngineStatistics &statistics) {
  std::string text = fmt::format("device: {}, {} threads\nlaunches: step {}\n",
                                 statistics.device.empty() ? "cpu" : statistics.device,
                                 ThreadPool::process().threads(), statistics.steps);
  int64_t launches = 0;
  for (const EngineStatistics::Kernel &kernel : statistics.kernels)
    if (kernel.launches) {
      text += fmt::format("launches: kernel {} {}\n", kernel.name, kernel.launches);
      launches += kernel.launches;
    }
  if (launches && statistics.steps)
    text += fmt::format("launches: kernels of a step {:.1f}\n",
                        static_cast<double>(launches) / static_cast<double>(statistics.steps));
  return text + fmt::format("tokens: {}\ntime: {:.6f} s\n", statistics.tokens, statistics.seconds);
}

} // namespace

void cli::Run::run(Model &model, const Common &) {
  EngineStatistics statistics;
  std::vector<OwnedTensor> tensors = compute(model.program(), *this, statistics);
  std::vector<NamedTensor> views;
  for (const OwnedTensor &tensor : tensors)
    views.push_back(tensor.view());
  writeSafetensors(output, views);
  if (stats)
    cli::write(textOf(statistics));
}
