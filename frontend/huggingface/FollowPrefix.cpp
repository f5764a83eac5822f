// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Files that were saved from a model without its head leave out the first part of all names
// ("transformer.wte.weight" is "wte.weight" there).

#include "frontend/huggingface/HuggingFace.h"

using namespace attune;
using llvm::StringRef;

/// What `name` has before the longest tensor's name that it ends with; empty if there is none.
static std::string missingPrefix(StringRef name, const WeightStore &weights) {
  for (size_t dot = name.find('.'); dot != StringRef::npos; dot = name.find('.', dot + 1))
    if (weights.find(name.drop_front(dot + 1)))
      return name.take_front(dot + 1).str();
  return "";
}

void huggingface::followPrefix(Description &model, const WeightStore &weights) {
  auto table = model.tensors.find("embedding");
  if (table == model.tensors.end() || weights.find(table->second.name))
    return;
  std::string prefix = missingPrefix(table->second.name, weights);
  auto drop = [&](std::string &name) {
    if (StringRef(name).starts_with(prefix))
      name.erase(0, prefix.size());
  };
  for (auto &[parameter, source] : model.tensors)
    drop(source.name);
  llvm::for_each(model.weights.ignore, drop);
}
