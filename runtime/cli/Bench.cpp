// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/cli/Benches.h"
#include "runtime/cli/Table.h"
#include "runtime/cli/Terminal.h"
#include "runtime/parallel/ThreadPool.h"

#include <fmt/format.h>

#include <sys/resource.h>

using namespace attune;
using namespace attune::cli;
using nlohmann::ordered_json;

double cli::residentMegabytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return std::round(static_cast<double>(usage.ru_maxrss) / 102.4) / 10;
}

Prompts::Prompts(const std::string &path, int64_t vocabulary) : vocabulary(vocabulary) {
  if (path.empty())
    return;
  file = nlohmann::json::parse(readAll(path), nullptr, false);
  if (!file.is_object())
    throw Error(fmt::format("'{}' is not a JSON object of id lists", path));
}

std::vector<int32_t> Prompts::get(const char *key, size_t length, size_t most) const {
  std::vector<int32_t> ids = file.is_object() ? read(key) : invent(length);
  ids.resize(std::min(ids.size(), most));
  return ids;
}

std::vector<int32_t> Prompts::read(const char *key) const {
  auto found = file.find(key);
  auto isId = [](const nlohmann::json &id) { return id.is_number_integer() && id >= 0 && id <= INT32_MAX; };
  if (found == file.end() || !found->is_array() || found->empty() || !std::ranges::all_of(*found, isId))
    throw Error(fmt::format("the prompts have no list of ids '{}'", key));
  return found->get<std::vector<int32_t>>();
}

std::vector<int32_t> Prompts::invent(size_t length) const {
  std::vector<int32_t> ids(length);
  for (size_t i = 0; i < length; ++i)
    ids[i] = static_cast<int32_t>((i * 7919 + 17) % static_cast<size_t>(vocabulary));
  return ids;
}

double cli::secondsSinceStart(const Bench &options) {
  return std::round((now() - options.startSeconds) * 1e4) / 1e4;
}

void cli::storeStart(ordered_json &result, const Bench &options) {
  result["threads"] = ThreadPool::process().threads();
  result["load_s"] = secondsSinceStart(options);
}

static std::string rateCell(const ordered_json &rates, bool best) {
  if (rates.empty())
    return "-";
  std::vector<double> sorted = rates.get<std::vector<double>>();
  std::ranges::sort(sorted);
  return fmt::format("{:.1f}", best ? sorted.back() : sorted[sorted.size() / 2]);
}

static std::string tableOf(const ordered_json &result) {
  using enum Table::Align;
  Table table({Left, Right, Right});
  if (result.contains("ms")) {
    table.add({"batch", "best ms", "median ms"});
    for (auto &[name, times] : result["ms"].items())
      table.add({name, fmt::format("{:.3f}", times[0].get<double>()),
                 fmt::format("{:.3f}", times[1].get<double>())});
  } else {
    table.add({"tokens per second", "best", "median"});
    for (auto [name, key] : {std::pair("prompt", "prefill_tps"),
                             {"next tokens, short prompt", "decode_tps"},
                             {"next tokens, long prompt", "decode1k_tps"},
                             {"next tokens of 8 sequences", "together_tps"},
                             {"source", "encode_tps"},
                             {"text made of it, likeliest tokens", "greedy_tps"},
                             {"the same by beam search", "search_tps"}})
      if (result.contains(key))
        table.add({name, rateCell(result[key], true), rateCell(result[key], false)});
  }
  std::string text = table.text();
  text += fmt::format("\nthreads {}, loaded in {:.3f} s", result["threads"].get<int>(),
                      result["load_s"].get<double>());
  if (result.contains("first_s"))
    text += fmt::format(", first token after {:.3f} s", result["first_s"].get<double>());
  return text + fmt::format(", {:.1f} MB resident\n", result["rss_mb"].get<double>());
}

static std::unique_ptr<Measurement> measurementOf(Model &model, const Common &common,
                                                  const cli::Bench &options) {
  switch (model.metadata().kind) {
  case ModelKind::Encoder:
    return encoderMeasurement(model, common, options);
  case ModelKind::EncoderDecoder:
    return translatorMeasurement(model, common, options);
  default:
    return decoderMeasurement(model, common, options);
  }
}

void cli::Bench::run(Model &model, const Common &common) {
  if (!profile) {
    ordered_json result = measurementOf(model, common, *this)->run();
    return cli::write(json ? result.dump() + "\n" : tableOf(result));
  }
  Profiler profiler(model.program());
  measurementOf(model, common, *this)->profile(profiler);
  cli::write(json ? profiler.result().dump() + "\n" : profileText(profiler.result()));
}
