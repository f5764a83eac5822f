// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/RotaryFrequencies.h"

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

std::vector<float> attune::rotaryFrequencies(const Rotary &rotary) {
  std::vector<float> frequencies;
  for (int64_t i = 0; i < rotary.dims / 2; ++i) {
    float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary.dims);
    // The power is rounded to f32, then its reciprocal: two roundings, as in the reference.
    float frequency =
        1.0f / static_cast<float>(std::pow(static_cast<double>(static_cast<float>(rotary.base)), exponent));
    const RotaryScaling &scaling = rotary.scaling;
    if (scaling.kind == ScalingKind::linear)
      frequency /= static_cast<float>(scaling.factor);
    else if (scaling.kind == ScalingKind::llama3)
      frequency = llama3Frequency(frequency, scaling);
    else if (scaling.kind == ScalingKind::factors)
      frequency /= static_cast<float>(scaling.factors[i]);
    frequencies.push_back(frequency);
  }
  return frequencies;
}
