// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Score.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <numeric>

using namespace attune;
using namespace attune::cli;

void cli::Score::run(Model &model, const Common &common) {
  std::string text = readAll(file);
  std::vector<int32_t> ids = model.encodePrompt(text);
  Engine engine(model.program(), {.context = common.context});
  std::vector<double> scores;
  {
    ProgressLine progress("tokens scored");
    scores = Scorer(engine, stride).score(ids, [&](size_t done, size_t all) { progress.show(done, all); });
  }
  double sum = std::accumulate(scores.begin(), scores.end(), 0.0),
         mean = sum / static_cast<double>(scores.size());

  if (json) {
    nlohmann::ordered_json result = {{"tokens", scores.size()},
                                     {"log_probability", sum},
                                     {"mean", mean},
                                     {"perplexity", perplexity(scores)}};
    if (tokens) {
      result["ids"] = std::vector<int32_t>(ids.begin() + 1, ids.end());
      result["log_probabilities"] = scores;
    }
    return cli::write(result.dump() + "\n");
  }
  if (tokens) {
    cli::write(fmt::format("{:>8}  {:>8}  {:>14}  {}\n", "position", "id", "log-prob", "token"));
    for (size_t i = 0; i < scores.size(); ++i) {
      int32_t id = ids[i + 1];
      std::string shown = nlohmann::json(model.tokenizer().decode({&id, 1}, false)).dump();
      cli::write(fmt::format("{:>8}  {:>8}  {:>14.6f}  {}\n", i + 1, id, scores[i], shown));
    }
  }
  cli::write(fmt::format("{} tokens scored, log-probability {:.6f} (mean {:.6f}), perplexity {:.6f}\n",
                         scores.size(), sum, mean, perplexity(scores)));
}
