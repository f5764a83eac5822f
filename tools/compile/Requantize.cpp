// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Requantize.h"

#include "dialect/PackedFormat.h"
#include "frontend/Parameters.h"
#include "llvm/ADT/STLExtras.h"

using namespace attune;

/// Not routers: which experts are chosen hangs on small differences, and they are small.
static bool isQuantized(const Parameter &parameter) {
  return parameter.shape.size() >= 2 && !llvm::StringRef(parameter.name).ends_with(".router");
}

/// Whether rows of the matrix are looked up.
static bool isTable(const Parameter &parameter) {
  llvm::StringRef name = llvm::StringRef(parameter.name).rsplit('.').second;
  return llvm::is_contained({"embedding", "token_types", "positions"}, name.empty() ? parameter.name : name);
}

static StorageType fitting(const Parameter &parameter, StorageType type) {
  if (type == StorageType::INT8 && isTable(parameter)) // one scale makes products fast, and these are none
    type = StorageType::Q8_0;
  if (type == StorageType::INT8)
    return parameter.shape.back() <= PackedFormat::maxRowScaledColumns ? type : StorageType::F16;
  return parameter.shape.back() % blockSize(type) == 0 ? type : StorageType::F16;
}

void attune::requantize(Description &description, StorageType type) {
  for (const Parameter &parameter : modelParameters(description))
    if (isQuantized(parameter))
      for (StorageType &stored : description.tensors[parameter.name].types)
        stored = fitting(parameter, type);
  for (const StackView &stack : stacksOf(description))
    for (size_t layer = 0; layer < stack->layers.size(); ++layer)
      for (const Parameter &parameter : layerParameters(description, stack, stack->layers[layer]))
        if (auto &types = description.tensors[parameter.name].types;
            isQuantized(parameter) && layer < types.size())
          types[layer] = fitting(parameter, type);
}
