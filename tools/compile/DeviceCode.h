// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Code of kernels for a device.

#ifndef ATTUNE_TOOLS_COMPILE_DEVICECODE_H
#define ATTUNE_TOOLS_COMPILE_DEVICECODE_H

#include "tools/compile/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace attune {

/// The kernels of a program for one kind of device; `name` says which, as the runtime reads it
/// ("device.sm_80.ptx", "device.sm_90a.cubin", "device.gfx90a.hsaco", "device.spv").
struct DeviceCode {
  std::string name, bytes;
};

/// Whether `chip` is a name of the target's: "sm_80", "sm_90a" of NVIDIA's, "gfx90a" of AMD's.
bool isChip(Target target, llvm::StringRef chip);

/// Text for the kernels in the module's `gpu.module`: PTX or a GPU's assembly for the first of `chips`, or
/// SPIR-V's. The module stays as it is.
llvm::Expected<std::string> writeDeviceAssembly(mlir::ModuleOp module, Target target,
                                                llvm::ArrayRef<std::string> chips);

/// What a program carries. For NVIDIA machine code for each chip, if its `ptxas` is on PATH or in
/// /usr/local/cuda/bin, and PTX for the first one, which drivers compile for later chips. For AMD a code
/// object for each chip, by LLVM's linker. For OpenCL SPIR-V.
llvm::Expected<std::vector<DeviceCode>> writeDeviceCode(mlir::ModuleOp module, Target target,
                                                        llvm::ArrayRef<std::string> chips);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_DEVICECODE_H
