// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/RotaryFrequencies.h"

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace attune;

/// Llama 3.1: long waves are stretched by `factor`, short ones stay, those between are blended.
static float llama3Frequency(float frequency, const RotaryScaling &scaling) {
  float context = static_cast<float>(scaling.originalContext);
  float low = static_cast<float>(scaling.lowFrequencyFactor),
        high = static_cast<float>(scaling.highFrequencyFactor);
  float factor = static_cast<float>(scaling.factor);
  float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
  if (wavelength > context / low)
    return frequency / factor;
  if (wavelength < context / high)
    return frequency;
  float smooth = (context / wavelength - low) / (high - low);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

/// YaRN (Peng et al. 2023): dimensions that turn often within the original context keep their frequency,
/// those that turn seldom are stretched, and a ramp lies between. This is the dimension that turns
/// `rotations` times.
static double yarnDimension(const Rotary &rotary, double rotations) {
  double context = static_cast<double>(rotary.scaling.originalContext);
  return static_cast<double>(rotary.dims) * std::log(context / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rotary.base));
}

static float yarnFrequency(float wave, int64_t i, const Rotary &rotary) {
  const RotaryScaling &scaling = rotary.scaling;
  double low = yarnDimension(rotary, scaling.betaFast), high = yarnDimension(rotary, scaling.betaSlow);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rotary.dims - 1));
  if (low == high)
    high += 0.001;
  float ramp = std::clamp((static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low),
                          0.0f, 1.0f);
  float stretched = 1.0f / (static_cast<float>(scaling.factor) * wave), kept = 1.0f / wave;
  return stretched * ramp + kept * (1 - ramp);
}

std::vector<float> attune::rotaryFrequencies(const Rotary &rotary, bool ofLongSequences) {
  std::vector<float> frequencies;
  const RotaryScaling &scaling = rotary.scaling;
  for (int64_t i = 0; i < rotary.dims / 2; ++i) {
    float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary.dims);
    // The power is rounded to f32, then its reciprocal: two roundings, as in the reference.
    auto wave = static_cast<float>(std::pow(static_cast<double>(static_cast<float>(rotary.base)), exponent));
    float frequency = 1.0f / wave;
    switch (scaling.kind) {
    case ScalingKind::none:
    case ScalingKind::dynamic: // within the original context, beyond which no sequence is
      break;
    case ScalingKind::linear:
      frequency /= static_cast<float>(scaling.factor);
      break;
    case ScalingKind::llama3:
      frequency = llama3Frequency(frequency, scaling);
      break;
    case ScalingKind::factors:
      frequency /= static_cast<float>(scaling.factors[i]);
      break;
    case ScalingKind::yarn:
      frequency = yarnFrequency(wave, i, rotary);
      break;
    case ScalingKind::longrope:
      frequency =
          1.0f / (static_cast<float>((ofLongSequences ? scaling.longFactors : scaling.factors)[i]) * wave);
      break;
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}
