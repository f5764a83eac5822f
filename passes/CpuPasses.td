// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The passes behind the kernel dialect: loops and vectors for a CPU, buffers, launches, the LLVM dialect.

#ifndef ATTUNE_CPU_PASSES
#define ATTUNE_CPU_PASSES

include "mlir/Pass/PassBase.td"

class ExpandKernelPass<string name> : Pass<name> {
  let options = [Option<"cpu", "cpu", "std::string", /*default=*/"\"native\"",
                        "the processor: native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4, aarch64 or one of LLVM's names">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ExpandLinear : ExpandKernelPass<"kernel-expand-linear"> {
  let summary = "kernel.linear on memrefs becomes loops over register tiles";
  let description = [{
    Loops over blocks of rows, panels of weights and register tiles of the processor's shape, with loops of their own for a single row; the epilogue
    runs on vectors before they are stored. Where an instruction multiplies unsigned bytes, 48 quantised rows and more meet codes that are unpacked once for them all; if each of
    the rows has one scale, the weights are rounded to 8 bits with one scale for each of theirs as they are unpacked. Operations on tensors are left alone.

    ```mlir
    kernel.linear input(%x : memref<?x64xf32>) weights(%w : memref<1x4096xi8>) outs(%y : memref<?x16xf32>) format(<codes = f32>) columns(64) {
    ^bb0(%p: f32):
      kernel.yield %p : f32
    }
    ```
    becomes, for one row,
    ```mlir
    %s:2 = scf.for %k = %c0 to %c64 step %c8 iter_args(%a = %zero, %b = %zero) -> (vector<8xf32>, vector<8xf32>) {
      %weights = vector.load %w[%panel, %offset] : memref<1x4096xi8>, vector<32xi8>
      ...
      %next = vector.fma %activation, %weight, %a : vector<8xf32>
    ```
  }];
}

def ExpandQuantize : ExpandKernelPass<"kernel-expand-quantize"> {
  let summary = "kernel.quantize on memrefs becomes loops over the columns that share a scale";
  let description = [{
    ```mlir
    kernel.quantize ins(%x : memref<?x128xf32>) outs(%c, %s, %m : memref<?x128xi8>, memref<?x2xf32>, memref<?x4xf32>)
    ```
    becomes
    ```mlir
    scf.for %row = %c0 to %rows step %c1 {
      scf.for %scale = %c0 to %c2 step %c1 {
        %largest = vector.reduction <maxnumf>, %magnitudes : vector<8xf32> into f32
        ...
    ```
  }];
}

def ExpandEmbed : ExpandKernelPass<"kernel-expand-embed"> {
  let summary = "kernel.embed on memrefs becomes loops that gather and dequantise rows";
  let description = [{
    ```mlir
    kernel.embed ins(%ids : memref<?xi32>) table(%t : memref<2x1024xi8>) outs(%y : memref<?x16xf32>) format(<codes = f32>)
    ```
    becomes
    ```mlir
    scf.for %token = %c0 to %tokens step %c1 {
      %id = memref.load %ids[%token] : memref<?xi32>
      ...
    ```
  }];
}

def ExpandAttention : ExpandKernelPass<"kernel-expand-attention"> {
  let summary = "kernel.attention and kernel.cache_update on memrefs become loops over tiles of keys";
  let description = [{
    A register tile is some tokens of one sequence times the query heads of a key head. For each tile of 128 keys: scores, 16 keys at a time; the
    softmax update against the running maximum; the weighted sum of values. No buffer of tokens x keys exists.

    ```mlir
    kernel.attention ins(%q, %batch : memref<?x3x64xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x1x64x16xf16>, memref<?x1x64xf16>) outs(%o : memref<?x3x64xf32>) {...}
    ```
    becomes
    ```mlir
    %scores = memref.alloca() : memref<12x128xf32>
    scf.for %token = ... {
      scf.for %tile = %first to %end step %c8 {
        %s:6 = scf.for %d = %c0 to %c64 step %c1 iter_args(...) { ... vector.fma ... }
        ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ExpandExperts : ExpandKernelPass<"kernel-expand-experts"> {
  let summary = "kernel.route and kernel.dispatch on memrefs become loops";
  let description = [{
    A token's experts are found one after the other, each as the largest score behind the one before it; choices are ordered by a counting sort.

    ```mlir
    kernel.route softmax ins(%logits : memref<?x8xf32>) outs(%experts, %weights : memref<?x2xi32>, memref<?x2xf32>)
    ```
    becomes
    ```mlir
    %scores = memref.alloca() : memref<8xf32>
    scf.for %token = ... {
      ...
      scf.for %j = %c0 to %c2 step %c1 iter_args(%score = %inf, %expert = %none) -> (f32, index) {
        %best:2 = scf.for %e = %c0 to %c8 step %c1 iter_args(...) -> (f32, index) {
        ...
    ```
  }];
}

def OutlineParallel : Pass<"kernel-outline-parallel", "ModuleOp"> {
  let summary = "Parallel loops become functions that the runtime's threads run";
  let description = [{
    The body of a `scf.forall` on memrefs becomes a function of a range of flat iterations and of what the loop captured.

    ```mlir
    scf.forall (%i) in (%n) { "use"(%i, %m) : (index, memref<?xf32>) -> () }
    ```
    becomes
    ```mlir
    kernel.launch @f_parallel count(%n) args(%m, %n : memref<?xf32>, index)
    func.func private @f_parallel(%begin: index, %end: index, %m: memref<?xf32>, %n: index) { scf.for %i = %begin to %end step %c1 { ... } }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::kernel::KernelDialect", "::mlir::scf::SCFDialect"];
}

def ShareBodies : Pass<"kernel-share-bodies", "ModuleOp"> {
  let summary = "Launches of equal functions run one of them";
  let description = [{
    Private functions that only `kernel.launch` names, and that differ in nothing but their names and locations, become one. What a launch notes of its own
    work (for profiles) stays with it. Functions that are called, and public ones, are left alone.

    ```mlir
    kernel.launch @step_parallel count(%n) args(%m : memref<?xf32>)
    kernel.launch @step_taps_parallel count(%n) args(%o : memref<?xf32>)   // an equal function
    ```
    becomes
    ```mlir
    kernel.launch @step_parallel count(%n) args(%m : memref<?xf32>)
    kernel.launch @step_parallel count(%n) args(%o : memref<?xf32>)
    ```
  }];
}

def PlanWorkspace : Pass<"kernel-plan-workspace", "ModuleOp"> {
  let summary = "Allocations become places in a workspace of known size";
  let description = [{
    Buffers with at most one dynamic dimension (tokens, or fewer outputs) are placed, first fit by lifetime, in a workspace that the caller gives; a function's
    part is followed by that of the functions that it calls. Sizes are `per_token * round_up(tokens, 16) + fixed`, noted on the entries. A size
    counts where it is a dimension of an argument, times a constant, or follows from that; of any other the pass says that it is unknown. Buffers
    of other shapes (scores that an entry shows) stay allocations and are freed.

    ```mlir
    %a = memref.alloc(%tokens) : memref<?x576xf32>
    ```
    becomes
    ```mlir
    %a = memref.view %workspace[%offset][%tokens] : memref<?xi8> to memref<?x576xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def MathToPolynomials : Pass<"kernel-math-to-polynomials"> {
  let summary = "exp, tanh, erf and log become polynomials";
  let description = [{
    ```mlir
    %y = math.exp %x : vector<8xf32>
    ```
    becomes multiplications and additions on `vector<8xf32>`, so do scalars. Of f32: exp is off by 8e-8 of its value at most, exactly 0 from -87.34 down to minus infinity and 2.4e38
    from 88.37 up; erf is off by 3.3e-7 at most.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def AddLimits : Pass<"kernel-add-limits", "ModuleOp"> {
  let summary = "Functions that show what the processor can do at most";
  let description = [{
    Where launches note their work, functions are added that a profile runs to know the limits beside which it puts kernels: twelve independent chains of multiply-adds of
    f32, and of sums of products of bytes, in the instructions that kernels for this processor use, and a loop that reads memory.

    ```mlir
    func.func private @limit_f32(%begin: i64, %end: i64, %context: !llvm.ptr) attributes {kernel.work = {kind = "limit", operationsOfRow = 1920000 : i64, ...}} {
      %chains:12 = scf.for ... { vector.fma %a, %a, %chain ... }
    ```
  }];
  let options = [Option<"cpu", "cpu", "std::string", /*default=*/"\"native\"", "the processor, as in the passes that expand kernels">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def HoistStackBuffers : Pass<"kernel-hoist-stack-buffers", "func::FuncOp"> {
  let summary = "Buffers on the stack are allocated where the function begins";
  let description = [{
    Allocated in the body of a loop, they would be allocated anew for each iteration once loops are branches, and the stack would
    grow with the trip count. Those of a size that is not known before stay.

    ```mlir
    scf.for %i = %c0 to %n step %c1 {
      %buffer = memref.alloca() : memref<4x16xf32>
    }
    ```
    becomes
    ```mlir
    %buffer = memref.alloca() : memref<4x16xf32>
    scf.for %i = %c0 to %n step %c1 {
    }
    ```
  }];
}

def KernelToLLVM : Pass<"kernel-to-llvm", "ModuleOp"> {
  let summary = "The rest becomes the LLVM dialect";
  let description = [{
    `kernel.launch` becomes a call of the runtime's `attune_parallel_for` with a structure of the arguments; public functions get MLIR's C interface, others are internal.
    Everything else goes by upstream's patterns.

    ```mlir
    kernel.launch @body count(%n) args(%m : memref<?xf32>)
    ```
    becomes
    ```mlir
    llvm.call @attune_parallel_for(%body_range, %context, %n) : (!llvm.ptr, !llvm.ptr, i64) -> ()
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def EntryTable : Pass<"kernel-entry-table", "ModuleOp"> {
  let summary = "The table of entries that the runtime reads";
  let description = [{
    For every function with a C interface: its name and a function that unpacks an array of pointers. An `AttuneCode` (runtime/program/PayloadFormat.h) in
    the section `attune_code` names the processor and points to the table; it alone can be seen from outside, so that objects for several
    processors can be linked together.
  }];
  let options = [Option<"cpu", "cpu", "std::string", /*default=*/"\"native\"",
                        "the processor that the code is for, as in the passes that expand kernels">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // ATTUNE_CPU_PASSES
