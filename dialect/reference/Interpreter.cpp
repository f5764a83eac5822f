// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/reference/Interpreter.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

//===------------------------------- frame --------------------------------===//

const Tensor &Frame::tensor(mlir::Value value) const { return *std::get<0>(held.find(value)->second); }

CacheValue &Frame::cache(mlir::Value value) const { return *std::get<1>(held.find(value)->second); }

SmallVector<RuntimeValue> Frame::values(ValueRange range) const {
  return llvm::map_to_vector(range, [&](mlir::Value value) { return held.find(value)->second; });
}

static std::string describe(const Tensor &tensor) {
  std::string text = tensor.kind() == ElementKind::integer ? "integers of shape [" : "reals of shape [";
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(tensor.shape(), os);
  return text + "]";
}

static bool fits(const Tensor &tensor, Type type) {
  bool isInteger = getElementTypeOrSelf(type).isIntOrIndex();
  if (isInteger != (tensor.kind() == ElementKind::integer))
    return false;
  auto shaped = dyn_cast<RankedTensorType>(type);
  if (!shaped)
    return tensor.rank() == 0 && type.isIntOrIndexOrFloat();
  return succeeded(verifyCompatibleShape(shaped.getShape(), tensor.shape()));
}

/// An error if `value` cannot be held by something of type `type`.
static llvm::Error checkType(const RuntimeValue &value, Type type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto *cache = std::get_if<std::shared_ptr<CacheValue>>(&value)) {
    if (*cache && (*cache)->type() == type)
      return llvm::Error::success();
    os << "expected a value of type " << type << ", got " << (*cache ? "another cache" : "no cache");
  } else {
    const std::shared_ptr<const Tensor> &tensor = std::get<0>(value);
    if (tensor && fits(*tensor, type))
      return llvm::Error::success();
    os << "expected a value of type " << type << ", got " << (tensor ? describe(*tensor) : "nothing");
  }
  return llvm::createStringError(text);
}

/// Rounds a number to what its type holds.
static llvm::Error normalize(Tensor &tensor, Type type, Precision precision) {
  constexpr int64_t limit = int64_t{1} << 53;
  if (isa<FloatType>(type)) {
    if (type.isF32() && precision == Precision::f64)
      return llvm::Error::success();
    for (double &element : tensor.data())
      element = roundTo(type, element);
    return llvm::Error::success();
  }
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  for (double &element : tensor.data()) {
    if (std::fabs(element) > limit)
      return llvm::createStringError("an integer is beyond 2^53, which this interpreter does not represent");
    if (width == 1) // true is 1
      element = static_cast<int64_t>(element) & 1;
    else if (width < 53)
      element = llvm::SignExtend64(static_cast<uint64_t>(static_cast<int64_t>(element)), width);
  }
  return llvm::Error::success();
}

llvm::Error Frame::set(mlir::Value value, llvm::Expected<Tensor> tensor) {
  if (!tensor)
    return tensor.takeError();
  if (llvm::Error error =
          normalize(*tensor, getElementTypeOrSelf(value.getType()), interpreter.options.precision))
    return error;
  return set(value, runtimeValue(std::move(*tensor)));
}

llvm::Error Frame::set(mlir::Value value, RuntimeValue what) {
  if (llvm::Error error = checkType(what, value.getType()))
    return error;
  held[value] = std::move(what);
  return llvm::Error::success();
}

llvm::Error Frame::set(ValueRange range, ArrayRef<RuntimeValue> what) {
  if (range.size() != what.size())
    return llvm::createStringError("expected %zu values, got %zu", static_cast<size_t>(range.size()),
                                   what.size());
  for (auto [value, runtime] : llvm::zip_equal(range, what))
    if (llvm::Error error = set(value, runtime))
      return error;
  return llvm::Error::success();
}

//===----------------------------- evaluators -----------------------------===//

const Evaluators &Evaluators::all() {
  static const Evaluators evaluators = [] {
    Evaluators table;
    addArithEvaluators(table);
    addTensorEvaluators(table);
    addControlEvaluators(table);
    addEmbeddingEvaluators(table);
    addExpertEvaluators(table);
    addMapEvaluators(table);
    addAttentionEvaluators(table);
    return table;
  }();
  return evaluators;
}

const Evaluator *Evaluators::find(TypeID operation) const {
  auto found = table.find(operation);
  return found == table.end() ? nullptr : &found->second;
}

//===---------------------------- interpreter -----------------------------===//

namespace {
/// An error that says where it happened; what calls it adds nothing.
struct LocatedError : llvm::ErrorInfo<LocatedError> {
  explicit LocatedError(std::string text) : text(std::move(text)) {}
  void log(llvm::raw_ostream &os) const override { os << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  static char ID;
  std::string text;
};
char LocatedError::ID;
} // namespace

static llvm::Error locate(Operation *op, llvm::Error error) {
  if (error.isA<LocatedError>())
    return error;
  std::string text;
  llvm::raw_string_ostream(text) << op->getLoc() << ": '" << op->getName() << "' "
                                 << llvm::toString(std::move(error));
  return llvm::make_error<LocatedError>(text);
}

llvm::Error Interpreter::execute(Operation &op, Frame &frame) {
  const Evaluator *evaluate = Evaluators::all().find(op.getName().getTypeID());
  if (!evaluate)
    return llvm::createStringError("has no meaning in the reference interpreter");
  if (++executed > options.maxOperations)
    return llvm::createStringError("is one operation too many: the limit is %lld",
                                   static_cast<long long>(options.maxOperations));
  if (llvm::Error error = (*evaluate)(&op, frame))
    return error;
  if (options.observer)
    options.observer(&op, frame.values(op.getResults()));
  return llvm::Error::success();
}

llvm::Expected<SmallVector<RuntimeValue>> Interpreter::runBlock(Block &block, Frame &frame) {
  for (Operation &op : block.without_terminator())
    if (llvm::Error error = execute(op, frame))
      return locate(&op, std::move(error));
  Operation *terminator = block.getTerminator();
  if (terminator->getNumSuccessors() != 0)
    return locate(terminator, llvm::createStringError("has no meaning in the reference interpreter"));
  return frame.values(terminator->getOperands());
}

llvm::Expected<SmallVector<RuntimeValue>> Interpreter::call(func::FuncOp function,
                                                            ArrayRef<RuntimeValue> arguments) {
  if (function.isExternal())
    return locate(function, llvm::createStringError("@%s has no body", function.getSymName().str().c_str()));
  if (depth >= options.maxCallDepth)
    return locate(function, llvm::createStringError("@%s is called inside %lld other calls",
                                                    function.getSymName().str().c_str(),
                                                    static_cast<long long>(depth)));
  ++depth;
  llvm::scope_exit leave([&] { --depth; });
  Frame frame(*this);
  if (llvm::Error error = frame.set(function.getArguments(), arguments))
    return locate(function, std::move(error));
  return runBlock(function.getBody().front(), frame);
}

llvm::Expected<SmallVector<RuntimeValue>> reference::run(func::FuncOp entry, ArrayRef<RuntimeValue> arguments,
                                                         const ReferenceOptions &options) {
  return Interpreter(options).call(entry, arguments);
}
