// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The stages of the compiler as pipelines of passes.

#ifndef ATTUNE_PASSES_PIPELINES_H
#define ATTUNE_PASSES_PIPELINES_H

#include "mlir/Pass/PassManager.h"

#include <string>

namespace mlir::transformer {

/// `transformer-fuse`: from plain operations to fused ones, on a module. Every entry with taps gets its
/// second form first. The fusions named in `disabled` are left out. An unknown name goes to `emitError`,
/// whose result is returned; nothing is added then.
LogicalResult buildFusePipeline(OpPassManager &pm, ArrayRef<std::string> disabled,
                                function_ref<LogicalResult(const Twine &)> emitError);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_PIPELINES_H
