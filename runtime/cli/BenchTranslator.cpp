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
class TranslatorBench final : public Measurement {
public:
  TranslatorBench(Model &model, const Common &common, const Bench &options)
      : search(severalBeams(model.metadata())),
        engine(openTranslator(model.program(), search, common.context)), options(options) {
    search.maxTokens = search.minTokens = std::min<int64_t>(64, engine.context() - 1);
    greedy = search;
    greedy.beams = 1;
    source = Prompts(options.prompts, model.metadata().vocabulary)
                 .get("source", 128, static_cast<size_t>(engine.context()));
    storeStart(result, options);
  }

  ordered_json run() override {
    make(greedy);
    Rates encoded, likeliest, searched;
    for (int64_t i = 0; i < options.repeats; ++i) {
      encode(encoded);
      result["ids"] = measure(greedy, likeliest);
      measure(search, searched);
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
  void profile(Profiler &profiler) override {
    make(greedy);
    profiler.part(fmt::format("a source of {} tokens and a text of {}", source.size(), search.maxTokens), 1,
                  [&] { make(greedy); });
  }

private:
  static BeamOptions severalBeams(const Metadata &metadata) {
    BeamOptions options = recommendedSearch(metadata);
    options.beams = std::max<int64_t>(options.beams, 4);
    return options;
  }

  void encode(Rates &rates) {
    SourceFeed feed{engine.openSource(), source};
    Timer timer;
    engine.encode({&feed, 1});
    rates.add(static_cast<int64_t>(source.size()), timer);
    engine.closeSource(feed.source);
  }

  std::vector<int32_t> make(const BeamOptions &how) { return translate(engine, source, how).ids; }

  /// The source's share of the time is counted.
  std::vector<int32_t> measure(const BeamOptions &how, Rates &rates) {
    Timer timer;
    std::vector<int32_t> ids = make(how);
    rates.add(static_cast<int64_t>(ids.size()), timer);
    return ids;
  }

  BeamOptions search, greedy;
  Engine engine;
  const Bench &options;
  std::vector<int32_t> source;
  ordered_json result;
};

} // namespace

std::unique_ptr<Measurement> cli::translatorMeasurement(Model &model, const Common &common,
                                                        const Bench &options) {
  return std::make_unique<TranslatorBench>(model, common, options);
}
