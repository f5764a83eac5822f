// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Code of kernels for a device.

#ifndef ATTUNE_TOOLS_COMPILE_DEVICECODE_H
#define ATTUNE_TOOLS_COMPILE_DEVICECODE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace attune {

/// The kernels of a program for one kind of device; `name` says which, as the runtime reads it
/// ("device.sm_80.ptx", "device.sm_90a.cubin").
struct DeviceCode {
  std::string name, bytes;
};

/// Whether `chip` is one of NVIDIA's names: "sm_80", "sm_90a".
bool isNvidiaChip(llvm::StringRef chip);

/// The text of PTX for the kernels in the module's `gpu.module`s. The module stays as it is.
llvm::Expected<std::string> writePtx(mlir::ModuleOp module, llvm::StringRef chip);

/// For each chip machine code, if NVIDIA's `ptxas` is on PATH or in /usr/local/cuda/bin; for the first one
/// PTX as well, which drivers compile for later chips.
llvm::Expected<std::vector<DeviceCode>> writeNvidiaCode(mlir::ModuleOp module,
                                                        llvm::ArrayRef<std::string> chips);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_DEVICECODE_H
