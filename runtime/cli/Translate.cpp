// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Translate.h"
#include "runtime/Error.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace attune;
using namespace attune::cli;
using nlohmann::ordered_json;

namespace {

BeamOptions searchOf(const cli::Translate &command, const Metadata &metadata) {
  BeamOptions search = recommendedSearch(metadata);
  search.beams = command.beams.value_or(search.beams);
  search.lengthPenalty = command.lengthPenalty.value_or(search.lengthPenalty);
  if (command.maxTokens) {
    if (*command.maxTokens < 1)
      throw Error(fmt::format("--max-tokens is {}, expected at least 1", *command.maxTokens));
    search.maxTokens = *command.maxTokens;
  }
  search.minTokens = command.minTokens.value_or(search.minTokens);
  search.noRepeat = command.noRepeat.value_or(search.noRepeat);
  search.earlyStopping = command.earlyStopping.value_or(search.earlyStopping);
  return search;
}

std::vector<int32_t> idsOf(Model &model, const std::string &text, bool areIds) {
  if (!areIds)
    return model.encodeWhole(text);
  nlohmann::json list = nlohmann::json::parse(text, nullptr, false);
  bool isList = list.is_array();
  for (size_t i = 0; isList && i < list.size(); ++i)
    isList = list[i].is_number_integer() && list[i] >= 0 && list[i] <= INT32_MAX;
  if (!isList)
    throw Error(fmt::format("'{}' is no list of ids like [504, 2644]", text));
  return list.get<std::vector<int32_t>>();
}

std::string shown(Model &model, const Hypothesis &result, const cli::Translate &command) {
  std::string text = model.tokenizer().decode(result.ids, true);
  if (command.json)
    return ordered_json{{"text", text}, {"score", result.score}, {"ids", result.ids}}.dump(
               -1, ' ', false, ordered_json::error_handler_t::replace) +
           "\n";
  return command.scores ? fmt::format("{:.4f}  {}\n", result.score, text) : text + "\n";
}

} // namespace

void cli::Translate::run(Model &model, const Common &common) {
  if (file.empty() == text.empty())
    throw Error(file.empty() ? "'translate' needs a text, - for standard input, or --file"
                             : "'translate' takes a text or --file, not both");
  BeamOptions search = searchOf(*this, model.metadata());
  Engine engine = openTranslator(model.program(), search, common.context);
  bool isText = file.empty() && text != "-";
  std::vector<std::string> sources = isText ? std::vector{text} : linesOf(readAll(file.empty() ? "-" : file));
  ProgressLine progress("texts");
  for (size_t i = 0; i < sources.size(); ++i) {
    // A line without words has nothing to be translated, but its place among the lines stays.
    if (sources[i].find_first_not_of(" \t") == std::string::npos)
      cli::write(json ? "null\n" : "\n");
    else
      cli::write(shown(model, attune::translate(engine, idsOf(model, sources[i], ids), search), *this));
    progress.show(i + 1, sources.size());
  }
}
