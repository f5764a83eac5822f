// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Attention in its parts: projections, positions, scores, mask, weights, weighted sum.

#include "frontend/builder/ModuleBuilder.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

Value ModuleBuilder::project(const LayerScope &scope, const Attention &attention, StringRef branch,
                             StringRef name, StringRef normName, Value x) {
  int64_t heads = name == "query" ? attention.heads : attention.keyHeads;
  int64_t size = name == "value" ? attention.sizeOfValues() : attention.headSize;
  bool normWhole = attention.queryKeyNormSpan == NormSpan::projection;
  auto normed = [&](bool now, Value y) {
    return now && !normName.empty()
               ? normOf(scope, attention.queryKeyNorm, (branch + "." + normName).str(), y)
               : y;
  };
  Value y = normed(normWhole, linearOf(scope, (branch + "." + name).str(), attention.bias, x));
  return normed(!normWhole && !attention.queryKeyNormAfterRotary,
                splitHeads(at(scope.field + "." + branch), y, heads, size));
}

ModuleBuilder::QueriesKeysValues ModuleBuilder::emitProjections(const LayerScope &scope,
                                                                const Attention &attention, Value x) {
  if (attention.latent)
    return emitLatentProjections(scope, attention, x);
  QueriesKeysValues qkv;
  qkv.queries = project(scope, attention, "attention", "query", "query_norm", x);
  qkv.keys = project(scope, attention, "attention", "key", "key_norm", x);
  qkv.values = project(scope, attention, "attention", "value", "", x);
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

Value ModuleBuilder::emitWeighting(const LayerScope &scope, const Attention &attention, StringRef branch,
                                   QueriesKeysValues tables, Value batch, StringRef weightsTap) {
  std::string field = scope.field + "." + branch.str();
  Location loc = at(field);
  auto scoresType = rows({attention.heads, ShapedType::kDynamic});
  Value scores = tf::ScoresOp::create(b, at(field + ".scale"), scoresType, tables.queries, tables.keys, batch,
                                      b.getF64FloatAttr(attention.scoreScale()));
  scores = softCap(at(field + ".soft_cap"), scores, attention.softCap);
  if (attention.relativeBias)
    scores =
        tf::RelativeBiasOp::create(b, at(field + ".relative_bias"), scoresType, scores, scope.bias, batch);
  if (model.kind == ModelKind::literal)
    tap(loc, "scores", scope.layer, scores);
  // The mask hides keys past a sequence's last one too, so it stands even where every key is seen.
  scores = tf::MaskOp::create(b, at(field + ".mask"), scoresType, scores, batch,
                              maskOf(b.getContext(), attention.mask));
  Location normalizerLoc = at(field + ".normalizer");
  Value sinks = attention.sinks ? weight(scope, branch.str() + ".sinks") : Value();
  Value weights = attention.normalizer == Normalizer::softmax
                      ? tf::SoftmaxOp::create(b, normalizerLoc, scoresType, scores, sinks).getResult()
                      : tf::SumNormalizeOp::create(b, normalizerLoc, scoresType, scores).getResult();
  tap(loc, weightsTap, scope.layer, weights);
  int64_t size = cast<RankedTensorType>(tables.values.getType()).getDimSize(2);
  return tf::WeightedSumOp::create(b, loc, rows({attention.heads, size}), weights, tables.values, batch);
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

  // Where no layer's keys are kept for later, all layers use the same room.
  Value cacheLayer = keepsKeys(scope.stack) ? scope.layer : index(loc, 0);
  auto element = cast<tf::CacheType>(scope.cache.getType()).getTableElementType();
  CacheRow row = cacheRowOf(attention);
  Type keyRows = rows({row.heads, row.keySize}).clone(element);
  Type valueRows = rows({row.heads, row.valueSize}).clone(element);
  auto cached = tf::CacheUpdateOp::create(b, loc, keyRows, valueRows, scope.cache, cacheLayer, qkv.keys,
                                          qkv.values, scope.batch);
  Value sum =
      emitWeighting(scope, attention, "attention", {qkv.queries, cached.getKeyRows(), cached.getValueRows()},
                    scope.batch, literal ? "weights" : tapName(scope.stack, "attn", "attentions"));
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
