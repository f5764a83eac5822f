// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Mixtures of experts: the choice, and the networks.

#include "dialect/reference/Interpreter.h"
#include "dialect/reference/Semantics.h"

#include "llvm/ADT/SmallBitVector.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

using Numbers = SmallVector<double>;

static constexpr double minusInfinity = -std::numeric_limits<double>::infinity();

//===------------------------------- route --------------------------------===//

/// exp(x - max) / sum
static Numbers softmaxOf(ArrayRef<double> values) {
  double largest = *llvm::max_element(values), sum = 0;
  Numbers result;
  for (double value : values)
    sum += result.emplace_back(std::exp(value - largest));
  for (double &value : result)
    value /= sum;
  return result;
}

static Numbers scoresOf(RouterScores kind, ArrayRef<double> logits) {
  if (kind == RouterScores::softmax)
    return softmaxOf(logits);
  Numbers scores(logits);
  if (kind == RouterScores::sigmoid)
    for (double &score : scores)
      score = 1 / (1 + std::exp(-score));
  return scores;
}

/// Indices of the `count` largest values, the largest first; equal ones by the lower index.
static SmallVector<int64_t> largestOf(ArrayRef<double> values, int64_t count) {
  SmallVector<int64_t> chosen;
  llvm::SmallBitVector taken(values.size());
  for (int64_t i = 0; i < count; ++i) {
    int64_t best = taken.find_first_unset();
    for (int64_t e = 0, end = values.size(); e < end; ++e)
      if (!taken[e] && values[e] > values[best])
        best = e;
    taken.set(best);
    chosen.push_back(best);
  }
  return chosen;
}

/// What ranks a group of experts.
static double groupScore(GroupScore kind, ArrayRef<double> members) {
  SmallVector<int64_t> best = largestOf(members, kind == GroupScore::max ? 1 : 2);
  double sum = 0;
  for (int64_t member : best)
    sum += members[member];
  return std::isnan(sum) ? minusInfinity : sum;
}

/// The experts of groups that are not among the best become minus infinity.
static void hideGroups(RouteOp op, MutableArrayRef<double> ranks) {
  int64_t groups = op.getGroups(), size = ranks.size() / groups;
  Numbers scores;
  for (int64_t group = 0; group < groups; ++group)
    scores.push_back(groupScore(op.getGroupScore(), ranks.slice(group * size, size)));
  SmallVector<int64_t> kept = largestOf(scores, op.getTopGroups());
  for (int64_t e = 0, end = ranks.size(); e < end; ++e)
    if (!llvm::is_contained(kept, e / size))
      ranks[e] = minusInfinity;
}

/// Scores with the correction, in f32: which of two close ones is the larger is part of the meaning.
static Numbers ranksOf(RouteOp op, ArrayRef<double> scores, const Tensor *bias) {
  Numbers ranks;
  for (auto [e, score] : llvm::enumerate(scores)) {
    float rank = static_cast<float>(score);
    if (bias)
      rank += static_cast<float>((*bias)(e));
    ranks.push_back(std::isnan(rank) ? minusInfinity : rank);
  }
  if (op.getGroups())
    hideGroups(op, ranks);
  return ranks;
}

/// Experts by descending score, whatever the correction made of them; equal ones by the lower index.
static SmallVector<int64_t> byScore(SmallVector<int64_t> chosen, ArrayRef<double> scores) {
  auto valueOf = [&](int64_t expert) {
    float score = static_cast<float>(scores[expert]);
    return std::isnan(score) ? std::numeric_limits<float>::lowest() : score;
  };
  llvm::sort(chosen, [&](int64_t a, int64_t b) {
    return valueOf(a) != valueOf(b) ? valueOf(a) > valueOf(b) : a < b;
  });
  return chosen;
}

static Numbers weightsOf(RouteOp op, Numbers chosen) {
  if (op.getScores() == RouterScores::softmax_chosen)
    chosen = softmaxOf(chosen);
  double sum = 0;
  for (double weight : chosen)
    sum += weight;
  if (!op.getRenormalize() || sum == 0)
    sum = 1;
  for (double &weight : chosen)
    weight = weight / sum * op.getScale().convertToDouble();
  return chosen;
}

static llvm::Error evaluateRoute(RouteOp op, Frame &frame) {
  const Tensor &logits = frame.tensor(op.getLogits());
  const Tensor *bias = frame.optionalTensor(op.getCorrectionBias());
  int64_t tokens = logits.dim(0), count = logits.dim(1), chosen = op.getTopK();
  llvm::Expected<Tensor> experts = Tensor::zeros({tokens, chosen}, ElementKind::integer),
                         weights = Tensor::zeros({tokens, chosen});
  if (!experts || !weights)
    return llvm::joinErrors(experts.takeError(), weights.takeError());
  for (int64_t t = 0; t < tokens; ++t) {
    Numbers scores = scoresOf(op.getScores(), logits.data().slice(t * count, count)), ofChosen;
    SmallVector<int64_t> best = byScore(largestOf(ranksOf(op, scores, bias), chosen), scores);
    for (int64_t expert : best)
      ofChosen.push_back(scores[expert]);
    for (auto [j, weight] : llvm::enumerate(weightsOf(op, ofChosen))) {
      (*experts)(t, j) = best[j];
      (*weights)(t, j) = weight;
    }
  }
  if (llvm::Error error = frame.set(op.getExperts(), std::move(experts)))
    return error;
  return frame.set(op.getWeights(), std::move(weights));
}

//===------------------------------ experts -------------------------------===//

/// `weights[expert]` times `x`, plus that expert's part of `bias`.
static Numbers linearOf(const Tensor &weights, const Tensor *bias, int64_t expert, ArrayRef<double> x) {
  Numbers result;
  for (int64_t n = 0; n < weights.dim(1); ++n) {
    double sum = bias ? (*bias)(expert * weights.dim(1) + n) : 0;
    for (auto [k, element] : llvm::enumerate(x))
      sum += element * weights(expert, n, k);
    result.push_back(sum);
  }
  return result;
}

static Numbers activated(Activation kind, ArrayRef<double> x) {
  return Numbers(activation(kind, Tensor::of({static_cast<int64_t>(x.size())}, x)).data());
}

static Numbers networkOf(ExpertsOp op, Frame &frame, int64_t expert, ArrayRef<double> x) {
  double limit = op.getLimit().convertToDouble(), offset = op.getUpOffset().convertToDouble();
  Numbers hidden = linearOf(frame.tensor(op.getUp()), frame.optionalTensor(op.getUpBias()), expert, x);
  if (op.getGate()) {
    Numbers gate = linearOf(frame.tensor(op.getGate()), frame.optionalTensor(op.getGateBias()), expert, x);
    for (double &value : gate)
      value = limit > 0 ? std::fmin(value, limit) : value;
    gate = activated(op.getActivation(), gate);
    for (auto [up, factor] : llvm::zip_equal(hidden, gate))
      up = factor * ((limit > 0 ? std::fmin(std::fmax(up, -limit), limit) : up) + offset);
  } else {
    hidden = activated(op.getActivation(), hidden);
  }
  return linearOf(frame.tensor(op.getDown()), frame.optionalTensor(op.getDownBias()), expert, hidden);
}

static llvm::Error evaluateExperts(ExpertsOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput()), &experts = frame.tensor(op.getExperts()),
               &weights = frame.tensor(op.getWeights()), &up = frame.tensor(op.getUp());
  int64_t tokens = input.dim(0), features = input.dim(1);
  for (auto [what, found, expected, source] :
       {std::tuple("experts", experts.dim(0), tokens, "the input's rows"),
        std::tuple("weights", weights.dim(0), tokens, "the input's rows"),
        std::tuple("up", up.dim(2), features, "the input's features")})
    if (llvm::Error error = expectSize(what, found, expected, source))
      return error;
  llvm::Expected<Tensor> result = Tensor::zeros({tokens, features});
  if (!result)
    return result.takeError();
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t j = 0; j < experts.dim(1); ++j) {
      int64_t expert = experts(t, j);
      if (llvm::Error error =
              expectIndex("expert of token " + std::to_string(t), expert, up.dim(0), "the number of experts"))
        return error;
      Numbers x(input.data().slice(t * features, features));
      for (double &element : x)
        element *= op.getWeighInput() ? weights(t, j) : 1;
      for (auto [n, y] : llvm::enumerate(networkOf(op, frame, expert, x)))
        (*result)(t, n) += (op.getWeighInput() ? 1 : weights(t, j)) * y;
    }
  return frame.set(op.getResult(), std::move(result));
}

void reference::addExpertEvaluators(Evaluators &table) {
  table.add(evaluateRoute);
  table.add(evaluateExperts);
}
