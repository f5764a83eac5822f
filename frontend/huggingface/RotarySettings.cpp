// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Rotary positions: `rope_theta` and `rope_scaling` of transformers 4, `rope_parameters` of transformers 5.

#include "frontend/Words.h"
#include "frontend/huggingface/Family.h"

#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace attune;
using namespace attune::huggingface;
using llvm::formatv;
using llvm::StringRef;

/// The length that the model was trained with before its context was stretched. Phi-3 has it beside the
/// scaling's own settings, which it overrides.
static int64_t originalContext(const Config &config, const Config &rope) {
  StringRef key = "original_max_position_embeddings";
  return config.has(key) ? config.size(key) : rope.size(key, config.size("max_position_embeddings", 2048));
}

/// By how much the context was stretched.
static double stretch(const Config &config, const Config &rope, const RotaryScaling &scaling) {
  double context = static_cast<double>(config.size("max_position_embeddings", 2048));
  return rope.positive("factor", context / static_cast<double>(scaling.originalContext));
}

static void readLlama3(const Config &config, const Config &rope, RotaryScaling &scaling) {
  scaling.kind = ScalingKind::llama3;
  scaling.factor = rope.positive("factor");
  scaling.lowFrequencyFactor = rope.positive("low_freq_factor");
  scaling.highFrequencyFactor = rope.number("high_freq_factor");
  scaling.originalContext = originalContext(config, rope);
  if (scaling.highFrequencyFactor <= scaling.lowFrequencyFactor)
    rope.refuse("high_freq_factor",
                "more than 'low_freq_factor', which is " + numberText(scaling.lowFrequencyFactor));
}

/// YaRN lets attention look sharper in longer contexts, by this factor of cosines and sines.
static double yarnMagnitude(double factor, double weight) {
  return factor <= 1 ? 1 : 0.1 * weight * std::log(factor) + 1;
}

static void readYarn(const Config &config, const Config &rope, RotaryScaling &scaling) {
  scaling.kind = ScalingKind::yarn;
  scaling.originalContext = originalContext(config, rope);
  scaling.factor = stretch(config, rope, scaling);
  double fast = rope.number("beta_fast", 32.0), slow = rope.number("beta_slow", 1.0);
  scaling.betaFast = fast == 0 ? 32 : fast; // 0 stands for the default there
  scaling.betaSlow = slow == 0 ? 1 : slow;
  scaling.truncate = rope.flag("truncate", true);
  double mscale = rope.number("mscale", 0.0), allDims = rope.number("mscale_all_dim", 0.0);
  scaling.magnitude = mscale != 0 && allDims != 0
                          ? yarnMagnitude(scaling.factor, mscale) / yarnMagnitude(scaling.factor, allDims)
                          : yarnMagnitude(scaling.factor, 1);
  if (rope.has("attention_factor"))
    scaling.magnitude = rope.positive("attention_factor");
}

static std::vector<double> readFactors(const Config &rope, StringRef key, int64_t dims) {
  std::vector<double> factors = rope.numbers(key);
  if (static_cast<int64_t>(factors.size()) != dims / 2)
    rope.fail(key, formatv("has {0} numbers, expected {1}, half of the {2} elements of a head that rotate",
                           factors.size(), dims / 2, dims));
  for (double factor : factors)
    if (!(factor > 0))
      rope.fail(key, "has " + numberText(factor) + ", expected positive numbers");
  return factors;
}

static void readLongrope(const Config &config, const Config &rope, int64_t dims, RotaryScaling &scaling) {
  scaling.kind = ScalingKind::longrope;
  scaling.factors = readFactors(rope, "short_factor", dims);
  scaling.longFactors = readFactors(rope, "long_factor", dims);
  scaling.originalContext = originalContext(config, rope);
  double factor = stretch(config, rope, scaling);
  if (factor > 1)
    scaling.magnitude = std::sqrt(1 + std::log(factor) / std::log(double(scaling.originalContext)));
  if (rope.has("attention_factor"))
    scaling.magnitude = rope.positive("attention_factor");
}

/// The scaling rule of a `rope_scaling` or `rope_parameters` object.
static RotaryScaling readScaling(const Config &config, const Config &rope, int64_t dims) {
  RotaryScaling scaling;
  StringRef key = rope.has("rope_type") ? "rope_type" : "type"; // `type` in older files
  std::string kind = rope.text(key, "default");
  for (StringRef other : {"mrope_section", "mrope_interleaved", "short_mscale", "long_mscale"})
    if (rope.has(other))
      rope.refuse(other, "none (it is not supported)");
  if (kind == "linear") {
    scaling.kind = ScalingKind::linear;
    scaling.factor = rope.positive("factor");
  } else if (kind == "llama3") {
    readLlama3(config, rope, scaling);
  } else if (kind == "yarn" && !rope.has("short_factor")) {
    readYarn(config, rope, scaling);
  } else if (kind == "longrope" || kind == "su" || kind == "yarn") { // its names in the first Phi-3 files
    readLongrope(config, rope, dims, scaling);
  } else if (kind == "dynamic") {
    rope.positive("factor"); // stretches sequences beyond the model's context alone
    scaling.kind = ScalingKind::dynamic;
    scaling.originalContext = config.size("max_position_embeddings", 2048);
  } else if (kind != "default") {
    rope.refuse(key, "one of: default, dynamic, linear, llama3, longrope, yarn");
  }
  return scaling;
}

Rotary huggingface::readRotaryOf(const Config &config, const std::optional<Config> &rope, int64_t dims,
                                 double base) {
  Rotary rotary;
  rotary.dims = dims;
  rotary.base = rope ? rope->positive("rope_theta", base) : base;
  if (rope)
    rotary.scaling = readScaling(config, *rope, dims);
  return rotary;
}

static std::optional<Config> ropeSection(const Config &config) {
  return config.section(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
}

static double partialFactor(const Config &config, double preset) {
  std::optional<Config> rope = ropeSection(config);
  StringRef key = "partial_rotary_factor";
  double factor = rope && rope->has(key) ? rope->number(key) : config.number(key, preset);
  if (!(factor > 0 && factor <= 1))
    config.fail(key, "is " + numberText(factor) + ", expected a number above 0 and up to 1");
  return factor;
}

int64_t huggingface::readRotaryDims(const Config &config, int64_t headSize, double preset) {
  return static_cast<int64_t>(static_cast<double>(headSize) * partialFactor(config, preset));
}

Rotary huggingface::readRotary(const Config &config, int64_t dims, double base, bool partial) {
  if (double factor = partialFactor(config, 1); !partial && factor != 1)
    config.fail("partial_rotary_factor", "is " + numberText(factor) + ", expected 1");
  return readRotaryOf(config, ropeSection(config), dims, config.positive("rope_theta", base));
}
