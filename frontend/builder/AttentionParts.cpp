// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Attention in its parts: projections, positions, scores, mask, weights, weighted sum.

#include "frontend/builder/ModuleBuilder.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

ModuleBuilder::QueriesKeysValues ModuleBuilder::emitProjections(const LayerScope &scope,
                                                                const Attention &attention, Value x) {
  if (attention.latent)
    return emitLatentProjections(scope, attention, x);
  Location loc = at(scope.field + ".attention");
  bool normWhole = attention.queryKeyNormSpan == NormSpan::projection;
  auto project = [&](StringRef name, StringRef normName, int64_t heads, int64_t size) {
    Value y = linearOf(scope, name, attention.bias, x);
    if (normWhole && !normName.empty())
      y = normOf(scope, attention.queryKeyNorm, normName, y);
    y = splitHeads(loc, y, heads, size);
    if (!normWhole && !attention.queryKeyNormAfterRotary && !normName.empty())
      y = normOf(scope, attention.queryKeyNorm, normName, y);
    return y;
  };
  QueriesKeysValues qkv;
  qkv.queries = project("attention.query", "attention.query_norm", attention.heads, attention.headSize);
  qkv.keys = project("attention.key", "attention.key_norm", attention.keyHeads, attention.headSize);
  qkv.values = project("attention.value", "", attention.keyHeads, attention.sizeOfValues());
  return qkv;
}

Value ModuleBuilder::rotate(const LayerScope &scope, const Rotary &rotary, Value heads) {
  auto pairing = rotary.pairing == Pairing::half_split ? tf::Pairing::half_split : tf::Pairing::interleaved;
  return tf::RotaryOp::create(b, at(scope.field + ".attention.rotary"), heads.getType(), pairing, heads,
                              scope.angles);
}

static tf::MaskAttr maskOf(MLIRContext *context, const Mask &mask) {
  return tf::MaskAttr::get(context, mask.causal, mask.window, mask.chunk);
}

Value ModuleBuilder::emitAttentionCore(const LayerScope &scope, const Attention &attention,
                                       QueriesKeysValues qkv) {
  std::string field = scope.field + ".attention";
  Location loc = at(field);
  bool literal = model.kind == ModelKind::literal;
  auto tapLiteral = [&](StringRef name, Value value) {
    if (literal)
      tap(loc, name, scope.layer, value);
  };
  if (attention.rotary && !attention.latent)
    for (Value *value : {&qkv.queries, &qkv.keys})
      *value = rotate(scope, *attention.rotary, *value);
  if (attention.queryKeyNormAfterRotary) {
    qkv.queries = normOf(scope, attention.queryKeyNorm, "attention.query_norm", qkv.queries);
    qkv.keys = normOf(scope, attention.queryKeyNorm, "attention.key_norm", qkv.keys);
  }
  if (const std::optional<Temperature> &temperature = attention.temperature)
    qkv.queries = tf::TemperatureOp::create(b, at(field + ".temperature"), qkv.queries.getType(), qkv.queries,
                                            scope.batch, llvm::APFloat(temperature->floorScale),
                                            llvm::APFloat(temperature->scale));
  tapLiteral("q", qkv.queries);
  tapLiteral("k", qkv.keys);
  tapLiteral("v", qkv.values);

  // An encoder keeps no layer's keys for later: all layers use the same room.
  Value cacheLayer = model.kind == ModelKind::encoder ? index(loc, 0) : scope.layer;
  auto element = cast<tf::CacheType>(scope.cache.getType()).getElementType();
  CacheRow row = cacheRowOf(attention);
  Type keyRows = rows({row.heads, row.keySize}).clone(element);
  Type valueRows = rows({row.heads, row.valueSize}).clone(element);
  auto cached = tf::CacheUpdateOp::create(b, loc, keyRows, valueRows, scope.cache, cacheLayer, qkv.keys,
                                          qkv.values, scope.batch);

  auto scoresType = rows({attention.heads, ShapedType::kDynamic});
  Value scores = tf::ScoresOp::create(b, at(field + ".scale"), scoresType, qkv.queries, cached.getKeyRows(),
                                      scope.batch, b.getF64FloatAttr(attention.scoreScale()));
  scores = softCap(at(field + ".soft_cap"), scores, attention.softCap);
  tapLiteral("scores", scores);
  // The mask hides keys past a sequence's last one too, so it stands even where every key is seen.
  scores = tf::MaskOp::create(b, at(field + ".mask"), scoresType, scores, scope.batch,
                              maskOf(b.getContext(), attention.mask));
  Location normalizerLoc = at(field + ".normalizer");
  Value sinks = attention.sinks ? weight(scope, "attention.sinks") : Value();
  Value weights = attention.normalizer == Normalizer::softmax
                      ? tf::SoftmaxOp::create(b, normalizerLoc, scoresType, scores, sinks).getResult()
                      : tf::SumNormalizeOp::create(b, normalizerLoc, scoresType, scores).getResult();
  tap(loc, literal ? "weights" : "attentions", scope.layer, weights);
  Value sum = tf::WeightedSumOp::create(b, loc, rows({attention.heads, row.valueSize}), weights,
                                        cached.getValueRows(), scope.batch);
  if (attention.latent)
    sum = emitLatentValues(scope, attention, sum);
  Value outputs = joinHeads(loc, sum);
  tapLiteral("outputs", outputs);
  return outputs;
}

Value ModuleBuilder::emitAttention(const LayerScope &scope, const Attention &attention, Value x) {
  Value heads = emitAttentionCore(scope, attention, emitProjections(scope, attention, x));
  return attention.output ? linearOf(scope, "attention.output", attention.outputBias, heads) : heads;
}
