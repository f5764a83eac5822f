// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What a launch costs, for profiles: from the loop that it is made of to a table in the program
/// (runtime/parallel/KernelWork.h has the fields).

#ifndef ATTUNE_PASSES_CPU_LAUNCHWORK_H
#define ATTUNE_PASSES_CPU_LAUNCHWORK_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::transformer {

/// Of `kernel.launch`: a dictionary of AttuneKernelWork's fields (those that are 0 may be absent), with
/// `rows` and `batch` (numbers of arguments) in the place of addresses.
inline constexpr llvm::StringLiteral kWorkAttr = "kernel.work";

/// Of a parallel loop on buffers, whose values from outside become the launch's arguments.
DictionaryAttr workOf(scf::ForallOp loop, ArrayRef<Value> arguments);

/// Of the function that runs a range of the launch: notes the work, with addresses in the structure that
/// holds arguments of these types.
void noteWork(LLVM::LLVMFuncOp range, DictionaryAttr work, TypeRange arguments, LLVM::LLVMStructType context);

/// A table of the work of all such functions.
void createWorkTable(OpBuilder &builder, ModuleOp module, StringRef name);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_LAUNCHWORK_H
