// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The stages of the compiler, in order: each pipeline reads like a table of contents.

#include "passes/Pipelines.h"

#include "passes/Passes.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Vector/Transforms/Passes.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::transformer;

//===-------------------------------------- fusion --------------------------------------===//

namespace {
struct Fusion {
  StringRef name; // as in the option `disable`
  std::unique_ptr<Pass> (*create)();
};
} // namespace

// In this order: gate and up of a feed-forward network must not become a split; scales join the scores before
// attention hides them.
static constexpr Fusion kFusions[] = {
    {"ffn", createFuseFfn},
    {"linear-split", createFuseLinearSplit},
    {"scales", createFoldScales},
    {"attention", createFuseAttention},
    {"residual-norm", createFuseResidualNorm},
};

static std::string fusionNames() {
  return llvm::join(llvm::map_range(kFusions, [](const Fusion &fusion) { return fusion.name; }), ", ");
}

static void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

LogicalResult transformer::buildFusePipeline(OpPassManager &pm, ArrayRef<std::string> disabled,
                                             function_ref<LogicalResult(const Twine &)> emitError) {
  for (StringRef name : disabled)
    if (llvm::none_of(kFusions, [&](const Fusion &fusion) { return fusion.name == name; }))
      return emitError("no fusion is called '" + name + "', expected one of: " + fusionNames());
  pm.addPass(createSplitTaps());
  cleanUp(pm);
  for (const Fusion &fusion : kFusions)
    if (!llvm::is_contained(disabled, fusion.name))
      pm.addPass(fusion.create());
  cleanUp(pm);
  return success();
}

//===----------------------------------------- layout -----------------------------------------===//

void transformer::buildLayoutPipeline(OpPassManager &pm, const CodeOptions &options) {
  pm.addPass(createAssignLayout());
  pm.addPass(createLowerBoundaries());
  cleanUp(pm);
  pm.addPass(createToKernel(ToKernelOptions{options.quantizeActivations}));
  cleanUp(pm);
  pm.addPass(createVerifyLayout());
}

//===---------------------------------------- lowering ----------------------------------------===//

void transformer::buildLinalgPipeline(OpPassManager &pm) {
  pm.addPass(createToLinalg());
  cleanUp(pm);
}

void transformer::buildVectorPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createTile());
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createVectorize());
  cleanUp(pm);
}

static void bufferize(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createFreshDestinations()); // before, cse would let them be others' too
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  pm.addPass(bufferization::createOneShotBufferizePass());
  cleanUp(pm);
  pm.addPass(createCanonicalizerPass()); // copies to themselves show only after cse
  pm.addPass(createLowerCopies());
}

void transformer::buildBufferPipeline(OpPassManager &pm) {
  bufferize(pm);
  bufferization::PromoteBuffersToStackPassOptions stack;
  stack.maxAllocSizeInBytes = 4096;
  pm.addNestedPass<func::FuncOp>(bufferization::createPromoteBuffersToStackPass(stack));
  pm.addPass(createPlanWorkspace());
  pm.addPass(createOutlineParallel());
  cleanUp(pm);
  pm.addPass(createShareBodies());
}

//===------------------------------------------- CPU ------------------------------------------===//

void transformer::buildKernelPipeline(OpPassManager &pm, const CodeOptions &options) {
  pm.addPass(createExpandExperts({options.cpu}));
  pm.addPass(createExpandLinear({options.cpu}));
  pm.addPass(createExpandQuantize({options.cpu}));
  pm.addPass(createExpandEmbed({options.cpu}));
  pm.addPass(createExpandAttention({options.cpu}));
  pm.addPass(createAddLimits({options.cpu}));
  cleanUp(pm);
}

void transformer::buildLLVMPipeline(OpPassManager &pm, const CodeOptions &options) {
  pm.addNestedPass<gpu::GPUModuleOp>(createDropDeviceCode());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addNestedPass<func::FuncOp>(vector::createLowerVectorMultiReductionPass());
  pm.addPass(createMathToPolynomials());
  pm.addPass(createConvertVectorToSCFPass());
  pm.addNestedPass<func::FuncOp>(createHoistStackBuffers());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  cleanUp(pm);
  pm.addPass(arith::createArithExpandOpsPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createKernelToLLVM());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createEntryTable({options.cpu}));
  pm.addPass(createKernelTable());
}

//===------------------------------------------ devices -----------------------------------------===//

void transformer::buildDeviceTilePipeline(OpPassManager &pm) {
  TileOptions options;
  options.kernels = false;
  options.most = 16384; // of a block's memory, which holds a few of them
  pm.addNestedPass<func::FuncOp>(createTile(options));
  cleanUp(pm);
}

void transformer::buildDeviceBufferPipeline(OpPassManager &pm) {
  bufferize(pm);
  pm.addNestedPass<func::FuncOp>(createFuseRows());
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createSplitKeys());
  pm.addPass(createPlanWorkspace());
  pm.addPass(createAddLikeliest());
  cleanUp(pm);
}

void transformer::buildDeviceKernelPipeline(OpPassManager &pm, const CodeOptions &options) {
  pm.addPass(createMapToGpu({options.matrixType, options.warpGroups}));
  cleanUp(pm);
  pm.addPass(createCanonicalizerPass()); // a choice by rows within the same choice shows only after cse
  pm.addPass(createGpuLaunchSinkIndexComputationsPass());
  pm.addPass(createGpuKernelOutliningPass());
  OpPassManager &device = pm.nest<gpu::GPUModuleOp>();
  device.addPass(createMathToPolynomials());
  device.addPass(createDeviceMath());
  device.addPass(createAlignBlockMemory());
  cleanUp(device);
}

/// Loops become branches, views addresses.
static void flatten(OpPassManager &device) {
  device.addPass(createLowerAffinePass());
  device.addPass(createSCFToControlFlowPass());
  device.addPass(memref::createExpandStridedMetadataPass());
  device.addPass(createLowerAffinePass());
}

/// For devices whose conversion takes branches.
static void lowerDevice(OpPassManager &pm, std::unique_ptr<Pass> conversion) {
  OpPassManager &device = pm.nest<gpu::GPUModuleOp>();
  flatten(device);
  device.addPass(arith::createArithExpandOpsPass());
  cleanUp(device);
  device.addPass(std::move(conversion));
  cleanUp(device);
  device.addPass(createReconcileUnrealizedCastsPass());
}

void transformer::buildNvvmPipeline(OpPassManager &pm) {
  pm.nest<gpu::GPUModuleOp>().addPass(createDynamicBlockMemory());
  lowerDevice(pm, createConvertGpuOpsToNVVMOps());
  pm.nest<gpu::GPUModuleOp>().addPass(createTensorMapArguments());
  pm.nest<gpu::GPUModuleOp>().addPass(createConvertNVVMToLLVMPass()); // what LLVM has no intrinsic for
}

void transformer::buildRocdlPipeline(OpPassManager &pm) {
  ConvertGpuOpsToROCDLOpsOptions options;
  options.chipset = "gfx90a"; // the oldest: its conversions hold for later ones
  options.runtime = gpu::amd::Runtime::HIP;
  lowerDevice(pm, createConvertGpuOpsToROCDLOps(options));
}

void transformer::buildSpirvPipeline(OpPassManager &pm) {
  OpPassManager &device = pm.nest<gpu::GPUModuleOp>();
  device.addPass(createOpenClMemory());
  ConvertGpuOpsToLLVMSPVOpsOptions options;
  options.use64bitIndex = true;
  device.addPass(createConvertGpuOpsToLLVMSPVOps(options)); // takes no blocks with arguments: before branches
  device.addPass(createOpenClPrivateMemory());
  flatten(device);
  arith::ArithExpandOpsPassOptions expansions;
  expansions.includeBf16 = true; // which OpenCL does not know
  device.addPass(arith::createArithExpandOpsPass(expansions));
  cleanUp(device);
  device.addPass(createConvertToLLVMPass());
  cleanUp(device);
  device.addPass(createReconcileUnrealizedCastsPass());
}

void transformer::buildEmulationPipeline(OpPassManager &pm) {
  pm.addPass(createEmulateDevice());
  arith::ArithExpandOpsPassOptions options;
  options.includeBf16 = true; // few processors round to it, and there is no library that could
  pm.addNestedPass<func::FuncOp>(arith::createArithExpandOpsPass(options));
}

//===-------------------------------------- registration --------------------------------------===//

namespace {
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// Descriptions of options are kept by reference.
StringRef disableDescription() {
  static const std::string text = "Fusions to leave out, of " + fusionNames();
  return text;
}

struct FuseOptions : PassPipelineOptions<FuseOptions> {
  ListOption<std::string> disable{*this, "disable", llvm::cl::desc(disableDescription())};
};
} // namespace

namespace {
struct CodePipelineOptions : PassPipelineOptions<CodePipelineOptions> {
  Option<std::string> cpu{*this, "cpu", llvm::cl::desc("The processor"), llvm::cl::init("native")};
  Option<bool> quantizeActivations{
      *this, "quantize-activations",
      llvm::cl::desc("int8 activations for products with block-quantised weights"), llvm::cl::init(false)};
  Option<std::string> matrixType{
      *this, "matrix-type",
      llvm::cl::desc("f16 or bf16: products of many rows multiply in it, on a device's matrix units"),
      llvm::cl::init("")};
  Option<bool> warpGroups{
      *this, "warp-groups",
      llvm::cl::desc("Kernels for warp groups of sm_90a as well, where matrix-type allows"),
      llvm::cl::init(false)};
  CodeOptions get() const { return {cpu, quantizeActivations, matrixType, warpGroups}; }
};
struct NoOptions : PassPipelineOptions<NoOptions> {};
} // namespace

/// Like `PassPipelineRegistration`, for a builder that can refuse its options.
template <typename Options, typename Builder>
static void registerPipeline(StringRef name, StringRef summary, Builder build) {
  auto parseAndBuild = [build](OpPassManager &pm, StringRef text,
                               function_ref<LogicalResult(const Twine &)> emitError) {
    Options options;
    return success(succeeded(options.parseFromString(text)) && succeeded(build(pm, options, emitError)));
  };
  registerPassPipeline(name, summary, parseAndBuild,
                       [](function_ref<void(const detail::PassOptions &)> visit) { visit(Options()); });
}

void transformer::registerPasses() {
  registerAttunePasses();
  registerPipeline<FuseOptions>("transformer-fuse", "Split entries with taps, then fuse plain operations",
                                [](OpPassManager &pm, const FuseOptions &options, auto emitError) {
                                  return buildFusePipeline(pm, options.disable, emitError);
                                });
  auto stage = [](StringRef name, StringRef summary, void (*build)(OpPassManager &)) {
    registerPipeline<NoOptions>(name, summary, [build](OpPassManager &pm, const NoOptions &, auto) {
      build(pm);
      return success();
    });
  };
  auto codeStage = [](StringRef name, StringRef summary,
                      void (*build)(OpPassManager &, const CodeOptions &)) {
    registerPipeline<CodePipelineOptions>(
        name, summary, [build](OpPassManager &pm, const CodePipelineOptions &options, auto) {
          build(pm, options.get());
          return success();
        });
  };
  codeStage("transformer-layout", "Weights and caches become memory in the forms that kernels read",
            buildLayoutPipeline);
  stage("transformer-linalg", "What the kernels do not cover becomes linalg on tensors", buildLinalgPipeline);
  stage("transformer-vectors", "Parallel tiles, and vectors in them", buildVectorPipeline);
  stage("transformer-buffers",
        "Tensors become buffers in a planned workspace; parallel loops become launches", buildBufferPipeline);
  codeStage("transformer-kernels", "Kernels become loops and vectors for the CPU", buildKernelPipeline);
  stage("transformer-device-tiles", "Loops over tokens, for a device", buildDeviceTilePipeline);
  stage("transformer-device-buffers", "Tensors become buffers of the device's memory",
        buildDeviceBufferPipeline);
  codeStage("transformer-device-kernels", "Operations become kernels and launches",
            buildDeviceKernelPipeline);
  stage("transformer-nvvm", "Kernels for NVIDIA's devices, in the LLVM dialect", buildNvvmPipeline);
  stage("transformer-spirv", "Kernels for devices of OpenCL, in the LLVM dialect", buildSpirvPipeline);
  stage("transformer-rocdl", "Kernels for AMD's devices, in the LLVM dialect", buildRocdlPipeline);
  stage("transformer-emulate", "Kernels become functions of the host as well", buildEmulationPipeline);
  codeStage("transformer-llvm", "The LLVM dialect, with the table of entries", buildLLVMPipeline);
}
