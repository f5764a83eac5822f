// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Mixtures of experts: router, choice, networks, and the one that every token meets.

#include "frontend/Words.h"
#include "frontend/builder/ModuleBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace attune;
using namespace mlir;
namespace tf = mlir::transformer;

/// The choices of all layers are shown side by side, so there must be as many in each.
bool ModuleBuilder::checkChoices() {
  const Experts *first = nullptr;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const std::optional<FeedForward> &ffn = model.layers[i].feedForward;
    if (!ffn || !ffn->experts)
      continue;
    if (!first)
      first = &*ffn->experts;
    if (ffn->experts->perToken != first->perToken) {
      emitError(at("layers[" + Twine(i) + "].feed_forward.experts.per_token"))
          << "layer " << i << " chooses " << ffn->experts->perToken << " experts, others " << first->perToken
          << ", which is not supported";
      return false;
    }
  }
  return true;
}

Value ModuleBuilder::emitExperts(const LayerScope &scope, const FeedForward &ffn, Value x) {
  Value mixture = emitMixture(scope, ffn, x);
  if (!ffn.experts->shared)
    return mixture;
  return arith::AddFOp::create(b, at(scope.field + ".feed_forward.experts.shared"), mixture,
                               emitSharedExpert(scope, ffn, x));
}

Value ModuleBuilder::emitMixture(const LayerScope &scope, const FeedForward &ffn, Value x) {
  const Experts &experts = *ffn.experts;
  const std::string name = "feed_forward.experts";
  Location loc = at(scope.field + "." + name);
  Value logits = linearOf(scope, "feed_forward.router", experts.routerBias, x);
  Value correction = experts.correctionBias ? weight(scope, "feed_forward.correction_bias") : Value();
  auto chosen = RankedTensorType::get({ShapedType::kDynamic, experts.perToken}, b.getI32Type());
  auto groupScore = experts.groupScore == GroupScore::max ? tf::GroupScore::max : tf::GroupScore::top2_sum;
  auto route = tf::RouteOp::create(b, loc, chosen, chosen.clone(b.getF32Type()),
                                   *tf::symbolizeRouterScores(wordOf(experts.scores)), logits, correction,
                                   experts.perToken, experts.groups, experts.groups ? experts.topGroups : 0,
                                   groupScore, experts.renormalize, llvm::APFloat(experts.scale));
  tap(loc, "router_experts", scope.layer, route.getExperts());
  tap(loc, "router_weights", scope.layer, route.getWeights());

  auto part = [&](StringRef which, bool isBias) {
    return isBias ? weight(scope, (name + "." + which + ".bias").str())
                  : weight(scope, (name + "." + which).str());
  };
  auto bias = [&](StringRef which) { return ffn.bias ? part(which, true) : Value(); };
  Value gate = ffn.gated ? part("gate", false) : Value(), gateBias = ffn.gated ? bias("gate") : Value();
  Value up = part("up", false), upBias = bias("up"), down = part("down", false), downBias = bias("down");
  return tf::ExpertsOp::create(b, loc, x.getType(), *tf::symbolizeActivation(wordOf(ffn.activation)), x,
                               route.getExperts(), route.getWeights(), gate, gateBias, up, upBias, down,
                               downBias, experts.weighInput, llvm::APFloat(experts.limit),
                               llvm::APFloat(experts.upOffset));
}

Value ModuleBuilder::emitSharedExpert(const LayerScope &scope, const FeedForward &ffn, Value x) {
  Value y = emitNetwork(scope, ffn, "feed_forward.shared", /*bias=*/false, x);
  if (!ffn.experts->shared->gate)
    return y;
  Location loc = at(scope.field + ".feed_forward.experts.shared.gate");
  Value score = linearOf(scope, "feed_forward.shared.score", /*bias=*/false, x);
  Value factor = tf::ActivationOp::create(b, loc, score.getType(), tf::Activation::sigmoid, score);
  return tf::ScaleRowsOp::create(b, loc, y.getType(), y, factor);
}
