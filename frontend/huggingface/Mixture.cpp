// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What mixtures of experts share.

#include "frontend/huggingface/Family.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::formatv;
using llvm::StringRef;

Experts huggingface::readExperts(const Config &config, StringRef count, std::optional<int64_t> presetCount,
                                 std::optional<int64_t> presetPerToken) {
  Experts experts;
  experts.count = config.size(count, presetCount);
  experts.perToken = config.size("num_experts_per_tok", presetPerToken);
  if (experts.perToken > experts.count)
    config.fail("num_experts_per_tok",
                formatv("is {0}, more than '{1}', which is {2}", experts.perToken, count, experts.count));
  return experts;
}

void huggingface::nameFusedExperts(Description &model, StringRef tensor, bool interleaved, bool transposed) {
  const FeedForward *mixture = nullptr;
  for (const Layer &layer : model.layers)
    if (layer.feedForward->experts)
      mixture = &*layer.feedForward;
  if (!mixture)
    return;
  int64_t size = mixture->size;
  auto name = [&](StringRef part, StringRef fused, bool isBias) -> TensorSource & {
    std::string parameter = ("layer.feed_forward.experts." + part + (isBias ? ".bias" : "")).str();
    TensorSource &source = model.tensors[parameter];
    source.name = (tensor + "." + fused + (isBias ? "_bias" : "")).str();
    source.transposed = transposed && !isBias;
    return source;
  };
  for (bool isBias : {false, true}) {
    if (isBias && !mixture->bias)
      continue;
    name("gate", "gate_up_proj", isBias).rows =
        interleaved ? RowSlice{0, 1, 2, 0} : RowSlice{0, size, 2 * size, 0};
    name("up", "gate_up_proj", isBias).rows =
        interleaved ? RowSlice{1, 1, 2, 0} : RowSlice{size, size, 2 * size, 0};
    name("down", "down_proj", isBias);
  }
}

std::vector<int64_t> huggingface::readRotating(const Config &config, int64_t layers) {
  std::vector<int64_t> rotating = config.integers("no_rope_layers");
  if (rotating.empty()) {
    int64_t interval = config.size("no_rope_layer_interval", 4);
    for (int64_t layer = 0; layer < layers; ++layer)
      rotating.push_back((layer + 1) % interval != 0);
  }
  if (static_cast<int64_t>(rotating.size()) != layers)
    config.fail("no_rope_layers",
                formatv("has {0} numbers, expected one for each of {1} layers", rotating.size(), layers));
  rotating.resize(layers);
  return rotating;
}
