// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Upstream arithmetic, on scalars and element by element on tensors.

#include "dialect/reference/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

//===----------------------------- constants ------------------------------===//

llvm::Expected<Tensor> reference::tensorOf(ElementsAttr elements) {
  auto type = cast<ShapedType>(elements.getType());
  bool isInteger = type.getElementType().isIntOrIndex();
  llvm::Expected<Tensor> result =
      Tensor::zeros(type.getShape(), isInteger ? ElementKind::integer : ElementKind::real);
  if (!result)
    return result;
  if (auto numbers = elements.tryGetValues<APFloat>()) {
    for (auto [element, number] : llvm::zip_equal(result->data(), *numbers))
      element = number.convertToDouble();
  } else if (auto integers = elements.tryGetValues<APInt>()) {
    for (auto [element, integer] : llvm::zip_equal(result->data(), *integers))
      element = static_cast<double>(integer.getBitWidth() == 1 ? integer[0] : integer.getSExtValue());
  } else {
    return llvm::createStringError("has a literal whose elements cannot be read");
  }
  return result;
}

static llvm::Error evaluateConstant(arith::ConstantOp op, Frame &frame) {
  if (auto elements = dyn_cast<ElementsAttr>(op.getValue()))
    return frame.set(op.getResult(), tensorOf(elements));
  if (auto number = dyn_cast<FloatAttr>(op.getValue()))
    return frame.set(op.getResult(), Tensor::scalar(number.getValueAsDouble(), ElementKind::real));
  if (auto integer = dyn_cast<IntegerAttr>(op.getValue()))
    return frame.set(op.getResult(), Tensor::scalar(integer.getValue().getSExtValue(), ElementKind::integer));
  return llvm::createStringError("has a constant that is neither a number nor a tensor");
}

//===---------------------------- elementwise -----------------------------===//

using RealFunction = double (*)(double, double);
/// No value where the result is undefined (division by zero, overflow of 64 bits).
using IntegerFunction = std::optional<int64_t> (*)(int64_t, int64_t);

template <typename OpT> static void addReal(Evaluators &table, RealFunction function) {
  table.add<OpT>([function](OpT op, Frame &frame) -> llvm::Error {
    Tensor result = frame.tensor(op.getLhs());
    const Tensor &other = frame.tensor(op.getRhs());
    if (result.shape() != other.shape())
      return llvm::createStringError("operands have different shapes");
    for (auto [a, b] : llvm::zip_equal(result.data(), other.data()))
      a = function(a, b);
    return frame.set(op.getResult(), std::move(result));
  });
}

template <typename OpT> static void addInteger(Evaluators &table, IntegerFunction function) {
  table.add<OpT>([function](OpT op, Frame &frame) -> llvm::Error {
    Tensor result = frame.tensor(op.getLhs());
    const Tensor &other = frame.tensor(op.getRhs());
    if (result.shape() != other.shape())
      return llvm::createStringError("operands have different shapes");
    for (auto [a, b] : llvm::zip_equal(result.data(), other.data())) {
      std::optional<int64_t> value = function(static_cast<int64_t>(a), static_cast<int64_t>(b));
      if (!value)
        return llvm::createStringError("divides by zero or overflows");
      a = static_cast<double>(*value);
    }
    return frame.set(op.getResult(), std::move(result));
  });
}

/// Conversions: setting the result rounds to its type.
template <typename OpT>
static void addConversion(Evaluators &table, ElementKind kind, double (*function)(double)) {
  table.add<OpT>([kind, function](OpT op, Frame &frame) -> llvm::Error {
    const Tensor &input = frame.tensor(op.getIn());
    llvm::Expected<Tensor> result = Tensor::zeros(input.shape(), kind);
    if (!result)
      return result.takeError();
    for (auto [to, from] : llvm::zip_equal(result->data(), input.data()))
      to = function(from);
    return frame.set(op.getResult(), std::move(result));
  });
}

static llvm::Error evaluateNegate(arith::NegFOp op, Frame &frame) {
  Tensor result = frame.tensor(op.getOperand());
  for (double &element : result.data())
    element = -element;
  return frame.set(op.getResult(), std::move(result));
}

static bool compare(arith::CmpIPredicate predicate, int64_t a, int64_t b) {
  auto ua = static_cast<uint64_t>(a), ub = static_cast<uint64_t>(b);
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return a < b;
  case arith::CmpIPredicate::sle:
    return a <= b;
  case arith::CmpIPredicate::sgt:
    return a > b;
  case arith::CmpIPredicate::sge:
    return a >= b;
  case arith::CmpIPredicate::ult:
    return ua < ub;
  case arith::CmpIPredicate::ule:
    return ua <= ub;
  case arith::CmpIPredicate::ugt:
    return ua > ub;
  case arith::CmpIPredicate::uge:
    return ua >= ub;
  }
  llvm_unreachable("all predicates are handled");
}

static llvm::Error evaluateCompare(arith::CmpIOp op, Frame &frame) {
  Tensor result = frame.tensor(op.getLhs());
  const Tensor &other = frame.tensor(op.getRhs());
  if (result.shape() != other.shape())
    return llvm::createStringError("operands have different shapes");
  for (auto [a, b] : llvm::zip_equal(result.data(), other.data()))
    a = compare(op.getPredicate(), static_cast<int64_t>(a), static_cast<int64_t>(b));
  return frame.set(op.getResult(), std::move(result));
}

static llvm::Error evaluateSelect(arith::SelectOp op, Frame &frame) {
  const Tensor &condition = frame.tensor(op.getCondition());
  if (condition.rank() == 0) // chooses whole values, which may be tensors
    return frame.set(op.getResult(),
                     frame.values(condition() != 0 ? op.getTrueValue() : op.getFalseValue()).front());
  Tensor result = frame.tensor(op.getTrueValue());
  const Tensor &other = frame.tensor(op.getFalseValue());
  if (result.shape() != other.shape() || result.shape() != condition.shape())
    return llvm::createStringError("operands have different shapes");
  for (int64_t i = 0; i < result.size(); ++i)
    if (condition.data()[i] == 0)
      result.data()[i] = other.data()[i];
  return frame.set(op.getResult(), std::move(result));
}

//===------------------------------- table --------------------------------===//

static void addRealOps(Evaluators &table) {
  addReal<arith::AddFOp>(table, [](double a, double b) { return a + b; });
  addReal<arith::SubFOp>(table, [](double a, double b) { return a - b; });
  addReal<arith::MulFOp>(table, [](double a, double b) { return a * b; });
  addReal<arith::DivFOp>(table, [](double a, double b) { return a / b; });
  addReal<arith::MaxNumFOp>(table, [](double a, double b) { return std::fmax(a, b); });
  addReal<arith::MinNumFOp>(table, [](double a, double b) { return std::fmin(a, b); });
  addReal<arith::MaximumFOp>(table, [](double a, double b) { return std::isnan(a) || a > b ? a : b; });
  addReal<arith::MinimumFOp>(table, [](double a, double b) { return std::isnan(a) || a < b ? a : b; });
}

static void addIntegerOps(Evaluators &table) {
  using Result = std::optional<int64_t>;
  addInteger<arith::AddIOp>(table, [](int64_t a, int64_t b) -> Result { return a + b; }); // below 2^54
  addInteger<arith::SubIOp>(table, [](int64_t a, int64_t b) -> Result { return a - b; });
  addInteger<arith::MulIOp>(table, [](int64_t a, int64_t b) -> Result {
    int64_t product;
    return llvm::MulOverflow(a, b, product) ? Result() : product;
  });
  addInteger<arith::DivSIOp>(table,
                             [](int64_t a, int64_t b) -> Result { return b ? Result(a / b) : Result(); });
  addInteger<arith::RemSIOp>(table,
                             [](int64_t a, int64_t b) -> Result { return b ? Result(a % b) : Result(); });
  addInteger<arith::CeilDivSIOp>(table, [](int64_t a, int64_t b) -> Result {
    return b ? Result(llvm::divideCeilSigned(a, b)) : Result();
  });
  addInteger<arith::FloorDivSIOp>(table, [](int64_t a, int64_t b) -> Result {
    return b ? Result(llvm::divideFloorSigned(a, b)) : Result();
  });
  addInteger<arith::MinSIOp>(table, [](int64_t a, int64_t b) -> Result { return std::min(a, b); });
  addInteger<arith::MaxSIOp>(table, [](int64_t a, int64_t b) -> Result { return std::max(a, b); });
}

static void addConversions(Evaluators &table) {
  auto same = [](double value) { return value; };
  addConversion<arith::ExtFOp>(table, ElementKind::real, same);
  addConversion<arith::TruncFOp>(table, ElementKind::real, same);
  addConversion<arith::SIToFPOp>(table, ElementKind::real, same);
  addConversion<arith::IndexCastOp>(table, ElementKind::integer, same);
  addConversion<arith::ExtSIOp>(table, ElementKind::integer, same);
  addConversion<arith::TruncIOp>(table, ElementKind::integer, same);
}

void reference::addArithEvaluators(Evaluators &table) {
  table.add(evaluateConstant);
  table.add(evaluateNegate);
  table.add(evaluateCompare);
  table.add(evaluateSelect);
  addRealOps(table);
  addIntegerOps(table);
  addConversions(table);
}
