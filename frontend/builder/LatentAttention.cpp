// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Latent attention (DeepSeek-V2, 2024) in its absorbed form: the map from the latent vector to a head's keys
// is applied to the head's queries instead, that to its values to the head's result. So the latent vector,
// with the rotated part of the key beside it, is the only key head, and the cache holds nothing else.

#include "frontend/builder/ModuleBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

/// Elements from `first` on, `size` of them, of the last dimension.
Value ModuleBuilder::lastPart(Location loc, Value x, int64_t first, int64_t size) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)),
      strides(type.getRank(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, x);
  offsets.back() = b.getIndexAttr(first);
  sizes.back() = b.getIndexAttr(size);
  return tensor::ExtractSliceOp::create(b, loc, x, offsets, sizes, strides);
}

ModuleBuilder::QueriesKeysValues ModuleBuilder::emitLatentProjections(const LayerScope &scope,
                                                                      const Attention &attention, Value x) {
  Location loc = at(scope.field + ".attention.latent");
  const Latent &latent = *attention.latent;
  int64_t turned = attention.rotary ? attention.rotary->dims : 0, plain = attention.headSize - turned;
  auto joined = [&](Value left, Value right) -> Value {
    return turned ? tensor::ConcatOp::create(b, loc, 2, ValueRange{left, right}).getResult() : left;
  };

  Value compressed = x;
  if (latent.queryRank)
    compressed = normOf(scope, latent.norm, "attention.query_down_norm",
                        linearOf(scope, "attention.query_down", attention.bias, x));
  Value queries = splitHeads(loc, linearOf(scope, "attention.query", /*bias=*/false, compressed),
                             attention.heads, attention.headSize);
  Value absorbed =
      tf::HeadLinearOp::create(b, loc, rows({attention.heads, latent.rank}), lastPart(loc, queries, 0, plain),
                               weight(scope, "attention.key_up"));
  Value down = linearOf(scope, "attention.key_down", attention.bias, x);
  Value vector = normOf(scope, latent.norm, "attention.key_down_norm", lastPart(loc, down, 0, latent.rank));
  Value values = splitHeads(loc, vector, 1, latent.rank), keys = values;
  if (turned) {
    auto turn = [&](Value part) { return rotate(scope, *attention.rotary, part); };
    absorbed = joined(absorbed, turn(lastPart(loc, queries, plain, turned)));
    keys = joined(values, turn(splitHeads(loc, lastPart(loc, down, latent.rank, turned), 1, turned)));
  }
  return {absorbed, keys, values};
}

Value ModuleBuilder::emitLatentValues(const LayerScope &scope, const Attention &attention, Value heads) {
  Location loc = at(scope.field + ".attention.latent");
  return tf::HeadLinearOp::create(b, loc, rows({attention.heads, attention.sizeOfValues()}), heads,
                                  weight(scope, "attention.value_up"));
}
