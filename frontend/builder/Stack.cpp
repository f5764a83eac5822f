// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A stack: embeddings, positions, the runs of its layers.

#include "frontend/RotaryFrequencies.h"
#include "frontend/builder/ModuleBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

Value ModuleBuilder::emitEmbedding(const StackView &stack, const TokenInputs &inputs) {
  const Embedding &embedding = stack->embedding;
  Location loc = at(stack.prefix + "embedding");
  int64_t size = model.embedding.size ? model.embedding.size : model.hidden;
  Value x = tf::EmbedOp::create(b, loc, rows({size}), inputs.ids, weight("embedding"));
  if (model.kind != ModelKind::encoder_decoder)
    tap(loc, "embedding", Value(), x);
  x = scale(at(stack.prefix + "embedding.scale"), x, embedding.scale);
  if (projectsEmbeddings(model))
    x = linear(at("embedding.size"), x, weight("embedding_projection"), Value());
  if (inputs.types) {
    Location typesLoc = at(stack.prefix + "embedding.token_types");
    Value segments =
        tf::EmbedOp::create(b, typesLoc, x.getType(), inputs.types, weight(stack.prefix + "token_types"));
    x = arith::AddFOp::create(b, typesLoc, x, segments);
  }
  x = emitPositions(stack, x, inputs);
  return normOf(stack, embedding.norm, "embedding_norm", x);
}

Value ModuleBuilder::emitPositions(const StackView &stack, Value x, const TokenInputs &inputs) {
  const Positions &positions = stack->positions;
  Location loc = at(stack.prefix + "positions");
  Value vectors;
  if (positions.kind == PositionKind::none)
    return x;
  if (positions.kind == PositionKind::sinusoidal) {
    auto pairing =
        positions.pairing == Pairing::half_split ? tf::Pairing::half_split : tf::Pairing::interleaved;
    vectors =
        tf::PositionOp::create(b, loc, x.getType(), pairing, inputs.batch, llvm::APFloat(positions.base));
  } else {
    Type ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
    Value rowsOfTable = inputs.positionIds;
    if (!rowsOfTable)
      rowsOfTable = tf::PositionsOp::create(b, loc, ids, inputs.batch, b.getI64IntegerAttr(positions.offset));
    vectors = tf::EmbedOp::create(b, loc, x.getType(), rowsOfTable, weight(stack.prefix + "positions"));
  }
  if (positions.combine == Combine::multiply)
    return arith::MulFOp::create(b, loc, x, vectors);
  return arith::AddFOp::create(b, loc, x, vectors);
}

/// The table of rotation angles that a layer needs, made once for all layers that rotate alike; null if it
/// does not rotate.
Value ModuleBuilder::anglesOf(const StackView &stack, const Layer &layer, Value batch) {
  if (!layer.attention || !layer.attention->rotary)
    return {};
  const Rotary &rotary = *layer.attention->rotary;
  for (auto &[known, table] : angles) {
    Rotary same = known;
    same.pairing = rotary.pairing; // the table does not depend on it
    if (same == rotary)
      return table;
  }
  size_t index = &layer - stack->layers.data();
  DenseF32ArrayAttr longFrequencies;
  int64_t switchLength = 0;
  if (rotary.scaling.kind == ScalingKind::longrope) {
    longFrequencies = b.getDenseF32ArrayAttr(rotaryFrequencies(rotary, /*ofLongSequences=*/true));
    switchLength = rotary.scaling.originalContext;
  }
  Value table = tf::RotaryTableOp::create(
      b, at(stack.prefix + "layers[" + Twine(index) + "].attention.rotary"), rows({2, rotary.dims / 2}),
      batch, b.getDenseF32ArrayAttr(rotaryFrequencies(rotary)), b.getF64FloatAttr(rotary.scaling.magnitude),
      longFrequencies, b.getI64IntegerAttr(switchLength));
  angles.emplace_back(rotary, table);
  return table;
}

Value ModuleBuilder::distanceBias(const StackView &stack) {
  for (auto [i, layer] : llvm::enumerate(stack->layers))
    if (layer.attention && layer.attention->relativeBias) {
      const RelativeBias &bias = *layer.attention->relativeBias;
      Location loc = at(stack.prefix + "layers[" + Twine(i) + "].attention.relative_bias");
      return tf::DistanceBiasOp::create(b, loc, biasType(layer), weight(stack.prefix + "relative_bias"),
                                        bias.buckets, bias.maxDistance, !layer.attention->mask.causal);
    }
  return {};
}

Value ModuleBuilder::emitRuns(const StackView &stack, Value x, const SharedValues &given) {
  Value bias = distanceBias(stack);
  for (const Run &run : scheduleOf(stack).runs) {
    const Layer &layer = stack->layers[run.first];
    SharedValues shared = given;
    shared.angles = anglesOf(stack, layer, given.batch);
    if (layer.attention && layer.attention->relativeBias)
      shared.bias = bias;
    if (!layer.crossAttention)
      shared.sourceBatch = shared.crossCache = {};
    x = tf::RepeatOp::create(b, at(stack.prefix + "layers[" + Twine(run.first) + "]"), x.getType(),
                             prefixOf(stack, run.kind), x, shared.list(), run.firstRecord, run.first,
                             run.count);
  }
  return x;
}

std::string ModuleBuilder::tapName(const StackView &stack, StringRef encoderDecoder, StringRef other) const {
  if (!model.encoder)
    return other.str();
  return ((isEncoder(stack) ? "enc_" : "dec_") + encoderDecoder).str();
}
