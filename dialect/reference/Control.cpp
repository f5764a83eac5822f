// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Calls, loops, layers, parameters and taps.

#include "dialect/reference/Interpreter.h"
#include "dialect/reference/Semantics.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

static RuntimeValue indexValue(int64_t value) {
  return runtimeValue(Tensor::scalar(value, ElementKind::integer));
}

static llvm::Expected<func::FuncOp> findFunction(Operation *op, FlatSymbolRefAttr name, Frame &frame) {
  if (auto function = frame.interpreter.symbols.lookupNearestSymbolFrom<func::FuncOp>(op, name))
    return function;
  return llvm::createStringError(("names @" + name.getValue() + ", which is not a func.func").str());
}

static llvm::Error evaluateCall(func::CallOp op, Frame &frame) {
  llvm::Expected<func::FuncOp> function = findFunction(op, op.getCalleeAttr(), frame);
  if (!function)
    return function.takeError();
  llvm::Expected<SmallVector<RuntimeValue>> results =
      frame.interpreter.call(*function, frame.values(op.getOperands()));
  return results ? frame.set(op.getResults(), *results) : results.takeError();
}

static llvm::Error evaluateRepeat(RepeatOp op, Frame &frame) {
  llvm::Expected<func::FuncOp> layer = findFunction(op, op.getLayerAttr(), frame);
  if (!layer)
    return layer.takeError();
  RuntimeValue x = frame.values(op.getInput()).front();
  for (int64_t i = 0, count = op.getCount(); i < count; ++i) {
    SmallVector<RuntimeValue> arguments{x, indexValue(op.getRecord() + i), indexValue(op.getFirst() + i)};
    llvm::append_range(arguments, frame.values(op.getShared()));
    llvm::Expected<SmallVector<RuntimeValue>> results = frame.interpreter.call(*layer, arguments);
    if (!results)
      return results.takeError();
    x = results->front();
  }
  return frame.set(op.getResult(), x);
}

static llvm::Error evaluateFor(scf::ForOp op, Frame &frame) {
  int64_t lower = frame.index(op.getLowerBound()), upper = frame.index(op.getUpperBound()),
          step = frame.index(op.getStep());
  if (step <= 0)
    return llvm::createStringError("has a step that is not positive");
  SmallVector<RuntimeValue> carried = frame.values(op.getInitArgs());
  for (int64_t i = lower; i < upper; i += step) {
    SmallVector<RuntimeValue> arguments{indexValue(i)};
    llvm::append_range(arguments, carried);
    if (llvm::Error error = frame.set(op.getBody()->getArguments(), arguments))
      return error;
    llvm::Expected<SmallVector<RuntimeValue>> yielded = frame.interpreter.runBlock(*op.getBody(), frame);
    if (!yielded)
      return yielded.takeError();
    carried = std::move(*yielded);
  }
  return frame.set(op.getResults(), carried);
}

static llvm::Expected<Tensor> parameterValue(ParameterOp parameter, int64_t record, Frame &frame) {
  if (auto literal = parameter.getValue())
    return tensorOf(*literal);
  if (frame.interpreter.options.parameters)
    return frame.interpreter.options.parameters(parameter, record);
  return llvm::createStringError(
      ("names @" + parameter.getSymName() + ", whose value is in a file that was not given").str());
}

static llvm::Error evaluateWeight(WeightOp op, Frame &frame) {
  auto parameter = frame.interpreter.symbols.lookupNearestSymbolFrom<ParameterOp>(op, op.getParameterAttr());
  if (!parameter)
    return llvm::createStringError(
        ("names @" + op.getParameter() + ", which is not a transformer.parameter").str());
  int64_t record = op.getRecord() ? frame.index(op.getRecord()) : 0;
  if (llvm::Error error =
          expectIndex("record", record, parameter.getRecords(), "the records of the parameter"))
    return error;
  return frame.set(op.getResult(), parameterValue(parameter, record, frame));
}

static llvm::Error evaluateTap(TapOp op, Frame &frame) {
  std::optional<int64_t> layer;
  if (op.getLayer())
    layer = frame.index(op.getLayer());
  if (frame.interpreter.options.taps)
    frame.interpreter.options.taps(op.getName(), layer, frame.tensor(op.getValue()), op.getValue().getType());
  return llvm::Error::success();
}

void reference::addControlEvaluators(Evaluators &table) {
  table.add(evaluateCall);
  table.add(evaluateRepeat);
  table.add(evaluateFor);
  table.add(evaluateWeight);
  table.add(evaluateTap);
}
