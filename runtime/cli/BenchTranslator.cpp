// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Benches.h"
#include "runtime/engine/Translate.h"

#include <fmt/format.h>

using namespace attune;
using namespace attune::cli;
using nlohmann::ordered_json;

namespace {

/// Texts of a fixed length, whatever the model would end them with.
class TranslatorBench {
public:
  TranslatorBench(Model &model, const Common &common, const Bench &options)
      : search(recommendedSearch(model.metadata())), options(options),
        prompts(options.prompts, model.metadata().vocabulary) {
    search.beams = std::max<int64_t>(search.beams, 4);
    engine.emplace(openTranslator(model.program(), search, common.context));
    search.maxTokens = search.minTokens = std::min<int64_t>(64, engine->context() - 1);
    storeStart(result, options);
  }

  ordered_json run() {
    std::vector<int32_t> source = prompts.get("source", 128, static_cast<size_t>(engine->context()));
    BeamOptions greedy = search;
    greedy.beams = 1;
    make(source, greedy);
    Rates encoded, likeliest, searched;
    for (int64_t i = 0; i < options.repeats; ++i) {
      encode(source, encoded);
      result["ids"] = measure(source, greedy, likeliest);
      measure(source, search, searched);
    }
    result["source_tokens"] = source.size();
    result["text_tokens"] = search.maxTokens;
    result["beams"] = search.beams;
    encoded.store("encode", result);
    likeliest.store("greedy", result);
    searched.store("search", result);
    result["rss_mb"] = residentMegabytes();
    return result;
  }

  /// A text made of a source by the likeliest tokens, the source's share counted.
  void profile(Profiler &profiler) {
    std::vector<int32_t> source = prompts.get("source", 128, static_cast<size_t>(engine->context()));
    BeamOptions greedy = search;
    greedy.beams = 1;
    make(source, greedy);
    profiler.part(fmt::format("a source of {} tokens and a text of {}", source.size(), search.maxTokens), 1,
                  [&] { make(source, greedy); });
  }

private:
  void encode(const std::vector<int32_t> &ids, Rates &rates) {
    SourceFeed feed{engine->openSource(), ids};
    Timer timer;
    engine->encode({&feed, 1});
    rates.add(static_cast<int64_t>(ids.size()), timer);
    engine->closeSource(feed.source);
  }

  std::vector<int32_t> make(const std::vector<int32_t> &source, const BeamOptions &how) {
    return translate(*engine, source, how).ids;
  }

  /// The source's share of the time is counted.
  std::vector<int32_t> measure(const std::vector<int32_t> &source, const BeamOptions &how, Rates &rates) {
    Timer timer;
    std::vector<int32_t> ids = make(source, how);
    rates.add(static_cast<int64_t>(ids.size()), timer);
    return ids;
  }

  BeamOptions search;
  const Bench &options;
  Prompts prompts;
  std::optional<Engine> engine;
  ordered_json result;
};

} // namespace

ordered_json cli::benchTranslator(Model &model, const Common &common, const Bench &options) {
  return TranslatorBench(model, common, options).run();
}

void cli::profileTranslator(Model &model, const Common &common, const Bench &options, Profiler &profiler) {
  TranslatorBench(model, common, options).profile(profiler);
}
