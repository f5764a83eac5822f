// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/Parameters.h"
#include "frontend/huggingface/HuggingFace.h"

using namespace attune;
using llvm::StringRef;

namespace {
/// Another ending of a name, which counts where a file has it.
struct Spelling {
  StringRef usual, other;
};
} // namespace

static const Spelling spellings[] = {
    // Norms of files that were converted from TensorFlow.
    {".LayerNorm.weight", ".LayerNorm.gamma"},
    {".LayerNorm.bias", ".LayerNorm.beta"},
    // The bias that an output matrix of its own has; where it is not shared, the usual one is not read.
    {"cls.predictions.bias", "cls.predictions.decoder.bias"},
    {"lm_head.bias", "lm_head.decoder.bias"},
};

/// Whether the file holds the tensor of any layer.
static bool holds(const WeightStore &weights, StringRef name, int64_t layers) {
  for (int64_t layer = 0; layer < layers; ++layer)
    if (weights.find(tensorName(name, layer)))
      return true;
  return false;
}

void huggingface::followSpelling(Description &model, const WeightStore &weights) {
  for (auto &[parameter, source] : model.tensors)
    for (const Spelling &spelling : spellings) {
      StringRef stem = source.name;
      if (!stem.consume_back(spelling.usual))
        continue;
      std::string other = (stem + spelling.other).str();
      if (holds(weights, other, recordCount(model, parameter)))
        source.name = other;
      break;
    }
}
