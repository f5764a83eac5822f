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

void ModuleBuilder::emitLayerFunction(int64_t kind) {
  int64_t first = schedule.kinds[kind].layers[0];
  const Layer &settings = model.layers[first];
  std::string field = "layers[" + std::to_string(first) + "]";
  Location loc = at(field);

  Type x = rows({model.hidden}), indexType = b.getIndexType();
  SmallVector<Type> inputs{x, indexType, indexType,
                           RankedTensorType::get({ShapedType::kDynamic, tf::kBatchColumns}, b.getI32Type())};
  bool rotary = settings.attention && settings.attention->rotary;
  if (rotary)
    inputs.push_back(rows({2, settings.attention->rotary->dims / 2}));
  inputs.push_back(cacheType());

  OpBuilder::InsertionGuard guard(b);
  auto function = func::FuncOp::create(b, loc, prefixOf(kind), b.getFunctionType(inputs, x));
  function.setPrivate();
  b.setInsertionPointToStart(function.addEntryBlock());
  auto arguments = function.getArguments();
  LayerScope scope{settings,
                   prefixOf(kind),
                   field,
                   arguments[1],
                   arguments[2],
                   arguments[3],
                   rotary ? arguments[4] : Value(),
                   arguments.back()};
  func::ReturnOp::create(b, loc, emitLayer(scope, arguments[0]));
}

Value ModuleBuilder::emitLayer(const LayerScope &scope, Value x) {
  if (model.kind != ModelKind::literal)
    tap(at(scope.field), "hidden_states", scope.layer, x);
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
