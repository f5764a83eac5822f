// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Linear maps, norms, element-wise functions, and what is fused from them.

#include "dialect/reference/Interpreter.h"
#include "dialect/reference/Semantics.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

llvm::Error reference::expectSize(StringRef what, int64_t found, int64_t expected, StringRef source) {
  if (found == expected)
    return llvm::Error::success();
  return llvm::createStringError(
      (what + " has size " + Twine(found) + ", expected " + Twine(expected) + " (" + source + ")").str());
}

//===------------------------------ meaning -------------------------------===//

llvm::Expected<Tensor> reference::add(const Tensor &a, const Tensor &b) {
  if (a.shape() != b.shape())
    return llvm::createStringError("operands have different shapes");
  Tensor result = a;
  for (int64_t i = 0; i < result.size(); ++i)
    result.data()[i] += b.data()[i];
  return result;
}

llvm::Expected<Tensor> reference::linear(const Tensor &input, const Tensor &weight, const Tensor *bias) {
  int64_t rows = input.dim(0), features = input.dim(1), outputs = weight.dim(0);
  if (llvm::Error error = expectSize("input", features, weight.dim(1), "the weight's input size"))
    return error;
  if (bias)
    if (llvm::Error error = expectSize("bias", bias->dim(0), outputs, "the weight's output size"))
      return error;
  llvm::Expected<Tensor> result = Tensor::zeros({rows, outputs});
  if (!result)
    return result;
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t n = 0; n < outputs; ++n) {
      const double *x = &input.data()[t * features], *w = &weight.data()[n * features];
      double sum = 0;
      for (int64_t k = 0; k < features; ++k)
        sum += x[k] * w[k];
      (*result)(t, n) = sum + (bias ? (*bias)(n) : 0);
    }
  return result;
}

/// One vector of a norm: `(x - mean) / sqrt(mean((x - mean)^2) + eps)`, the mean being 0 for `rms`.
static void normalizeVector(MutableArrayRef<double> x, NormKind kind, double eps) {
  double mean = 0, square = 0;
  if (kind == NormKind::layer) {
    for (double element : x)
      mean += element;
    mean /= x.size();
  }
  for (double element : x)
    square += (element - mean) * (element - mean);
  double root = std::sqrt(square / x.size() + eps);
  for (double &element : x)
    element = (element - mean) / root;
}

llvm::Expected<Tensor> reference::norm(NormKind kind, const Tensor &input, const Tensor *weight,
                                       const Tensor *bias, double eps, double weightOffset) {
  int64_t features = input.shape().back();
  if (weight)
    if (llvm::Error error = expectSize("weight", weight->dim(0), features, "the input's last dimension"))
      return error;
  if (bias)
    if (llvm::Error error = expectSize("bias", bias->dim(0), features, "the input's last dimension"))
      return error;
  Tensor result = input;
  for (int64_t start = 0; start < result.size(); start += features) {
    MutableArrayRef<double> row = result.data().slice(start, features);
    normalizeVector(row, kind, eps);
    for (int64_t i = 0; i < features; ++i)
      row[i] = row[i] * (weight ? (*weight)(i) + weightOffset : 1) + (bias ? (*bias)(i) : 0);
  }
  return result;
}

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

static double activate(Activation kind, double x) {
  constexpr double sqrt2 = 1.4142135623730951, sqrt2OverPi = 0.7978845608028654;
  switch (kind) {
  case Activation::identity:
    return x;
  case Activation::relu:
    return std::fmax(x, 0);
  case Activation::silu:
    return x * sigmoid(x);
  case Activation::gelu:
    return 0.5 * x * (1 + std::erf(x / sqrt2));
  case Activation::gelu_tanh:
    return 0.5 * x * (1 + std::tanh(sqrt2OverPi * (x + 0.044715 * x * x * x)));
  case Activation::sigmoid:
    return sigmoid(x);
  case Activation::tanh:
    return std::tanh(x);
  case Activation::relu_squared:
    return std::fmax(x, 0) * std::fmax(x, 0);
  case Activation::quick_gelu:
    return x * sigmoid(1.702 * x);
  }
  llvm_unreachable("all activations are handled");
}

Tensor reference::activation(Activation kind, Tensor input) {
  for (double &x : input.data())
    x = activate(kind, x);
  return input;
}

Tensor reference::scale(Tensor input, double factor) {
  for (double &x : input.data())
    x *= factor;
  return input;
}

Tensor reference::softCap(Tensor input, double cap) {
  for (double &x : input.data())
    x = cap * std::tanh(x / cap);
  return input;
}

//===----------------------------- operations -----------------------------===//

static llvm::Error evaluateNorm(NormOp op, Frame &frame) {
  return frame.set(op.getResult(),
                   norm(op.getKind(), frame.tensor(op.getInput()), frame.optionalTensor(op.getWeight()),
                        frame.optionalTensor(op.getBias()), op.getEps().convertToDouble(),
                        op.getWeightOffset().convertToDouble()));
}

static llvm::Error evaluateLinear(LinearOp op, Frame &frame) {
  return frame.set(op.getResult(), linear(frame.tensor(op.getInput()), frame.tensor(op.getWeight()),
                                          frame.optionalTensor(op.getBias())));
}

static llvm::Error evaluateActivation(ActivationOp op, Frame &frame) {
  return frame.set(op.getResult(), activation(op.getKind(), frame.tensor(op.getInput())));
}

static llvm::Error evaluateScale(ScaleOp op, Frame &frame) {
  return frame.set(op.getResult(), scale(frame.tensor(op.getInput()), op.getFactor().convertToDouble()));
}

static llvm::Error evaluateScaleRows(ScaleRowsOp op, Frame &frame) {
  Tensor x = frame.tensor(op.getInput());
  const Tensor &factors = frame.tensor(op.getFactors());
  if (llvm::Error error = expectSize("factors", factors.dim(0), x.dim(0), "the input's rows"))
    return error;
  for (int64_t t = 0; t < x.dim(0); ++t)
    for (int64_t i = 0; i < x.dim(1); ++i)
      x(t, i) *= factors(t, 0);
  return frame.set(op.getResult(), std::move(x));
}

static llvm::Error evaluateSoftCap(SoftCapOp op, Frame &frame) {
  return frame.set(op.getResult(), softCap(frame.tensor(op.getInput()), op.getCap().convertToDouble()));
}

static llvm::Error evaluateResidualNorm(ResidualNormOp op, Frame &frame) {
  llvm::Expected<Tensor> sum = add(frame.tensor(op.getResidual()), frame.tensor(op.getUpdate()));
  if (!sum)
    return sum.takeError();
  if (llvm::Error error = frame.set(op.getSum(), *sum))
    return error;
  return frame.set(op.getResult(), norm(op.getKind(), *sum, frame.optionalTensor(op.getWeight()),
                                        frame.optionalTensor(op.getBias()), op.getEps().convertToDouble(),
                                        op.getWeightOffset().convertToDouble()));
}

static llvm::Error evaluateLinearSplit(LinearSplitOp op, Frame &frame) {
  for (auto [index, result] : llvm::enumerate(op.getResults())) {
    const Tensor *bias = op.getBiases().empty() ? nullptr : &frame.tensor(op.getBiases()[index]);
    if (llvm::Error error = frame.set(
            result, linear(frame.tensor(op.getInput()), frame.tensor(op.getWeights()[index]), bias)))
      return error;
  }
  return llvm::Error::success();
}

/// What the second map of a feed-forward network is applied to.
static llvm::Expected<Tensor> hiddenOf(FfnOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput());
  llvm::Expected<Tensor> up = linear(input, frame.tensor(op.getUp()), frame.optionalTensor(op.getUpBias()));
  if (!up)
    return up;
  if (!op.getGate())
    return activation(op.getActivation(), std::move(*up));
  llvm::Expected<Tensor> gate =
      linear(input, frame.tensor(op.getGate()), frame.optionalTensor(op.getGateBias()));
  if (!gate)
    return gate;
  if (llvm::Error error = expectSize("gate", gate->dim(1), up->dim(1), "the rows of up"))
    return error;
  Tensor hidden = activation(op.getActivation(), std::move(*gate));
  for (int64_t i = 0; i < hidden.size(); ++i)
    hidden.data()[i] *= up->data()[i];
  return hidden;
}

static llvm::Error evaluateFfn(FfnOp op, Frame &frame) {
  llvm::Expected<Tensor> hidden = hiddenOf(op, frame);
  if (!hidden)
    return hidden.takeError();
  return frame.set(op.getResult(),
                   linear(*hidden, frame.tensor(op.getDown()), frame.optionalTensor(op.getDownBias())));
}

static llvm::Error evaluateHeadLinear(HeadLinearOp op, Frame &frame) {
  const Tensor &input = frame.tensor(op.getInput()), &weights = frame.tensor(op.getWeights());
  llvm::Expected<Tensor> result = Tensor::zeros({input.dim(0), weights.dim(0), weights.dim(1)});
  if (!result)
    return result.takeError();
  for (int64_t t = 0; t < input.dim(0); ++t)
    for (int64_t h = 0; h < weights.dim(0); ++h)
      for (int64_t n = 0; n < weights.dim(1); ++n)
        for (int64_t k = 0; k < weights.dim(2); ++k)
          (*result)(t, h, n) += input(t, h, k) * weights(h, n, k);
  return frame.set(op.getResult(), std::move(result));
}

void reference::addMapEvaluators(Evaluators &table) {
  table.add(evaluateNorm);
  table.add(evaluateLinear);
  table.add(evaluateHeadLinear);
  table.add(evaluateActivation);
  table.add(evaluateScale);
  table.add(evaluateScaleRows);
  table.add(evaluateSoftCap);
  table.add(evaluateResidualNorm);
  table.add(evaluateLinearSplit);
  table.add(evaluateFfn);
}
