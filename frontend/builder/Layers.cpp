// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// One layer: its branches, their norms and residual connections, the feed-forward network.

#include "frontend/Words.h"
#include "frontend/builder/ModuleBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

SmallVector<Value> SharedValues::list() const {
  SmallVector<Value> values;
  for (Value value : {batch, angles, bias, cache, sourceBatch, crossCache})
    if (value)
      values.push_back(value);
  return values;
}

void ModuleBuilder::emitLayerFunction(const StackView &stack, int64_t kind) {
  int64_t first = scheduleOf(stack).kinds[kind].layers[0];
  const Layer &settings = stack->layers[first];
  std::string field = stack.prefix + "layers[" + std::to_string(first) + "]";
  Location loc = at(field);

  OpBuilder::InsertionGuard guard(b);
  Type x = rows({model.hidden}), indexType = b.getIndexType();
  auto function =
      func::FuncOp::create(b, loc, prefixOf(stack, kind), b.getFunctionType({x, indexType, indexType}, x));
  function.setPrivate();
  Block *body = function.addEntryBlock();
  b.setInsertionPointToStart(body);
  auto argument = [&](bool used, Type type) { return used ? body->addArgument(type, loc) : Value(); };
  Type batch = RankedTensorType::get({ShapedType::kDynamic, tf::kBatchColumns}, b.getI32Type());
  const std::optional<Attention> &attention = settings.attention;
  bool cross = settings.crossAttention.has_value();
  SharedValues shared;
  shared.batch = argument(true, batch);
  shared.angles = argument(attention && attention->rotary,
                           attention && attention->rotary ? rows({2, attention->rotary->dims / 2}) : Type());
  shared.bias = argument(attention && attention->relativeBias, biasType(settings));
  shared.cache = argument(true, cacheType(stack));
  shared.sourceBatch = argument(cross, batch);
  shared.crossCache = argument(cross, crossCacheType());
  function.setFunctionType(b.getFunctionType(body->getArgumentTypes(), x));

  LayerScope scope{
      shared, stack, settings, prefixOf(stack, kind), field, body->getArgument(1), body->getArgument(2)};
  func::ReturnOp::create(b, loc, emitLayer(scope, body->getArgument(0)));
}

Value ModuleBuilder::emitLayer(const LayerScope &scope, Value x) {
  if (model.kind != ModelKind::literal)
    tap(at(scope.field), tapName(scope.stack, "hidden", "hidden_states"), scope.layer, x);
  const std::optional<Attention> &attention = scope.settings.attention;
  const std::optional<FeedForward> &ffn = scope.settings.feedForward;
  auto attend = [&](Value input) { return emitAttention(scope, *attention, input); };
  auto feed = [&](Value input) { return emitFeedForward(scope, *ffn, input); };
  if (scope.settings.parallel) {
    Value a = emitBranch(scope, *attention, "attention", x, attend);
    Value f = emitBranch(scope, *ffn, "feed_forward", x, feed);
    return addBranch(scope, *ffn, "feed_forward", addBranch(scope, *attention, "attention", x, a), f);
  }
  if (attention)
    x = addBranch(scope, *attention, "attention", x, emitBranch(scope, *attention, "attention", x, attend));
  if (const std::optional<Attention> &cross = scope.settings.crossAttention)
    x = addBranch(scope, *cross, "cross_attention", x,
                  emitBranch(scope, *cross, "cross_attention", x,
                             [&](Value input) { return emitCrossAttention(scope, *cross, input); }));
  if (ffn)
    x = addBranch(scope, *ffn, "feed_forward", x, emitBranch(scope, *ffn, "feed_forward", x, feed));
  return x;
}

/// scale * normBranch(body(normBefore(x)))
Value ModuleBuilder::emitBranch(const LayerScope &scope, const Branch &branch, StringRef name, Value x,
                                llvm::function_ref<Value(Value)> body) {
  Value y = body(normOf(scope, branch.normBefore, (name + ".norm_before").str(), x));
  y = normOf(scope, branch.normBranch, (name + ".norm_branch").str(), y);
  return scale(at(scope.field + "." + name + ".residual_scale"), y, branch.residualScale);
}

/// normAfter(x + y), or normAfter(y) without a residual connection
Value ModuleBuilder::addBranch(const LayerScope &scope, const Branch &branch, StringRef name, Value x,
                               Value y) {
  Value sum = branch.residual
                  ? arith::AddFOp::create(b, at(scope.field + "." + name + ".residual"), x, y).getResult()
                  : y;
  return normOf(scope, branch.normAfter, (name + ".norm_after").str(), sum);
}

Value ModuleBuilder::emitFeedForward(const LayerScope &scope, const FeedForward &ffn, Value x) {
  return ffn.experts ? emitExperts(scope, ffn, x) : emitNetwork(scope, ffn, "feed_forward", ffn.bias, x);
}

Value ModuleBuilder::emitNetwork(const LayerScope &scope, const FeedForward &ffn, StringRef name, bool bias,
                                 Value x) {
  Location loc = at(scope.field + "." + name);
  tf::Activation kind = *tf::symbolizeActivation(wordOf(ffn.activation));
  auto activate = [&](Value value) {
    return tf::ActivationOp::create(b, at(scope.field + ".feed_forward.activation"), value.getType(), kind,
                                    value)
        .getResult();
  };
  auto linear = [&](StringRef part, Value input) {
    return linearOf(scope, (name + "." + part).str(), bias, input);
  };
  Value inner;
  if (ffn.gated) {
    Value gate = activate(linear("gate", x));
    Value up = linear("up", x);
    inner = arith::MulFOp::create(b, loc, gate, up);
  } else {
    inner = activate(linear("up", x));
  }
  return linear("down", inner);
}
