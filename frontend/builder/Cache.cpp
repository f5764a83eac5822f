// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What the caches of keys and values hold.

#include "frontend/builder/ModuleBuilder.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

CacheRow attune::cacheRowOf(const Attention &attention) {
  if (!attention.latent)
    return {attention.keyHeads, attention.headSize, attention.sizeOfValues()};
  int64_t rotary = attention.rotary ? attention.rotary->dims : 0;
  return {1, attention.latent->rank + rotary, attention.latent->rank};
}

/// One cache holds the keys of all layers, so they must have the same size.
bool ModuleBuilder::checkCaches() {
  auto check = [&](const StackView &stack, std::optional<Attention> Layer::*sort, StringRef name) {
    const Attention *first = nullptr;
    for (auto [i, layer] : llvm::enumerate(stack->layers)) {
      const std::optional<Attention> &attention = layer.*sort;
      if (!attention)
        continue;
      if (!first)
        first = &*attention;
      CacheRow row = cacheRowOf(*attention), expected = cacheRowOf(*first);
      if (!(row == expected)) {
        emitError(at(stack.prefix + "layers[" + Twine(i) + "]." + name))
            << "layer " << i << " has " << row.heads << " key heads of size " << row.keySize << ", others "
            << expected.heads << " of " << expected.keySize << ", which is not supported";
        return false;
      }
    }
    if (!first)
      emitError(at(stack.prefix + "layers")) << "no layer has " << name << ", which is not supported";
    return first != nullptr;
  };
  for (const StackView &stack : stacks)
    if (!check(stack, &Layer::attention, "attention"))
      return false;
  return !model.encoder || check(stacks[0], &Layer::crossAttention, "cross_attention");
}

Type ModuleBuilder::cacheTypeOf(const Stack &stack, std::optional<Attention> Layer::*sort, int64_t layers) {
  Type element = b.getF32Type();
  if (options.cache == CacheElement::f16)
    element = b.getF16Type();
  if (options.cache == CacheElement::bf16)
    element = b.getBF16Type();
  if (options.cache == CacheElement::int8)
    element = b.getI8Type();
  for (const Layer &layer : stack.layers)
    if (const std::optional<Attention> &attention = layer.*sort) {
      CacheRow row = cacheRowOf(*attention);
      return tf::CacheType::get(b.getContext(), layers, row.heads, row.keySize, row.valueSize, element);
    }
  return {};
}

bool ModuleBuilder::keepsKeys(const StackView &stack) const {
  return model.kind != ModelKind::encoder && !isEncoder(stack);
}

Type ModuleBuilder::cacheType(const StackView &stack) {
  int64_t layers = keepsKeys(stack) ? stack->layers.size() : 1;
  return cacheTypeOf(*stack.stack, &Layer::attention, layers);
}

Type ModuleBuilder::crossCacheType() {
  return cacheTypeOf(model, &Layer::crossAttention, model.layers.size());
}

Type ModuleBuilder::biasType(const Layer &layer) {
  if (!layer.attention || !layer.attention->relativeBias)
    return {};
  return RankedTensorType::get({layer.attention->heads, 2 * layer.attention->relativeBias->maxDistance + 1},
                               b.getF32Type());
}
