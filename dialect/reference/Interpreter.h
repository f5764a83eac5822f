// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Inside the reference interpreter: the values of a running function, the table of evaluators, and the walk
/// over operations.

#ifndef ATTUNE_DIALECT_REFERENCE_INTERPRETER_H
#define ATTUNE_DIALECT_REFERENCE_INTERPRETER_H

#include "dialect/reference/Reference.h"

#include "llvm/ADT/DenseMap.h"

namespace mlir::transformer::reference {

class Interpreter;

/// The values of one call of a function. Operands of an operation are always there: the IR is verified.
class Frame {
public:
  explicit Frame(Interpreter &interpreter) : interpreter(interpreter) {}

  const Tensor &tensor(mlir::Value value) const;
  /// Null if the operand is absent.
  const Tensor *optionalTensor(mlir::Value value) const { return value ? &tensor(value) : nullptr; }
  CacheValue &cache(mlir::Value value) const;
  int64_t index(mlir::Value value) const { return static_cast<int64_t>(tensor(value)()); }
  llvm::SmallVector<RuntimeValue> values(ValueRange range) const;

  /// Gives `value` a tensor, rounded to its element type. An error if it does not fit the type of `value`.
  llvm::Error set(mlir::Value value, llvm::Expected<Tensor> tensor);
  /// Gives `value` what another value holds. An error if it does not fit the type of `value`.
  llvm::Error set(mlir::Value value, RuntimeValue held);
  llvm::Error set(ValueRange range, llvm::ArrayRef<RuntimeValue> held);

  Interpreter &interpreter;

private:
  llvm::DenseMap<mlir::Value, RuntimeValue> held;
};

/// Computes the results of an operation from its operands. Errors say only what is wrong: the interpreter
/// adds where.
using Evaluator = std::function<llvm::Error(Operation *, Frame &)>;

/// Evaluators by operation class.
class Evaluators {
public:
  /// With every operation that the interpreter knows.
  static const Evaluators &all();

  template <typename OpT> void add(std::function<llvm::Error(OpT, Frame &)> evaluate) {
    table[TypeID::get<OpT>()] = [evaluate](Operation *op, Frame &frame) {
      return evaluate(cast<OpT>(op), frame);
    };
  }
  /// The same, the operation being known from a function's parameter.
  template <typename OpT> void add(llvm::Error (*evaluate)(OpT, Frame &)) {
    add<OpT>(std::function<llvm::Error(OpT, Frame &)>(evaluate));
  }
  /// Null if the operation has no meaning here.
  const Evaluator *find(TypeID operation) const;

private:
  llvm::DenseMap<TypeID, Evaluator> table;
};

// One group of operations each.
void addArithEvaluators(Evaluators &table);
void addTensorEvaluators(Evaluators &table);
void addControlEvaluators(Evaluators &table); // calls, loops, parameters, taps
void addEmbeddingEvaluators(Evaluators &table);
void addExpertEvaluators(Evaluators &table);
void addMapEvaluators(Evaluators &table);
void addAttentionEvaluators(Evaluators &table);

class Interpreter {
public:
  explicit Interpreter(const ReferenceOptions &options) : options(options) {}

  llvm::Expected<llvm::SmallVector<RuntimeValue>> call(func::FuncOp function,
                                                       llvm::ArrayRef<RuntimeValue> arguments);
  /// Runs a block whose arguments are set; gives the operands of its terminator.
  llvm::Expected<llvm::SmallVector<RuntimeValue>> runBlock(Block &block, Frame &frame);

  const ReferenceOptions &options;
  SymbolTableCollection symbols;

private:
  llvm::Error execute(Operation &op, Frame &frame);

  int64_t executed = 0;
  int64_t depth = 0;
};

} // namespace mlir::transformer::reference

#endif // ATTUNE_DIALECT_REFERENCE_INTERPRETER_H
