// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Launches in the conversion to the LLVM dialect.

#ifndef ATTUNE_PASSES_GPU_LAUNCHESTOLLVM_H
#define ATTUNE_PASSES_GPU_LAUNCHESTOLLVM_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::transformer {

/// The numbers of a module's kernels, by their names in it: their order in the module.
llvm::StringMap<int32_t> numberKernels(ModuleOp module);

/// `gpu.launch_func` to calls of the runtime. `numbers` must stay.
void populateLaunchToLLVMPatterns(const LLVMTypeConverter &converter, RewritePatternSet &patterns,
                                  const llvm::StringMap<int32_t> &numbers);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_LAUNCHESTOLLVM_H
