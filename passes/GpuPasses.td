// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The passes behind the kernel dialect for devices with blocks of work items.

#ifndef ATTUNE_GPU_PASSES
#define ATTUNE_GPU_PASSES

include "mlir/Pass/PassBase.td"

def FuseRows : Pass<"kernel-fuse-rows", "::mlir::func::FuncOp"> {
  let summary = "Neighbours that run over the same tokens become one loop";
  let description = [{
    Each loop over tokens is a launch, and so is each linalg operation that no loop holds and each update of the cache: for one token they take longer to launch than to run. Two that
    follow each other, with nothing between them but views and sizes, become one loop, whose iterations do the work of both: where the number of tokens is the same value and, of a
    buffer that one of them writes and the other uses, each iteration touches the token's own row alone. The loop's iterations are blocks of a device
    (`#gpu.block`), so kernels in it are no launches of their own.

    A loop that makes the input of the product after it, and nothing else, is done again by each block of that product (a row and 16 outputs) if there are few rows. It
    must not read what the product writes, and another reader of the input is one too many. Products with more panels than a device has blocks at once,
    and rows that would fill a block's memory, are left alone.

    ```mlir
    scf.forall (%t) in (%n) { linalg.generic ... outs(%row_of_k) }
    kernel.cache_update %k, %v, %batch into %keys, %values
    ```
    becomes
    ```mlir
    scf.forall (%t) in (%n) {
      linalg.generic ... outs(%row_of_k)
      kernel.cache_update %token_k, %token_v, %token_batch into %keys, %values
    } {mapping = [#gpu.block<x>]}
    ```
    and
    ```mlir
    scf.forall (%t) in (%n) { ... outs(%row_of_x) }
    kernel.linear input(%x) weights(%w : memref<96x4096xi8>) ...
    ```
    becomes
    ```mlir
    scf.if %few {
      scf.forall (%t, %panel) in (%n, 96) {
        %row = memref.alloc() : memref<1x64xf32>
        ... outs(%row)
        kernel.linear input(%row) weights(%one_panel : memref<1x4096xi8, ...>) ...
      } {mapping = [#gpu.block<y>, #gpu.block<x>]}
    } else { scf.forall ... kernel.linear ... }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def SplitKeys : Pass<"kernel-split-keys", "::mlir::func::FuncOp"> {
  let summary = "Attention of few tokens goes by slices of the keys";
  let description = [{
    A block for each token and head leaves most of a device idle when one token meets a long context. Attention is given memory for what slices of the keys leave, where it is an
    operation of the function's own block and the cache may hold more keys than a tile; a device then has a block for each slice as well, and a second kernel that combines them.

    ```mlir
    kernel.attention ins(%q, %batch : ...) cache(%k, %v : memref<?x2x8x16xf32>, memref<?x2x8xf32>) outs(%o : memref<?x6x8xf32>) ...
    ```
    becomes
    ```mlir
    %p = memref.alloc() : memref<4x6x16x10xf32>
    kernel.attention ins(%q, %batch : ...) cache(%k, %v : ...) partials(%p : memref<4x6x16x10xf32>) outs(%o : memref<?x6x8xf32>) ...
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
  let options = [Option<"tokens", "tokens", "int64_t", "4", "How many tokens are few">,
                 Option<"slices", "slices", "int64_t", "16", "Slices of the keys">];
}

def AddLikeliest : Pass<"kernel-add-likeliest", "ModuleOp"> {
  let summary = "What makes logits says which tokens are the likeliest as well";
  let description = [{
    For decoding a few numbers of each row of logits have to leave the device, not the row. An entry that makes logits gets one more argument, of the role `choice`, for the likeliest
    token of each row. Beside it stands a second entry, for samplers that choose among several: it makes the likeliest tokens of each row, their logits and the
    row's mass from what the first one has left. Entries with taps stay as they are: all that they make is looked at.

    ```mlir
    func.func @step(..., %logits: memref<?x49152xf32> {kernel.role = "output", transformer.name = "logits"}) { ... }
    ```
    becomes
    ```mlir
    func.func @step(..., %logits: memref<?x49152xf32> {...}, %likeliest: memref<?x1xi32> {kernel.role = "choice", transformer.name = "likeliest"}) {
      ...
      kernel.likeliest ins(%logits : memref<?x49152xf32>) outs(%likeliest : memref<?x1xi32>)
    }
    func.func @step_candidates(%logits: memref<?x49152xf32> {kernel.role = "input", ...}, %temperatures: memref<?xf32> {kernel.role = "input", ...},
                               %pt: memref<?x24x64xi32> {kernel.role = "scratch", ...}, %pm: memref<?x24xf32> {kernel.role = "scratch", ...},
                               %tokens: memref<?x64xi32> {kernel.role = "choice", ...}, %values: memref<?x65xf32> {kernel.role = "choice", ...}) {
      kernel.likeliest ins(%logits : memref<?x49152xf32>) temperatures(%temperatures : memref<?xf32>) partials(%pt, %pm : memref<?x24x64xi32>, memref<?x24xf32>)
        outs(%tokens : memref<?x64xi32>) values(%values : memref<?x65xf32>)
    }
    ```
  }];
  let dependentDialects = ["::mlir::kernel::KernelDialect"];
  let options = [Option<"count", "count", "int64_t", "64", "How many tokens a sampler may choose among">];
}

def MapToGpu : Pass<"kernel-map-to-gpu", "ModuleOp"> {
  let summary = "Operations on memrefs become launches of kernels";
  let description = [{
    A loop over tokens becomes a launch with a block for each iteration, whose work items share out the elements of each operation in it; other linalg
    operations have a work item for each output; each operation of the kernel dialect has a form of its own. Products choose by the number of rows
    between two kernels; with `matrix-type`, that of many rows rounds inputs and weights to it as they come into the block's memory and multiplies on matrix
    units, with sums in f32. With `warp-groups` there is a third one for weights that are stored in `matrix-type`, in the module of chips with such instructions, which
    the host launches if the device has them. What remains outside of launches computes sizes and addresses: an access to memory there is an error, except for i32 that sizes
    depend on, which the runtime reads.

    ```mlir
    scf.forall (%t) in (%tokens) { linalg.generic ... outs(%row : memref<1x64xf32, ...>) }
    ```
    becomes
    ```mlir
    gpu.launch blocks(%b, ...) in (... = %tokens, ...) threads(%i, ...) in (... = %c64, ...) module(@device) function(@step_0_rows) {
      scf.for %k = %i to %c64 step %c64 { ... memref.load ... memref.store ... }
      gpu.barrier
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::gpu::GPUDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let options = [Option<"matrixType", "matrix-type", "std::string", "\"\"", "f16 or bf16: products of many rows multiply in it, on matrix units">,
                 Option<"warpGroups", "warp-groups", "bool", "false", "Kernels for warp groups of sm_90a as well, where matrix-type allows">];
}

def DeviceMath : Pass<"kernel-device-math"> {
  let summary = "Mathematical functions become arithmetic and instructions";
  let description = [{
    Devices have no mathematical library. Sines and cosines: the argument is reduced by multiples of pi/2 in f64, exactly enough for positions of any context, then polynomials
    of degree 13 and 14 follow (error below 1e-7). Square roots, floors, magnitudes and copied signs become LLVM's intrinsics. The other functions are `kernel-math-to-polynomials`'s.

    ```mlir
    %s = math.sin %x : f32
    ```
    becomes
    ```mlir
    %wide = arith.extf %x : f32 to f64
    %turns = math.roundeven ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect"];
}

def EmulateDevice : Pass<"kernel-emulate-device", "ModuleOp"> {
  let summary = "Kernels become functions of the host too";
  let description = [{
    Each function of a `gpu.module` is copied as a function of one work item: ids, barriers and the block's memory come from calls of the runtime (runtime/device/DeviceAbi.h).

    ```mlir
    gpu.func @k(%m: memref<?xf32>) workgroup(%w : memref<32xf32, #gpu.address_space<workgroup>>) kernel { %i = gpu.thread_id x ... gpu.barrier ... }
    ```
    becomes
    ```mlir
    func.func private @device_k(%m: memref<?xf32>) attributes {kernel.emulated} { %i = call @attune_item_thread_id(%c0) ... call @attune_item_barrier() ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"];
}

def AlignBlockMemory : Pass<"kernel-align-block-memory", "gpu::GPUModuleOp"> {
  let summary = "Buffers of a block's memory begin at multiples of 16";
  let description = [{
    LLVM joins neighbouring accesses to four words at once, which a device takes at multiples of 16 alone. What products of warp groups read lies in patterns of 1024 bytes:
    in kernels with such products buffers begin at multiples of that.

    ```mlir
    gpu.func @k() workgroup(%buffer : memref<10xf32, #gpu.address_space<workgroup>>) kernel
    ```
    becomes
    ```mlir
    gpu.func @k() workgroup(%buffer : memref<10xf32, #gpu.address_space<workgroup>> {llvm.align = 16 : i64}) kernel
    ```
  }];
}

def DynamicBlockMemory : Pass<"kernel-dynamic-block-memory", "gpu::GPUModuleOp"> {
  let summary = "More than 48 KB of a block's memory are given at the launch";
  let description = [{
    NVIDIA's kernels declare up to 48 KB. The buffers of one that has more follow each other in a variable without a size, which the launch gives one
    (`AttuneKernel::dynamicBytes`, which `kernel-kernel-table` counts the same way).

    ```mlir
    gpu.func @k() workgroup(%a : memref<16384xf32, #gpu.address_space<workgroup>>) kernel { ... }
    ```
    becomes
    ```mlir
    llvm.mlir.global external @attune_block_memory() {addr_space = 3 : i32, alignment = 64 : i64} : !llvm.array<0 x i8>
    gpu.func @k() kernel { %base = llvm.mlir.addressof @attune_block_memory ... %a = builtin.unrealized_conversion_cast %descriptor ... }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def TensorMapArguments : Pass<"kernel-tensor-map-arguments", "gpu::GPUModuleOp"> {
  let summary = "Tensor maps are arguments by value";
  let description = [{
    What bulk copies of tensors take for a map, an argument of the kernel, is 128 bytes at a multiple of 64 that a launch puts among its arguments.

    ```mlir
    llvm.func @k(%map: !llvm.ptr) attributes {nvvm.kernel} { nvvm.cp.async.bulk.tensor.shared.cluster.global %to, %map, ... }
    ```
    becomes
    ```mlir
    llvm.func @k(%map: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant}) attributes {nvvm.kernel} { ... }
    ```
  }];
}

def OpenClMemory : Pass<"kernel-opencl-memory", "gpu::GPUModuleOp"> {
  let summary = "Memrefs of kernels say in which memory of OpenCL they lie";
  let description = [{
    Arguments lie in the device's memory (1), tables in constant memory (2), a block's buffers in local memory (3), as variables of the module in the place of arguments.
    A view lies where its source does, `memref.alloca` in a work item's own memory (`private`); another operation that makes memory is an error.

    ```mlir
    gpu.func @k(%m: memref<?xf32>) workgroup(%buffer : memref<10xf32, #gpu.address_space<workgroup>>) kernel { ... }
    ```
    becomes
    ```mlir
    memref.global "private" @k_block_0 : memref<10xf32, 3> = uninitialized
    gpu.func @k(%m: memref<?xf32, 1>) kernel { %buffer = memref.get_global @k_block_0 : memref<10xf32, 3> ... }
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def OpenClPrivateMemory : Pass<"kernel-opencl-private-memory", "gpu::GPUModuleOp"> {
  let summary = "A work item's own memory lies in LLVM's first space";
  let description = [{
    SPIR numbers it 0, which memrefs write as no space at all. MLIR takes that for global memory as long as there are operations of the GPU dialect;
    this pass is for when they are gone.

    ```mlir
    %own = memref.alloca() : memref<4xf32, #gpu.address_space<private>>
    ```
    becomes
    ```mlir
    %own = memref.alloca() : memref<4xf32>
    ```
  }];
}

def DropDeviceCode : Pass<"kernel-drop-device-code", "gpu::GPUModuleOp"> {
  let summary = "Kernels lose their bodies";
  let description = [{
    What is lowered for the host need not be lowered for the device too: when its code has been written, arguments and buffers of kernels say enough.

    ```mlir
    gpu.func @k(%m: memref<?xf32>) kernel { ... gpu.return }
    ```
    becomes
    ```mlir
    gpu.func @k(%m: memref<?xf32>) kernel { gpu.return }
    ```
  }];
}

def KernelTable : Pass<"kernel-kernel-table", "ModuleOp"> {
  let summary = "The table of kernels that the runtime reads";
  let description = [{
    `attune_kernels` lists name, sizes of arguments, bytes of the block's memory and, where there is one, the host's function of each kernel of the
    device's modules (runtime/device/DeviceAbi.h), which then go: their code is written apart.
    What the host allocates becomes memory of the device. A module without kernels stays as it is.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // ATTUNE_GPU_PASSES
