// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Fill.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Table.h"
#include "runtime/cli/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace attune;
using namespace attune::cli;
using nlohmann::ordered_json;

namespace {

/// The whole text with one candidate in its gap; other gaps stay.
std::string filled(Model &model, std::vector<int32_t> ids, size_t position, int32_t id) {
  ids[position] = id;
  return model.decodeGaps(ids);
}

ordered_json jsonOf(Model &model, const std::vector<int32_t> &ids, const Gap &gap) {
  ordered_json list = ordered_json::array();
  for (const Guess &candidate : gap.candidates)
    list.push_back({{"id", candidate.id},
                    {"token", model.label(candidate.id)},
                    {"probability", candidate.probability},
                    {"text", filled(model, ids, gap.position, candidate.id)}});
  return {{"position", gap.position}, {"candidates", std::move(list)}};
}

std::string tableOf(Model &model, const std::vector<int32_t> &ids, const Gap &gap) {
  using enum Table::Align;
  Table table({Right, Left, Left});
  for (const Guess &candidate : gap.candidates)
    table.add({fmt::format("{:.4f}", candidate.probability), model.label(candidate.id),
               filled(model, ids, gap.position, candidate.id)});
  return table.text(2);
}

} // namespace

void cli::Fill::run(Model &model, const Common &common) {
  std::string given = text == "-" ? readAll("-") : text;
  while (!given.empty() && (given.back() == '\n' || given.back() == '\r'))
    given.pop_back();
  Engine engine(model.program(), {.context = common.context});
  std::vector<int32_t> ids =
      engine.isEncoder() ? model.encodeGaps(given) : model.encodeWhole(given); // fillGaps says what is wrong
  int32_t mask = engine.isEncoder() ? model.maskToken() : -1;
  std::vector<Gap> gaps = fillGaps(engine, ids, mask, static_cast<size_t>(candidates), model.choices());
  if (json) {
    ordered_json result = {{"text", model.decodeGaps(ids)}, {"gaps", ordered_json::array()}};
    for (const Gap &gap : gaps)
      result["gaps"].push_back(jsonOf(model, ids, gap));
    return cli::write(result.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
  }
  std::string shown;
  for (size_t i = 0; i < gaps.size(); ++i) {
    if (gaps.size() > 1)
      shown += fmt::format("{}gap {} of {}\n", i ? "\n" : "", i + 1, gaps.size());
    shown += tableOf(model, ids, gaps[i]);
  }
  cli::write(shown);
}
