// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The compiler's passes. What each does stands in Passes.td and docs/passes.md; their order in
/// Pipelines.cpp.

#ifndef ATTUNE_PASSES_PASSES_H
#define ATTUNE_PASSES_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::gpu {
class GPUModuleOp;
} // namespace mlir::gpu

namespace mlir::transformer {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

/// Registers all passes and the named pipelines, for command lines.
void registerPasses();

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_PASSES_H
