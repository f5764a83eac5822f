// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Benches.h"
#include "runtime/engine/Generation.h"

#include <fmt/format.h>

using namespace attune;
using namespace attune::cli;
using nlohmann::ordered_json;

namespace {

constexpr size_t idsShown = 32;

class DecoderBench final : public Measurement {
public:
  DecoderBench(Model &model, const Common &common, const Bench &options)
      : program(model.program()), engine(program, {.context = common.context}), sequence(engine.open()),
        options(options), prompts(options.prompts, model.metadata().vocabulary) {
    storeStart(result, options);
    size_t context = static_cast<size_t>(engine.context());
    decoded = std::min<int64_t>(128, engine.context() / 2); // a small context has no room for more
    size_t room = context - static_cast<size_t>(decoded);
    p512 = prompts.get("p512", 512, context);
    brief = prompts.get("short", 32, room);
    p1024 = prompts.get("p1024", 1024, room);
  }

  void profile(Profiler &profiler) override {
    prefill(p512); // touches what is touched for the first time
    profiler.part(fmt::format("prompt of {} tokens", p512.size()), options.repeats, [&] {
      for (int64_t i = 0; i < options.repeats; ++i)
        prefill(p512);
    });
    for (const std::vector<int32_t> &prompt : {brief, p1024}) {
      int32_t first = prefill(prompt);
      profiler.part(fmt::format("a token of {} after {}", decoded, prompt.size()), decoded,
                    [&] { decode(first, decoded); });
    }
  }

  ordered_json run() override {
    std::vector<int32_t> half = p512;
    int32_t first = prefill(brief);
    result["first_s"] = secondsSinceStart(options);
    decode(first, std::min<int64_t>(decoded, 4));
    half.resize(std::min<size_t>(half.size(), 64));
    prefill(half);

    Rates prefilled, afterShort, afterLong;
    std::vector<int32_t> ids, longIds;
    for (int64_t i = 0; i < options.repeats; ++i) {
      Timer timer;
      prefill(p512);
      prefilled.add(static_cast<int64_t>(p512.size()), timer);
      ids = measure(brief, afterShort);
      longIds = measure(p1024, afterLong);
    }
    result["prefill_tokens"] = p512.size();
    prefilled.store("prefill", result);
    afterShort.store("decode", result);
    afterLong.store("decode1k", result);
    result["rss_mb"] = residentMegabytes(); // before there are more sequences
    decodeTogether(brief).store("together", result);
    result["ids"] = ids;
    result["ids1k"] = longIds;
    return result;
  }

private:
  int32_t prefill(const std::vector<int32_t> &ids) {
    engine.truncate(sequence, 0);
    engine.feed({sequence, ids});
    return argmax(engine, 0);
  }

  std::vector<int32_t> decode(int32_t id, int64_t count) {
    std::vector<int32_t> ids = {id};
    ids.reserve(static_cast<size_t>(count) + 1);
    for (int64_t i = 0; i < count; ++i) {
      Feed feed{sequence, {&ids.back(), 1}};
      engine.step({&feed, 1});
      ids.push_back(argmax(engine, 0));
    }
    return ids;
  }

  std::vector<int32_t> measure(const std::vector<int32_t> &prompt, Rates &rates) {
    int32_t first = prefill(prompt);
    Timer timer;
    std::vector<int32_t> ids = decode(first, decoded);
    rates.add(decoded, timer);
    ids.resize(std::min(ids.size(), idsShown));
    return ids;
  }

  /// Several sequences that decode at the same time, a token of each in a step: tokens of them all.
  Rates decodeTogether(const std::vector<int32_t> &prompt) {
    constexpr int64_t sequences = 8;
    int64_t steps = std::min<int64_t>(decoded, 32);
    Engine several(program, {.context = static_cast<int64_t>(prompt.size()) + steps, .sequences = sequences});
    std::vector<int32_t> next(sequences);
    std::vector<Feed> feeds;
    for (int64_t i = 0; i < sequences; ++i) {
      feeds.push_back({several.open(), {}});
      several.feed({feeds.back().sequence, prompt});
      next[static_cast<size_t>(i)] = argmax(several, 0);
      feeds.back().ids = {&next[static_cast<size_t>(i)], 1};
    }
    Rates rates;
    Timer timer;
    for (int64_t step = 0; step < steps; ++step) {
      several.step(feeds);
      for (int64_t i = 0; i < sequences; ++i)
        next[static_cast<size_t>(i)] = argmax(several, i);
    }
    rates.add(sequences * steps, timer);
    return rates;
  }

  const Program &program;
  Engine engine;
  int sequence;
  int64_t decoded = 0; ///< tokens to measure decoding with
  const Bench &options;
  Prompts prompts;
  std::vector<int32_t> p512, brief, p1024;
  ordered_json result;
};

} // namespace

std::unique_ptr<Measurement> cli::decoderMeasurement(Model &model, const Common &common,
                                                     const Bench &options) {
  return std::make_unique<DecoderBench>(model, common, options);
}
