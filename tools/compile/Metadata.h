// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What the runtime is told about a compiled model, as JSON: runtime/program/PayloadFormat.h describes it.

#ifndef ATTUNE_TOOLS_COMPILE_METADATA_H
#define ATTUNE_TOOLS_COMPILE_METADATA_H

#include "frontend/Description.h"
#include "passes/cpu/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace attune {

/// The module is that after the buffer stage: its entries have their final arguments, with names and roles,
/// and workspace sizes.
llvm::json::Object describeEntries(mlir::ModuleOp module, const Description &description);

/// The shapes of the key/value caches by name, from the module as built.
llvm::json::Object describeCaches(mlir::ModuleOp module);

/// The whole metadata; `target` is where kernels run ("cpu", "cuda", "rocm", "opencl"), `cpus` what there is
/// code for, the least demanding first; `entries` comes from describeEntries.
std::string writeMetadata(const Description &description, llvm::StringRef target,
                          llvm::ArrayRef<mlir::transformer::CpuTarget> cpus, llvm::json::Object entries,
                          int64_t weightBytes, const std::string &weightsFile);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_METADATA_H
