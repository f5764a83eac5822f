// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The module and its entry: embeddings, the runs of layers, the head.

#include "frontend/RotaryFrequencies.h"
#include "frontend/Words.h"
#include "frontend/builder/ModuleBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

static constexpr char nameAttribute[] = "transformer.name";

OwningOpRef<ModuleOp> attune::buildModule(MLIRContext &context, const Description &description,
                                          const BuilderOptions &options) {
  context
      .loadDialect<arith::ArithDialect, func::FuncDialect, tensor::TensorDialect, tf::TransformerDialect>();
  return ModuleBuilder(context, description, options).build();
}

ModuleBuilder::ModuleBuilder(MLIRContext &context, const Description &model, const BuilderOptions &options)
    : model(model), options(options), schedule(scheduleOf(model)), b(&context) {}

OwningOpRef<ModuleOp> ModuleBuilder::build() {
  if (!checkCache() || !checkChoices())
    return nullptr;
  module = ModuleOp::create(at("name"));
  b.setInsertionPointToEnd(module->getBody());
  declareParameters();
  bool inlined = model.kind == ModelKind::literal && !model.layers[0].attention->projections;
  for (int64_t kind = 0, end = schedule.kinds.size(); kind < end && !inlined; ++kind)
    emitLayerFunction(kind);
  emitEntry();
  if (failed(verify(*module)))
    return nullptr;
  return std::move(module);
}

//===---------------------------------------------------- cache
//----------------------------------------------------===//

CacheRow attune::cacheRowOf(const Attention &attention) {
  if (!attention.latent)
    return {attention.keyHeads, attention.headSize, attention.sizeOfValues()};
  int64_t rotary = attention.rotary ? attention.rotary->dims : 0;
  return {1, attention.latent->rank + rotary, attention.latent->rank};
}

/// One cache holds the keys of all layers, so they must have the same size.
bool ModuleBuilder::checkCache() {
  const Attention *first = nullptr;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const std::optional<Attention> &attention = model.layers[i].attention;
    if (!attention)
      continue;
    if (!first)
      first = &*attention;
    CacheRow row = cacheRowOf(*attention), expected = cacheRowOf(*first);
    if (!(row == expected)) {
      emitError(at("layers[" + Twine(i) + "].attention"))
          << "layer " << i << " has " << row.heads << " key heads of size " << row.keySize << ", others "
          << expected.heads << " of " << expected.keySize << ", which is not supported";
      return false;
    }
  }
  if (!first)
    emitError(at("layers")) << "no layer has attention, which is not supported";
  return first;
}

Type ModuleBuilder::cacheType() {
  Type element = b.getF32Type();
  if (options.cache == CacheElement::f16)
    element = b.getF16Type();
  if (options.cache == CacheElement::bf16)
    element = b.getBF16Type();
  int64_t layers = model.kind == ModelKind::encoder ? 1 : model.layers.size();
  for (const Layer &layer : model.layers)
    if (const std::optional<Attention> &attention = layer.attention) {
      CacheRow row = cacheRowOf(*attention);
      return tf::CacheType::get(b.getContext(), layers, row.heads, row.keySize, row.valueSize, element);
    }
  llvm_unreachable("checkCache found attention");
}

//===---------------------------------------------------- entry
//----------------------------------------------------===//

void ModuleBuilder::emitEntry() {
  bool literal = model.kind == ModelKind::literal, encoder = model.kind == ModelKind::encoder;
  Type ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  Type batch = RankedTensorType::get({ShapedType::kDynamic, tf::kBatchColumns}, b.getI32Type());
  SmallVector<std::pair<StringRef, Type>> inputs, results;
  if (!literal)
    inputs.push_back({"input_ids", ids});
  if (model.embedding.tokenTypes)
    inputs.push_back({"token_type_ids", ids});
  inputs.push_back({"batch", batch});
  if (model.head)
    inputs.push_back({"output_rows", ids});
  inputs.push_back({"cache", cacheType()});
  if (literal) {
    const Attention &attention = *model.layers[0].attention;
    results.push_back(
        {"outputs", rows({attention.projections ? model.hidden : attention.heads * attention.headSize})});
  }
  if (encoder)
    results.push_back({"last_hidden_state", rows({model.hidden})});
  if (model.head)
    results.push_back({"logits", rows({model.vocabulary})});

  auto types = [](ArrayRef<std::pair<StringRef, Type>> named) {
    return llvm::to_vector(llvm::make_second_range(named));
  };
  Location loc = at("name");
  auto function = func::FuncOp::create(b, loc, "step", b.getFunctionType(types(inputs), types(results)));
  for (auto [i, input] : llvm::enumerate(inputs))
    function.setArgAttr(i, nameAttribute, b.getStringAttr(input.first));
  for (auto [i, result] : llvm::enumerate(results))
    function.setResultAttr(i, nameAttribute, b.getStringAttr(result.first));

  b.setInsertionPointToStart(function.addEntryBlock());
  /// Null if there is none of this name.
  auto input = [&](StringRef name) -> Value {
    for (auto [i, named] : llvm::enumerate(inputs))
      if (named.first == name)
        return function.getArgument(i);
    return {};
  };
  Value batchValue = input("batch"), cache = input("cache");
  SmallVector<Value> values;
  if (literal) {
    values.push_back(emitLiteral(batchValue, cache));
  } else {
    Value embedded = emitEmbedding(input("input_ids"), input("token_type_ids"), batchValue);
    Value x = emitRuns(embedded, batchValue, cache);
    Value normed = emitFinal(x);
    if (normed.getType() == x.getType())
      tap(at("final_norm"), "hidden_states", index(loc, model.layers.size()), normed);
    else // of another width than the others
      tap(at("embedding.size"), "final_state", Value(), normed);
    if (encoder)
      values.push_back(normed);
    if (model.head)
      values.push_back(emitLogits(x, input("output_rows")));
  }
  func::ReturnOp::create(b, loc, values);
}

Value ModuleBuilder::emitEmbedding(Value ids, Value types, Value batch) {
  Location loc = at("embedding");
  int64_t size = model.embedding.size ? model.embedding.size : model.hidden;
  Value x = tf::EmbedOp::create(b, loc, rows({size}), ids, weight("embedding"));
  if (model.kind != ModelKind::encoder_decoder)
    tap(loc, "embedding", Value(), x);
  x = scale(at("embedding.scale"), x, model.embedding.scale);
  if (projectsEmbeddings(model))
    x = linear(at("embedding.size"), x, weight("embedding_projection"), Value());
  if (types) {
    Location typesLoc = at("embedding.token_types");
    Value segments = tf::EmbedOp::create(b, typesLoc, x.getType(), types, weight("token_types"));
    x = arith::AddFOp::create(b, typesLoc, x, segments);
  }
  x = emitPositions(x, batch);
  return normOf(model.embedding.norm, "embedding_norm", x);
}

Value ModuleBuilder::emitPositions(Value x, Value batch) {
  const Positions &positions = model.positions;
  Location loc = at("positions");
  Value vectors;
  if (positions.kind == PositionKind::none)
    return x;
  if (positions.kind == PositionKind::sinusoidal) {
    auto pairing =
        positions.pairing == Pairing::half_split ? tf::Pairing::half_split : tf::Pairing::interleaved;
    vectors = tf::PositionOp::create(b, loc, x.getType(), pairing, batch, llvm::APFloat(positions.base));
  } else {
    Type ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
    Value rowsOfTable = tf::PositionsOp::create(b, loc, ids, batch, b.getI64IntegerAttr(positions.offset));
    vectors = tf::EmbedOp::create(b, loc, x.getType(), rowsOfTable, weight("positions"));
  }
  if (positions.combine == Combine::multiply)
    return arith::MulFOp::create(b, loc, x, vectors);
  return arith::AddFOp::create(b, loc, x, vectors);
}

/// The table of rotation angles that a layer needs, made once for all layers that rotate alike; null if it
/// does not rotate.
Value ModuleBuilder::anglesOf(const Layer &layer, Value batch) {
  if (!layer.attention || !layer.attention->rotary)
    return {};
  const Rotary &rotary = *layer.attention->rotary;
  for (auto &[known, table] : angles) {
    Rotary same = known;
    same.pairing = rotary.pairing; // the table does not depend on it
    if (same == rotary)
      return table;
  }
  size_t index = &layer - model.layers.data();
  DenseF32ArrayAttr longFrequencies;
  int64_t switchLength = 0;
  if (rotary.scaling.kind == ScalingKind::longrope) {
    longFrequencies = b.getDenseF32ArrayAttr(rotaryFrequencies(rotary, /*ofLongSequences=*/true));
    switchLength = rotary.scaling.originalContext;
  }
  Value table = tf::RotaryTableOp::create(
      b, at("layers[" + Twine(index) + "].attention.rotary"), rows({2, rotary.dims / 2}), batch,
      b.getDenseF32ArrayAttr(rotaryFrequencies(rotary)), b.getF64FloatAttr(rotary.scaling.magnitude),
      longFrequencies, b.getI64IntegerAttr(switchLength));
  angles.emplace_back(rotary, table);
  return table;
}

Value ModuleBuilder::emitRuns(Value x, Value batch, Value cache) {
  for (const Run &run : schedule.runs) {
    SmallVector<Value> shared{batch};
    if (Value table = anglesOf(model.layers[run.first], batch))
      shared.push_back(table);
    shared.push_back(cache);
    x = tf::RepeatOp::create(b, at("layers[" + Twine(run.first) + "]"), x.getType(), prefixOf(run.kind), x,
                             shared, run.firstRecord, run.first, run.count);
  }
  return x;
}

/// What the head's matrix, or whoever wants hidden vectors, takes.
Value ModuleBuilder::emitFinal(Value x) {
  x = normOf(model.finalNorm, "final_norm", x);
  return model.head && projectsEmbeddings(model)
             ? linear(at("embedding.size"), x, weight("head_projection"), Value())
             : x;
}

/// The norm of the wanted rows alone: that of all rows is for taps and encoders.
Value ModuleBuilder::emitLogits(Value x, Value wanted) {
  const Head &head = *model.head;
  Location loc = at("head");
  Value chosen = tf::GatherOp::create(b, loc, x.getType(), x, wanted);
  chosen = emitFinal(chosen);
  if (head.transform)
    chosen = emitHeadTransform(*head.transform, chosen);
  Value logits = linear(loc, chosen, weight(head.tied ? "embedding" : "head"),
                        head.bias ? weight("head.bias") : Value());
  return softCap(at("head.soft_cap"), scale(at("head.scale"), logits, head.scale), head.softCap);
}

/// norm(activation(linear(normBefore x))), in front of the output matrix of masked-word models.
Value ModuleBuilder::emitHeadTransform(const HeadTransform &transform, Value x) {
  x = normOf(transform.normBefore, "head_norm_before", x);
  Value y = linear(at("head.transform"), x, weight("head_transform"),
                   transform.bias ? weight("head_transform.bias") : Value());
  y = tf::ActivationOp::create(b, at("head.transform.activation"), y.getType(),
                               *tf::symbolizeActivation(wordOf(transform.activation)), y);
  return normOf(transform.norm, "head_norm", y);
}

//===------------------------------------------------ literal inputs
//-----------------------------------------------===//

/// The input's row at each token's position.
Value ModuleBuilder::literalRows(StringRef input, Value batch) {
  Location loc = at("inputs." + input);
  Type ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  Value table = weight(("input." + input).str());
  int64_t width = cast<RankedTensorType>(table.getType()).getDimSize(1);
  Value positions = tf::PositionsOp::create(b, loc, ids, batch, b.getI64IntegerAttr(0));
  return tf::EmbedOp::create(b, loc, rows({width}), positions, table);
}

Value ModuleBuilder::emitLiteral(Value batch, Value cache) {
  const Attention &attention = *model.layers[0].attention;
  if (attention.projections)
    return normOf(model.finalNorm, "final_norm", emitRuns(literalRows("x", batch), batch, cache));
  Location loc = at("layers[0].attention");
  QueriesKeysValues qkv;
  qkv.queries = splitHeads(loc, literalRows("q", batch), attention.heads, attention.headSize);
  qkv.keys = splitHeads(loc, literalRows("k", batch), attention.keyHeads, attention.headSize);
  qkv.values = splitHeads(loc, literalRows("v", batch), attention.keyHeads, attention.headSize);
  Value layer = index(loc, 0);
  LayerScope scope{model.layers[0],
                   prefixOf(0),
                   "layers[0]",
                   layer,
                   layer,
                   batch,
                   anglesOf(model.layers[0], batch),
                   cache};
  return emitAttentionCore(scope, attention, qkv);
}
