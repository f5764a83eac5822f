// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The way from a model to a product, stage by stage.

#ifndef ATTUNE_TOOLS_COMPILE_COMPILER_H
#define ATTUNE_TOOLS_COMPILE_COMPILER_H

#include "tools/compile/Options.h"

#include "llvm/Support/Error.h"

namespace attune {

/// Compiles as the options say. On an error nothing is left behind; MLIR's diagnostics have been printed by
/// then.
llvm::Error compile(const CompileOptions &options);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_COMPILER_H
