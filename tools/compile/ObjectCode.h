// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// From a module of the LLVM dialect to LLVM IR, assembly or an object file.

#ifndef ATTUNE_TOOLS_COMPILE_OBJECTCODE_H
#define ATTUNE_TOOLS_COMPILE_OBJECTCODE_H

#include "passes/cpu/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>

namespace attune {

enum class CodeForm { llvmIr, assembly, object };

/// Optimises the module for the target (-O3) and writes it to `path` ("-": standard output). `sanitize` adds
/// LLVM's AddressSanitizer.
llvm::Error writeCode(mlir::ModuleOp module, const mlir::transformer::CpuTarget &target, CodeForm form,
                      bool sanitize, const std::string &path);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_OBJECTCODE_H
