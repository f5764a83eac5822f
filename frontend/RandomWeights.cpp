// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Weights for trying shapes, from a seed. The numbers are the same on every machine.

#include "frontend/Parameters.h"

#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>

using namespace attune;
using llvm::Error;
using llvm::StringRef;

namespace {
/// SplitMix64 (Steele, Lea and Flood 2014).
class Generator {
public:
  explicit Generator(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// Uniform in [-1, 1), a multiple of 2^-23.
  float signedUnit() {
    return static_cast<float>(static_cast<int32_t>(next() >> 40) - (1 << 23)) / (1 << 23);
  }

private:
  uint64_t state;
};

/// Uniform values in [centre - spread, centre + spread).
struct Range {
  float centre, spread;
};
} // namespace

/// FNV-1a
static uint64_t hashOf(StringRef text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char byte : text.bytes())
    hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

/// A matrix of n inputs has variance 1/n, so that its results are as large as its inputs.
static Range rangeOf(const Parameter &parameter) {
  StringRef name = parameter.name;
  if (name.ends_with(".bias"))
    return {0, 0.1f};
  if (name.ends_with("relative_bias") || name.ends_with(".sinks") || name.ends_with(".correction_bias"))
    return {0, 0.5f};
  if (name == "embedding" || name.ends_with("positions") || name.ends_with("token_types"))
    return {0, 1};
  if (parameter.shape.size() == 1)
    return {1, 0.3f};
  return {0, std::sqrt(3.0f / static_cast<float>(parameter.shape.back()))};
}

/// They lie in memory, not in a file; larger models are mistakes.
static constexpr int64_t mostBytes = int64_t(16) << 30;

static Error addRandom(WeightStore &store, const Parameter &parameter, const TensorSource &source,
                       int64_t layer, uint64_t seed, int64_t &bytesSoFar) {
  TensorInfo tensor;
  tensor.name = tensorName(source.name, layer);
  tensor.shape.assign(parameter.shape.begin(), parameter.shape.end());
  if (source.transposed)
    std::swap(tensor.shape[tensor.shape.size() - 2], tensor.shape[tensor.shape.size() - 1]);
  tensor.file = "(random)";
  llvm::Expected<int64_t> bytes = tensorBytes(StorageType::F32, tensor.shape);
  if (!bytes)
    return bytes.takeError();
  bytesSoFar += *bytes;
  if (*bytes > mostBytes || bytesSoFar > mostBytes)
    return llvm::make_error<FieldError>(
        "weights.random",
        llvm::formatv("stands for more than {0} bytes of weights, of which {1} alone has {2}", mostBytes,
                      parameter.name, *bytes));
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(*bytes);
  if (!buffer)
    return llvm::createStringError(
        llvm::formatv("no memory for {0} bytes of random weights ({1})", *bytes, tensor.name).str());
  Generator generator(seed ^ hashOf(tensor.name));
  Range range = rangeOf(parameter);
  for (int64_t i = 0, count = *bytes / 4; i < count; ++i) {
    float value = range.centre + range.spread * generator.signedUnit();
    std::memcpy(buffer->getBufferStart() + 4 * i, &value, 4);
  }
  tensor.data = {reinterpret_cast<const uint8_t *>(buffer->getBufferStart()), static_cast<size_t>(*bytes)};
  store.keep(std::move(buffer));
  return store.add(std::move(tensor));
}

llvm::Expected<WeightStore> attune::randomWeights(const Description &description) {
  WeightStore store;
  uint64_t seed = description.weights.random.value_or(0);
  int64_t bytes = 0;
  auto add = [&](const Parameter &parameter, int64_t layer) {
    const TensorSource &source = description.tensors.at(parameter.name);
    return source.value ? Error::success() : addRandom(store, parameter, source, layer, seed, bytes);
  };
  for (const Parameter &parameter : modelParameters(description))
    if (Error error = add(parameter, 0))
      return std::move(error);
  for (const StackView &stack : stacksOf(description))
    for (int64_t layer = 0, end = stack->layers.size(); layer < end; ++layer)
      for (const Parameter &parameter : layerParameters(description, stack, stack->layers[layer]))
        if (Error error = add(parameter, layer))
          return std::move(error);
  return store;
}
