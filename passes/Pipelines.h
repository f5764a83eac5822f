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

/// What the stages after fusion depend on.
struct CodeOptions {
  std::string cpu = "native";       ///< as in CpuTarget::get
  bool quantizeActivations = false; ///< int8 activations for products with block-quantised weights
  std::string matrixType;           ///< f16 or bf16: of a device's products of many rows; empty: f32
  bool warpGroups = false;          ///< in it, kernels for warp groups of sm_90a as well
};

/// `transformer-layout`: weights and caches become memory in the forms that kernels read.
void buildLayoutPipeline(OpPassManager &pm, const CodeOptions &options);
/// `transformer-linalg`: the rest becomes linalg on tensors.
void buildLinalgPipeline(OpPassManager &pm);
/// `transformer-vectors`: parallel tiles, and vectors in them.
void buildVectorPipeline(OpPassManager &pm);
/// `transformer-buffers`: tensors become buffers in a planned workspace; parallel loops become launches.
void buildBufferPipeline(OpPassManager &pm);
/// `transformer-kernels`: kernels become loops and vectors for the CPU.
void buildKernelPipeline(OpPassManager &pm, const CodeOptions &options);
/// `transformer-device-tiles`: loops over tokens, for a device.
void buildDeviceTilePipeline(OpPassManager &pm);
/// `transformer-device-buffers`: tensors become buffers of the device's memory.
void buildDeviceBufferPipeline(OpPassManager &pm);
/// `transformer-device-kernels`: operations become kernels in a `gpu.module`, and launches.
void buildDeviceKernelPipeline(OpPassManager &pm, const CodeOptions &options);
/// `transformer-nvvm`: a module's kernels for NVIDIA's devices, in the LLVM dialect.
void buildNvvmPipeline(OpPassManager &pm);
/// `transformer-spirv`: a module's kernels for devices of OpenCL, in the LLVM dialect.
void buildSpirvPipeline(OpPassManager &pm);
/// `transformer-rocdl`: a module's kernels for AMD's devices, in the LLVM dialect.
void buildRocdlPipeline(OpPassManager &pm);
/// `transformer-emulate`: kernels become functions of the host as well.
void buildEmulationPipeline(OpPassManager &pm);

/// `transformer-llvm`: the LLVM dialect, with the table of entries.
void buildLLVMPipeline(OpPassManager &pm, const CodeOptions &options);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_PIPELINES_H
