// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// In which `gpu.module` a kernel is: @device holds those for every chip, @device_CHIP those whose
/// instructions one chip alone has.

#ifndef ATTUNE_PASSES_GPU_DEVICEMODULES_H
#define ATTUNE_PASSES_GPU_DEVICEMODULES_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace mlir::transformer {

/// The chip whose warp groups multiply.
inline constexpr llvm::StringLiteral kWarpGroupChip = "sm_90a";

/// An empty `chip` is every chip.
inline std::string deviceModuleOf(llvm::StringRef chip) {
  return chip.empty() ? "device" : "device_" + chip.str();
}

/// Empty: every chip.
inline llvm::StringRef chipOfDeviceModule(llvm::StringRef module) {
  return module.consume_front("device_") ? module : llvm::StringRef();
}

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_DEVICEMODULES_H
