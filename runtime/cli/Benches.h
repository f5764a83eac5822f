// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/cli/Clock.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Profiler.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

namespace attune::cli {

/// What `bench` measures of a kind of model.
class Measurement {
public:
  virtual ~Measurement() = default;
  /// Figures, under the keys that --json prints.
  virtual nlohmann::ordered_json run() = 0;
  /// The same work in parts, to show where its time goes.
  virtual void profile(Profiler &profiler) = 0;
};

// The options must stay.

/// Prompts, next tokens after a short and a long prompt, next tokens of several sequences.
std::unique_ptr<Measurement> decoderMeasurement(Model &model, const Common &common, const Bench &options);
/// Batches of texts.
std::unique_ptr<Measurement> encoderMeasurement(Model &model, const Common &common, const Bench &options);
/// Encoder-decoders: sources, and texts made of them by the likeliest token and by beam search.
std::unique_ptr<Measurement> translatorMeasurement(Model &model, const Common &common, const Bench &options);

//===------------------------- what these share ---------------------------===//

double residentMegabytes();

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

  void store(const std::string &name, nlohmann::ordered_json &result) const {
    result[name + "_tps"] = wall;
    result[name + "_cpu_tps"] = cpu;
  }
};

/// Ids of a given length: from a file, or made up.
class Prompts {
public:
  Prompts(const std::string &path, int64_t vocabulary);

  /// At most `most` ids.
  std::vector<int32_t> get(const char *key, size_t length, size_t most) const;

  const nlohmann::json &content() const { return file; }

private:
  std::vector<int32_t> read(const char *key) const;
  std::vector<int32_t> invent(size_t length) const;

  nlohmann::json file;
  int64_t vocabulary;
};

/// What all kinds begin with: threads, and how long it took until the model was ready.
void storeStart(nlohmann::ordered_json &result, const Bench &options);
double secondsSinceStart(const Bench &options);

} // namespace attune::cli
