// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/cli/Clock.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Table.h"
#include "runtime/cli/Terminal.h"
#include "runtime/engine/Generation.h"
#include "runtime/parallel/ThreadPool.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <sys/resource.h>

using namespace attune;
using namespace attune::cli;
using nlohmann::ordered_json;

namespace {

double residentMegabytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return std::round(static_cast<double>(usage.ru_maxrss) / 102.4) / 10;
}

/// Both the clock on the wall and the processor's, from construction.
struct Timer {
  double wall = now(), cpu = cpuNow();
};

/// What a kind of work has reached, a number per repeat: tokens per second of each clock.
struct Rates {
  std::vector<double> wall, cpu;

  void add(int64_t tokens, const Timer &since) {
    double count = static_cast<double>(tokens);
    wall.push_back(std::round(count / (now() - since.wall) * 1000) / 1000);
    cpu.push_back(std::round(count / std::max(cpuNow() - since.cpu, 1e-9) * 1000) / 1000);
  }
};

/// Ids of a given length: from a file, or made up.
class Prompts {
public:
  Prompts(const std::string &path, int64_t vocabulary) : vocabulary(vocabulary) {
    if (path.empty())
      return;
    file = nlohmann::json::parse(readAll(path), nullptr, false);
    if (!file.is_object())
      throw Error(fmt::format("'{}' is not a JSON object of id lists", path));
  }

  /// At most `most` ids.
  std::vector<int32_t> get(const char *key, size_t length, size_t most) const {
    std::vector<int32_t> ids = file.is_object() ? read(key) : invent(length);
    ids.resize(std::min(ids.size(), most));
    return ids;
  }

  const nlohmann::json &content() const { return file; }

private:
  std::vector<int32_t> read(const char *key) const {
    auto found = file.find(key);
    auto isId = [](const nlohmann::json &id) { return id.is_number_integer() && id >= 0 && id <= INT32_MAX; };
    if (found == file.end() || !found->is_array() || found->empty() || !std::ranges::all_of(*found, isId))
      throw Error(fmt::format("the prompts have no list of ids '{}'", key));
    return found->get<std::vector<int32_t>>();
  }

  std::vector<int32_t> invent(size_t length) const {
    std::vector<int32_t> ids(length);
    for (size_t i = 0; i < length; ++i)
      ids[i] = static_cast<int32_t>((i * 7919 + 17) % static_cast<size_t>(vocabulary));
    return ids;
  }

  nlohmann::json file;
  int64_t vocabulary;
};

constexpr size_t idsShown = 32;

class DecoderBench {
public:
  DecoderBench(Model &model, const Common &common, const Bench &options)
      : program(model.program()), engine(program, {.context = common.context}), sequence(engine.open()),
        options(options), prompts(options.prompts, model.metadata().vocabulary) {
    result["threads"] = ThreadPool::process().threads();
    result["load_s"] = sinceStart();
  }

  ordered_json run() {
    size_t context = static_cast<size_t>(engine.context());
    decoded = std::min<int64_t>(128, engine.context() / 2); // a small context has no room for more
    size_t room = context - static_cast<size_t>(decoded);
    std::vector<int32_t> p512 = prompts.get("p512", 512, context), half = p512;
    std::vector<int32_t> brief = prompts.get("short", 32, room);
    std::vector<int32_t> p1024 = prompts.get("p1024", 1024, room);
    int32_t first = prefill(brief);
    result["first_s"] = sinceStart();
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
    store("prefill", prefilled);
    store("decode", afterShort);
    store("decode1k", afterLong);
    result["rss_mb"] = residentMegabytes(); // before there are more sequences
    store("together", decodeTogether(brief));
    result["ids"] = ids;
    result["ids1k"] = longIds;
    return result;
  }

private:
  double sinceStart() const { return std::round((now() - options.startSeconds) * 1e4) / 1e4; }

  int32_t prefill(const std::vector<int32_t> &ids) {
    engine.truncate(sequence, 0);
    engine.feed({sequence, ids});
    return argmax(engine.logits(0));
  }

  std::vector<int32_t> decode(int32_t id, int64_t count) {
    std::vector<int32_t> ids = {id};
    ids.reserve(static_cast<size_t>(count) + 1);
    for (int64_t i = 0; i < count; ++i) {
      Feed feed{sequence, {&ids.back(), 1}};
      engine.step({&feed, 1});
      ids.push_back(argmax(engine.logits(0)));
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
      next[static_cast<size_t>(i)] = argmax(several.logits(0));
      feeds.back().ids = {&next[static_cast<size_t>(i)], 1};
    }
    Rates rates;
    Timer timer;
    for (int64_t step = 0; step < steps; ++step) {
      several.step(feeds);
      for (int64_t i = 0; i < sequences; ++i)
        next[static_cast<size_t>(i)] = argmax(several.logits(i));
    }
    rates.add(sequences * steps, timer);
    return rates;
  }

  void store(const std::string &name, const Rates &rates) {
    result[name + "_tps"] = rates.wall;
    result[name + "_cpu_tps"] = rates.cpu;
  }

  const Program &program;
  Engine engine;
  int sequence;
  int64_t decoded = 0; ///< tokens to measure decoding with
  const Bench &options;
  Prompts prompts;
  ordered_json result;
};

/// Sentence vectors (the mean of the hidden states, of length 1) of batches of texts.
class EncoderBench {
public:
  EncoderBench(Model &model, const Common &common, const Bench &options)
      : engine(model.program(), {.context = common.context}), options(options),
        prompts(options.prompts, model.metadata().vocabulary) {
    result["threads"] = ThreadPool::process().threads();
    result["load_s"] = std::round((now() - options.startSeconds) * 1e4) / 1e4;
  }

  ordered_json run() {
    result["ms"] = result["cpu_ms"] = ordered_json::object();
    for (auto &[name, texts] : inputs())
      measure(name, texts);
    result["rss_mb"] = residentMegabytes();
    return result;
  }

private:
  using Texts = std::vector<std::vector<int32_t>>;

  std::vector<std::pair<std::string, Texts>> inputs() const {
    std::vector<std::pair<std::string, Texts>> batches;
    if (prompts.content().is_object()) {
      for (auto &[name, texts] : prompts.content().items())
        try {
          batches.emplace_back(name, texts.get<Texts>());
        } catch (const nlohmann::json::exception &) {
          throw Error(fmt::format("the inputs '{}' are not a list of id lists", name));
        }
      return batches;
    }
    auto add = [&](const char *name, std::vector<size_t> lengths) {
      Texts texts;
      for (size_t length : lengths)
        texts.push_back(prompts.get("", length, static_cast<size_t>(engine.context())));
      batches.emplace_back(name, std::move(texts));
    };
    std::vector<size_t> mixed(32);
    for (size_t i = 0; i < mixed.size(); ++i)
      mixed[i] = 5 + i * 13 % 32 * 123 / 31;
    add("1x16", {16}), add("1x128", {128}), add("32x128", std::vector<size_t>(32, 128)), add("32xmix", mixed);
    return batches;
  }

  void encode(const Texts &texts) {
    std::vector<Feed> feeds;
    for (const std::vector<int32_t> &text : texts)
      feeds.push_back({0, text, {}, Rows::All});
    engine.step(feeds);
    const TensorView &hidden = engine.result("last_hidden_state");
    size_t width = static_cast<size_t>(hidden.info->rowSize()), row = 0;
    vectors.assign(texts.size() * width, 0.f);
    for (size_t i = 0; i < texts.size(); ++i) {
      float *sum = vectors.data() + i * width, squares = 0;
      for (size_t t = 0; t < texts[i].size(); ++t, ++row)
        for (size_t j = 0; j < width; ++j)
          sum[j] += hidden.floats()[row * width + j];
      for (size_t j = 0; j < width; ++j)
        squares += sum[j] * sum[j];
      for (size_t j = 0; j < width; ++j)
        sum[j] /= std::max(std::sqrt(squares), 1e-12f);
    }
  }

  static std::vector<double> bestAndMedian(std::vector<double> times) {
    std::ranges::sort(times);
    auto rounded = [](double ms) { return std::round(ms * 1e4) / 1e4; };
    return {rounded(times.front()), rounded(times[times.size() / 2])};
  }

  void measure(const std::string &name, const Texts &texts) {
    encode(texts);
    std::vector<double> wall, cpu;
    double begin = now();
    // Short batches are repeated more: single runs of a millisecond say little.
    for (int64_t i = 0; i < options.repeats || (now() - begin < 1 && i < 100 * options.repeats); ++i) {
      Timer timer;
      encode(texts);
      wall.push_back((now() - timer.wall) * 1e3);
      cpu.push_back((cpuNow() - timer.cpu) * 1e3);
    }
    if (prompts.content().is_object()) { // for a comparison with others'
      ordered_json &rows = result["vectors"][name];
      size_t width = vectors.size() / texts.size();
      for (size_t i = 0; i < texts.size(); ++i)
        rows.push_back(std::vector(vectors.begin() + static_cast<ptrdiff_t>(i * width),
                                   vectors.begin() + static_cast<ptrdiff_t>((i + 1) * width)));
    }
    result["ms"][name] = bestAndMedian(wall);
    result["cpu_ms"][name] = bestAndMedian(cpu);
  }

  Engine engine;
  const Bench &options;
  Prompts prompts;
  std::vector<float> vectors;
  ordered_json result;
};

std::string rateCell(const ordered_json &rates, bool best) {
  if (rates.empty())
    return "-";
  std::vector<double> sorted = rates.get<std::vector<double>>();
  std::ranges::sort(sorted);
  return fmt::format("{:.1f}", best ? sorted.back() : sorted[sorted.size() / 2]);
}

std::string tableOf(const ordered_json &result) {
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
                             {"next tokens of 8 sequences", "together_tps"}})
      table.add({name, rateCell(result[key], true), rateCell(result[key], false)});
  }
  std::string text = table.text();
  text += fmt::format("\nthreads {}, loaded in {:.3f} s", result["threads"].get<int>(),
                      result["load_s"].get<double>());
  if (result.contains("first_s"))
    text += fmt::format(", first token after {:.3f} s", result["first_s"].get<double>());
  return text + fmt::format(", {:.1f} MB resident\n", result["rss_mb"].get<double>());
}

} // namespace

void cli::Bench::run(Model &model, const Common &common) {
  ordered_json result = model.metadata().kind == ModelKind::Encoder
                            ? EncoderBench(model, common, *this).run()
                            : DecoderBench(model, common, *this).run();
  cli::write(json ? result.dump() + "\n" : tableOf(result));
}
