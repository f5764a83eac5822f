// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What the tools that read IR of any stage know.

#ifndef ATTUNE_TOOLS_REGISTRATION_H
#define ATTUNE_TOOLS_REGISTRATION_H

#include "dialect/Kernel.h"
#include "dialect/KernelBufferize.h"
#include "dialect/Transformer.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"

namespace attune {

/// Our dialects and all of MLIR's.
inline void registerDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<mlir::transformer::TransformerDialect, mlir::kernel::KernelDialect>();
  mlir::kernel::registerBufferizableOpInterfaceExternalModels(registry);
}

} // namespace attune

#endif // ATTUNE_TOOLS_REGISTRATION_H
