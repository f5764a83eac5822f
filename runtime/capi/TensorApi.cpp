// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/capi/Handles.h"
#include "runtime/engine/TensorRun.h"

using namespace attune;
using namespace attune::capi;

struct attune_results {
  std::vector<OwnedTensor> tensors;
  std::vector<attune_tensor> views;
};

namespace {

NamedTensor toNamed(const attune_tensor &tensor) {
  NamedTensor named{require(tensor.name, "a tensor's name"), require(tensor.type, "a tensor's type"), {}, {}};
  int64_t elementBytes = named.type == "I64"                          ? 8
                         : named.type == "I32"                        ? 4
                         : named.type == "U8" || named.type == "BOOL" ? 1
                                                                      : 0;
  if (elementBytes == 0)
    throw Error("input '" + named.name + "' has the type " + named.type + ", expected I32 or I64");
  int64_t bytes = elementBytes;
  for (size_t i = 0; i < tensor.rank; ++i) {
    named.shape.push_back(require(tensor.shape, "a tensor's shape")[i]);
    if (named.shape.back() < 0 || __builtin_mul_overflow(bytes, named.shape.back(), &bytes))
      throw Error("input '" + named.name + "' has an impossible shape");
  }
  if (static_cast<uint64_t>(bytes) != tensor.bytes)
    throw Error("input '" + named.name + "' has " + std::to_string(tensor.bytes) +
                " bytes, but its shape needs " + std::to_string(bytes));
  named.bytes = {static_cast<const std::byte *>(bytes ? require(tensor.data, "a tensor's data") : nullptr),
                 tensor.bytes};
  return named;
}

} // namespace

attune_results *attune_run(attune_model *model, const attune_tensor *inputs, size_t count, int flags,
                           int64_t greedy) {
  return guarded<attune_results *>(nullptr, [&] {
    const Program &program = require(model, "the model")->model.program();
    auto results = std::make_unique<attune_results>();
    if (program.metadata().literalTokens > 0) {
      if (count > 0)
        throw Error("this model has inputs of its own and takes none");
      results->tensors = runLiteral(program);
    } else {
      std::vector<NamedTensor> named;
      for (size_t i = 0; i < count; ++i)
        named.push_back(toNamed(require(inputs, "the list of inputs")[i]));
      TensorRunOptions options{(flags & ATTUNE_STEP) != 0, greedy, (flags & ATTUNE_ALL_HIDDEN) != 0,
                               (flags & ATTUNE_ATTENTIONS) != 0, (flags & ATTUNE_ROUTING) != 0};
      results->tensors = runTensors(program, named, options);
    }
    for (const OwnedTensor &tensor : results->tensors)
      results->views.push_back({tensor.name.c_str(), tensor.type.c_str(), tensor.shape.size(),
                                tensor.shape.data(), tensor.bytes.data(), tensor.bytes.size()});
    return results.release();
  });
}

size_t attune_results_count(const attune_results *results) { return results ? results->views.size() : 0; }

const attune_tensor *attune_results_get(const attune_results *results, size_t index) {
  return results && index < results->views.size() ? &results->views[index] : nullptr;
}

void attune_results_free(attune_results *results) { delete results; }
