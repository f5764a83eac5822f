// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/cli/Benches.h"
#include "runtime/engine/Engine.h"

#include <fmt/format.h>

using namespace attune;
using namespace attune::cli;
using nlohmann::ordered_json;

namespace {

/// Sentence vectors (the mean of the hidden states, of length 1) of batches of texts.
class EncoderBench final : public Measurement {
public:
  EncoderBench(Model &model, const Common &common, const Bench &options)
      : engine(model.program(), {.context = common.context}), options(options),
        prompts(options.prompts, model.metadata().vocabulary) {
    storeStart(result, options);
  }

  ordered_json run() override {
    result["ms"] = result["cpu_ms"] = ordered_json::object();
    for (auto &[name, texts] : inputs())
      measure(name, texts);
    result["rss_mb"] = residentMegabytes();
    return result;
  }

  void profile(Profiler &profiler) override {
    for (auto &[name, texts] : inputs()) {
      encode(texts);
      profiler.part("texts " + name, options.repeats, [&] {
        for (int64_t i = 0; i < options.repeats; ++i)
          encode(texts);
      });
    }
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

} // namespace

std::unique_ptr<Measurement> cli::encoderMeasurement(Model &model, const Common &common,
                                                     const Bench &options) {
  return std::make_unique<EncoderBench>(model, common, options);
}
