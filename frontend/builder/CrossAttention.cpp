// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What an encoder-decoder has beside a decoder: the encoder's entry, which also stores the keys and values
// that each layer of the decoder makes of the encoder's result, and attention to them.

#include "frontend/builder/ModuleBuilder.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

void ModuleBuilder::emitEncode() {
  const StackView &encoder = stacks[1], &decoder = stacks[0];
  for (int64_t kind = 0, end = scheduleOf(decoder).kinds.size(); kind < end; ++kind)
    emitCrossFunction(kind);
  Type ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  Type batch = RankedTensorType::get({ShapedType::kDynamic, tf::kBatchColumns}, b.getI32Type());
  func::FuncOp function = beginEntry("encode",
                                     {{"input_ids", ids},
                                      {"batch", batch},
                                      {"source_cache", cacheType(encoder)},
                                      {"source_batch", batch},
                                      {"cross_cache", crossCacheType()}},
                                     {{"encoder_last_hidden_state", rows({model.hidden})}});
  SharedValues shared, cross;
  shared.batch = function.getArgument(1), shared.cache = function.getArgument(2);
  cross.sourceBatch = function.getArgument(3), cross.crossCache = function.getArgument(4);
  Value x = emitEmbedding(encoder, {function.getArgument(0), shared.batch});
  x = normOf(encoder, encoder->finalNorm, "final_norm", emitRuns(encoder, x, shared));
  Location loc = at("encoder.final_norm");
  tap(loc, "enc_hidden", index(loc, encoder->layers.size()), x);
  for (const Run &run : scheduleOf(decoder).runs)
    if (decoder->layers[run.first].crossAttention)
      tf::RepeatOp::create(b, at("layers[" + Twine(run.first) + "].cross_attention"), x.getType(),
                           crossName(run.kind), x, cross.list(), run.firstRecord, run.first, run.count);
  func::ReturnOp::create(b, at("name"), x);
}

std::string ModuleBuilder::crossName(int64_t kind) const { return prefixOf(stacks[0], kind) + ".cross_keys"; }

/// (x, record, layer, source batch, cross cache) -> x: stores what a layer of the decoder attends to.
void ModuleBuilder::emitCrossFunction(int64_t kind) {
  const StackView &decoder = stacks[0];
  int64_t first = scheduleOf(decoder).kinds[kind].layers[0];
  const Layer &settings = decoder->layers[first];
  if (!settings.crossAttention)
    return;
  std::string field = "layers[" + std::to_string(first) + "]";
  Location loc = at(field + ".cross_attention");
  OpBuilder::InsertionGuard guard(b);
  Type x = rows({model.hidden}), indexType = b.getIndexType();
  Type batch = RankedTensorType::get({ShapedType::kDynamic, tf::kBatchColumns}, b.getI32Type());
  auto function = func::FuncOp::create(
      b, loc, crossName(kind), b.getFunctionType({x, indexType, indexType, batch, crossCacheType()}, x));
  function.setPrivate();
  b.setInsertionPointToStart(function.addEntryBlock());
  auto arguments = function.getArguments();
  SharedValues shared;
  shared.sourceBatch = arguments[3], shared.crossCache = arguments[4];
  LayerScope scope{shared, decoder, settings, prefixOf(decoder, kind), field, arguments[1], arguments[2]};
  const Attention &cross = *settings.crossAttention;
  Value keys = project(scope, cross, "cross_attention", "key", "key_norm", arguments[0]);
  Value values = project(scope, cross, "cross_attention", "value", "", arguments[0]);
  auto element = cast<tf::CacheType>(crossCacheType()).getTableElementType();
  tf::CacheUpdateOp::create(b, loc, cast<RankedTensorType>(keys.getType()).clone(element),
                            cast<RankedTensorType>(values.getType()).clone(element), scope.crossCache,
                            scope.layer, keys, values, scope.sourceBatch);
  func::ReturnOp::create(b, loc, arguments[0]);
}

Value ModuleBuilder::emitCrossAttention(const LayerScope &scope, const Attention &attention, Value x) {
  std::string field = scope.field + ".cross_attention";
  Location loc = at(field);
  auto element = cast<tf::CacheType>(scope.crossCache.getType()).getTableElementType();
  CacheRow row = cacheRowOf(attention);
  auto tables =
      tf::CacheReadOp::create(b, loc, rows({row.heads, row.keySize}).clone(element),
                              rows({row.heads, row.valueSize}).clone(element), scope.crossCache, scope.layer);
  Value queries = project(scope, attention, "cross_attention", "query", "query_norm", x);
  Value sum =
      emitWeighting(scope, attention, "cross_attention",
                    {queries, tables.getKeyRows(), tables.getValueRows()}, scope.sourceBatch, "cross_attn");
  Value heads = joinHeads(loc, sum);
  return attention.output ? linearOf(scope, "cross_attention.output", attention.outputBias, heads) : heads;
}
