// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The `transformer` dialect: what a Transformer computes. Semantics stand in TransformerOps.td and
/// docs/dialect.md.

#ifndef ATTUNE_DIALECT_TRANSFORMER_H
#define ATTUNE_DIALECT_TRANSFORMER_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/TransformerDialect.h.inc"
#include "dialect/TransformerEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/TransformerAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/TransformerTypes.h.inc"

namespace mlir::transformer {

/// What `tap` writes to: keeps taps in order and alive without blocking other memory operations.
struct TapResource : SideEffects::Resource::Base<TapResource> {
  llvm::StringRef getName() final { return "transformer taps"; }
};

/// Columns of a batch row.
enum BatchColumn : int64_t { kPosition = 0, kFirstKey = 1, kKeyCount = 2, kBatchColumns = 3 };

/// How a parameter's type says that it is stored; f32 without an encoding.
StorageType storageOf(RankedTensorType type);

} // namespace mlir::transformer

#define GET_OP_CLASSES
#include "dialect/TransformerOps.h.inc"

#endif // ATTUNE_DIALECT_TRANSFORMER_H
