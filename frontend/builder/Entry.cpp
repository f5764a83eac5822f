// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The module and the entry of a step: hidden vectors, the head.

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
    : model(model), options(options), stacks(stacksOf(model)), b(&context) {
  for (const StackView &stack : stacks)
    schedules.push_back(attune::scheduleOf(model, isEncoder(stack)));
}

OwningOpRef<ModuleOp> ModuleBuilder::build() {
  if (!checkCaches() || !checkChoices())
    return nullptr;
  module = ModuleOp::create(at("name"));
  b.setInsertionPointToEnd(module->getBody());
  declareParameters();
  bool inlined = model.kind == ModelKind::literal && !model.layers[0].attention->projections;
  for (const StackView &stack : stacks)
    for (int64_t kind = 0, end = scheduleOf(stack).kinds.size(); kind < end && !inlined; ++kind)
      emitLayerFunction(stack, kind);
  if (model.encoder)
    emitEncode();
  emitStep();
  if (failed(verify(*module)))
    return nullptr;
  return std::move(module);
}

//===------------------------------- entry --------------------------------===//

func::FuncOp ModuleBuilder::beginEntry(StringRef name, const Named &inputs, const Named &results) {
  auto types = [](const Named &named) { return llvm::to_vector(llvm::make_second_range(named)); };
  b.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(b, at("name"), name, b.getFunctionType(types(inputs), types(results)));
  for (auto [i, input] : llvm::enumerate(inputs))
    function.setArgAttr(i, nameAttribute, b.getStringAttr(input.first));
  for (auto [i, result] : llvm::enumerate(results))
    function.setResultAttr(i, nameAttribute, b.getStringAttr(result.first));
  b.setInsertionPointToStart(function.addEntryBlock());
  angles.clear();
  return function;
}

void ModuleBuilder::emitStep() {
  const StackView &stack = stacks[0];
  bool literal = model.kind == ModelKind::literal, encoder = model.kind == ModelKind::encoder;
  Type ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  Type batch = RankedTensorType::get({ShapedType::kDynamic, tf::kBatchColumns}, b.getI32Type());
  Named inputs, results;
  if (!literal)
    inputs.push_back({"input_ids", ids});
  if (model.embedding.tokenTypes)
    inputs.push_back({"token_type_ids", ids});
  if (model.positions.uncounted)
    inputs.push_back({"position_ids", ids});
  inputs.push_back({"batch", batch});
  if (model.head)
    inputs.push_back({"output_rows", ids});
  inputs.push_back({"cache", cacheType(stack)});
  if (model.encoder) {
    inputs.push_back({"source_batch", batch});
    inputs.push_back({"cross_cache", crossCacheType()});
  }
  if (literal) {
    const Attention &attention = *model.layers[0].attention;
    results.push_back(
        {"outputs", rows({attention.projections ? model.hidden : attention.heads * attention.headSize})});
  }
  if (encoder)
    results.push_back({"last_hidden_state", rows({model.hidden})});
  if (model.head)
    results.push_back({"logits", rows({model.vocabulary})});

  func::FuncOp function = beginEntry("step", inputs, results);
  Location loc = at("name");
  /// Null if there is none of this name.
  auto input = [&](StringRef name) -> Value {
    for (auto [i, named] : llvm::enumerate(inputs))
      if (named.first == name)
        return function.getArgument(i);
    return {};
  };
  SharedValues shared;
  shared.batch = input("batch"), shared.cache = input("cache");
  shared.sourceBatch = input("source_batch"), shared.crossCache = input("cross_cache");
  SmallVector<Value> values;
  if (literal) {
    values.push_back(emitLiteral(shared));
  } else {
    TokenInputs tokens{input("input_ids"), shared.batch, input("token_type_ids"), input("position_ids")};
    Value x = emitRuns(stack, emitEmbedding(stack, tokens), shared);
    Value normed = emitFinal(x);
    if (normed.getType() == x.getType())
      tap(at("final_norm"), tapName(stack, "hidden", "hidden_states"), index(loc, model.layers.size()),
          normed);
    else // of another width than the others
      tap(at("embedding.size"), "final_state", Value(), normed);
    if (encoder)
      values.push_back(normed);
    if (model.head)
      values.push_back(emitLogits(x, input("output_rows")));
  }
  func::ReturnOp::create(b, loc, values);
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

//===--------------------------- literal inputs ---------------------------===//

/// The input's row at each token's position.
Value ModuleBuilder::literalRows(StringRef input, Value batch) {
  Location loc = at("inputs." + input);
  Type ids = RankedTensorType::get({ShapedType::kDynamic}, b.getI32Type());
  Value table = weight(("input." + input).str());
  int64_t width = cast<RankedTensorType>(table.getType()).getDimSize(1);
  Value positions = tf::PositionsOp::create(b, loc, ids, batch, b.getI64IntegerAttr(0));
  return tf::EmbedOp::create(b, loc, rows({width}), positions, table);
}

Value ModuleBuilder::emitLiteral(const SharedValues &shared) {
  const Attention &attention = *model.layers[0].attention;
  Value batch = shared.batch;
  if (attention.projections)
    return normOf(model.finalNorm, "final_norm", emitRuns(stacks[0], literalRows("x", batch), shared));
  Location loc = at("layers[0].attention");
  QueriesKeysValues qkv;
  qkv.queries = splitHeads(loc, literalRows("q", batch), attention.heads, attention.headSize);
  qkv.keys = splitHeads(loc, literalRows("k", batch), attention.keyHeads, attention.headSize);
  qkv.values = splitHeads(loc, literalRows("v", batch), attention.keyHeads, attention.headSize);
  Value layer = index(loc, 0);
  LayerScope scope{shared, stacks[0], model.layers[0], prefixOf(stacks[0], 0), "layers[0]", layer, layer};
  scope.angles = anglesOf(stacks[0], model.layers[0], batch);
  return emitAttentionCore(scope, attention, qkv);
}
