// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Every pass of the compiler, stage by stage; Pipelines.cpp puts them in order. docs/passes.md is generated from this file.

#ifndef ATTUNE_PASSES
#define ATTUNE_PASSES

include "mlir/Pass/PassBase.td"

//===------------------------------------------------- taps (fuse/) -----------------------------------------------===//

def DropTaps : Pass<"transformer-drop-taps"> {
  let summary = "Erase every tap";
  let description = [{
    Erases `transformer.tap` operations; what only they used is then dead code, which `canonicalize` removes.

    ```mlir
    %p = transformer.softmax %m : tensor<?x9x?xf32>
    transformer.tap "attentions"[%layer], %p : tensor<?x9x?xf32>
    ```
    becomes
    ```mlir
    %p = transformer.softmax %m : tensor<?x9x?xf32>
    ```
  }];
  let statistics = [Statistic<"dropped", "taps-dropped", "Taps erased">];
}

def SplitTaps : Pass<"transformer-split-taps", "ModuleOp"> {
  let summary = "Give each entry with taps a second form, and keep taps in that one alone";
  let description = [{
    An entry is a public function. One that reaches a `transformer.tap`, through the functions that it names (`transformer.repeat`,
    `func.call`), is cloned as `<entry>_taps`, together with the functions on the way to the taps (`<layer>_taps`); then the
    originals lose their taps. Functions without taps are shared, entries without taps stay alone. Argument
    attributes are kept; the clone of an entry carries `transformer.taps`, by which a second run knows it.

    Later fusions need no knowledge of this: in the clones the tapped value has another use, so the plain form stays.

    ```mlir
    func.func private @layer(...) { ... transformer.tap "attentions"[%layer], %p ... }
    func.func @step(...) { ... transformer.repeat @layer ... }
    ```
    becomes
    ```mlir
    func.func private @layer(...) { ... }
    func.func private @layer_taps(...) { ... transformer.tap "attentions"[%layer], %p ... }
    func.func @step(...) { ... transformer.repeat @layer ... }
    func.func @step_taps(...) attributes {transformer.taps} { ... transformer.repeat @layer_taps ... }
    ```

    A function that already has the name of a clone is an error.
  }];
  let statistics = [Statistic<"cloned", "functions-cloned", "Functions that got a second form with taps">];
}

//===----------------------------------------------- fusion (fuse/) -----------------------------------------------===//

// Every fusion finds its operations by how they are connected, never by names or order. Values that stop existing (the
// "inner" values of a pattern) must have no other use; the fused operations stand in one block.

def FuseFfn : Pass<"transformer-fuse-ffn"> {
  let summary = "linear, activation, linear become a feed-forward network";
  let description = [{
    Gated, with the two operands of the product in either order (a product without an activation is gated by `identity`):
    ```mlir
    %g = transformer.linear %x, %gate
    %u = transformer.linear %x, %up
    %a = transformer.activation silu %g
    %h = arith.mulf %a, %u
    %y = transformer.linear %h, %down
    ```
    becomes
    ```mlir
    %y = transformer.ffn silu %x gate(%gate) up(%up) down(%down)
    ```
    Plain: `linear`, `activation`, `linear` become `transformer.ffn gelu %x up(%up) down(%down)`. Biases are kept.

    Declines when gate and up read different inputs, when both sides of the product are activations, or when an inner value has
    another use.
  }];
  let statistics = [Statistic<"gated", "gated", "Gated networks fused">, Statistic<"plain", "plain", "Plain networks fused">];
}

def FuseLinearSplit : Pass<"transformer-fuse-linear-split"> {
  let summary = "Linear maps of one input become one product";
  let description = [{
    Queries, keys and values read the same rows, so one product over the three weights reads them once.
    ```mlir
    %q = transformer.linear %x, %wq
    %k = transformer.linear %x, %wk
    %v = transformer.linear %x, %wv
    ```
    becomes
    ```mlir
    %q, %k, %v = transformer.linear_split %x weights(%wq, %wk, %wv)
    ```
    Joins the linear maps of one value in one block whose weights are stored alike and that all have a bias or all have none; output
    sizes are free. Others of the same input stay, or form a group of their own. Results are in the order of the block. The
    product stands where its first map stood, so every use stays legal; `transformer.weight` operations move up to it, and a map whose
    weight cannot (it is computed later) is left out.

    Gate and up of a feed-forward network are linear maps of one input too: run `transformer-fuse-ffn` first.
  }];
  let statistics = [Statistic<"fused", "fused", "Linear maps joined to others">];
}

def FuseAttention : Pass<"transformer-fuse-attention"> {
  let summary = "Scores, mask, normaliser and weighted sum become attention";
  let description = [{
    ```mlir
    %s = transformer.scores %q, %K, %batch {scale = 0.125 : f64}
    %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>}
    %p = transformer.softmax %m
    %o = transformer.weighted_sum %p, %V, %batch
    ```
    becomes
    ```mlir
    %o = transformer.attention %q, %K, %V, %batch {mask = #transformer.mask<causal = true>, scale = 0.125 : f64}
    ```
    Between scores and mask there may be a `scale`, then a `soft_cap`. The normaliser is `softmax`, with or without sinks, or
    `sum_normalize`. No matrix of scores exists afterwards.

    Declines when an inner value has another use (a tap of the weights, say), when scores, mask and weighted sum have different batches,
    and where `attention` has no such form: values whose heads or head size differ from those of the keys, no mask.
  }];
  let statistics = [Statistic<"fused", "fused", "Attentions fused">];
}

def FuseResidualNorm : Pass<"transformer-fuse-residual-norm"> {
  let summary = "An addition and the norm of its sum become one operation";
  let description = [{
    ```mlir
    %z = arith.addf %x, %y : tensor<?x576xf32>
    %n = transformer.norm rms %z weight %w : tensor<576xf32> {eps = 1.0e-5 : f64} : tensor<?x576xf32>
    ```
    becomes
    ```mlir
    %z, %n = transformer.residual_norm rms %x, %y weight %w : tensor<576xf32> {eps = 1.0e-5 : f64} : tensor<?x576xf32>
    ```
    The sum may have other uses, another norm included (the first norm of the block is the one that fuses). The new operation stands
    where the addition stood; `transformer.weight` operations move up to it.

    Declines on rank 3 (norms of heads), on additions with fast-math flags, and when the norm's weight is computed after the addition.
  }];
  let statistics = [Statistic<"fused", "fused", "Norms fused with an addition">];
}

def FoldScales : Pass<"transformer-fold-scales"> {
  let summary = "Constant factors of queries and keys move into the scale of attention";
  let description = [{
    ```mlir
    %t = transformer.scale %q {factor = 0.125 : f64}
    %r = transformer.rotary half_split %t, %angles
    %s = transformer.scores %r, %K, %batch
    ```
    becomes
    ```mlir
    %r = transformer.rotary half_split %q, %angles
    %s = transformer.scores %r, %K, %batch {scale = 0.125 : f64}
    ```
    Works on `scores` and on `attention`, through reshapes and `rotary` (which is linear). The factor is then applied once, to the f32
    sum: for a power of two the result is the same to the bit, for others it is rounded once where it was rounded for each element.
    (A `scale` of the scores themselves is merged by `canonicalize`.)

    Other scales stay. Behind `cache_update` the factor is part of what the cache holds; `norm` has `eps` and `linear` has a bias, through which a
    factor does not pass; `weight_offset` of a norm is part of its definition and is left to the kernels.
  }];
  let statistics = [Statistic<"folded", "folded", "Scales folded">];
}

//===----------------------------------------------- layout (layout/) ----------------------------------------------===//

def AssignLayout : Pass<"transformer-assign-layout", "ModuleOp"> {
  let summary = "Decide where each parameter lies in the packed weights";
  let description = [{
    Gives every `transformer.parameter` an `offset`, a `stride` between records and, for a matrix, the packed format that its storage
    type becomes. Parameters of the same layers form one record per layer; weights of a `linear_split` are placed one after
    another, so that they are one product. The module's `kernel.weight_bytes` is the size of all.

    ```mlir
    transformer.parameter @q : tensor<32x64xf32, #transformer.stored<q4_1>> source "blk.{}.q" layers [0, 1]
    ```
    becomes
    ```mlir
    transformer.parameter @q : tensor<32x64xf32, #transformer.stored<q4_1>> source "blk.{}.q" layers [0, 1]
      {kernel.format = #kernel.packed<codes = u4, group = 32, scale = f16, min = true>, offset = 0 : i64, stride = 1280 : i64}
    ```
  }];
  let dependentDialects = ["::mlir::kernel::KernelDialect"];
}

def LowerBoundaries : Pass<"transformer-lower-boundaries", "ModuleOp"> {
  let summary = "Functions on tensors become functions on memory";
  let description = [{
    Tensor arguments become memrefs that the body sees as tensors; results and taps become memrefs that the caller gives; a layer's result
    replaces its first argument, one buffer for the stream of activations; `repeat` becomes a loop of calls; the packed weights become an
    argument of every function. Arguments carry `transformer.name` and `kernel.role` (output, tap, weights, cache).

    ```mlir
    func.func @step(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %y = transformer.repeat @layer (%x) {count = 2 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    ```
    becomes
    ```mlir
    func.func @step(%x: memref<?x8xf32>, %y: memref<?x8xf32> {kernel.role = "output"}, %weights: memref<?xi8> {kernel.role = "weights"}) {
      ...
      scf.for %i = %c0 to %c2 step %c1 { func.call @layer(%stream, %record, %layer, %weights) }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def ToKernel : Pass<"transformer-to-kernel", "ModuleOp"> {
  let summary = "Operations on weights and caches become kernels on memory";
  let description = [{
    Weights become views of the packed weights; `linear`, `linear_split`, `ffn`, `embed`, `attention`, `cache_update`, `route` and `experts` become operations of the kernel
    dialect. Experts become a `kernel.dispatch`, which orders the tokens' choices, the gathering of their rows, `kernel.grouped_linear`s and a weighted sum. Residual additions join the product that they follow. With `quantize-activations`, products with block-quantised weights take
    int8 activations.

    ```mlir
    %y = transformer.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32, #transformer.stored<q8_0>>) -> tensor<?x32xf32>
    %z = arith.addf %r, %y : tensor<?x32xf32>
    ```
    becomes
    ```mlir
    %z = kernel.linear input(%x : tensor<?x64xf32>) weights(%v : memref<2x1088xi8>) extras(%r : tensor<?x32xf32>) outs(%e : tensor<?x32xf32>)
        format(<codes = i8, group = 32, scale = f16>) columns(64) {
    ^bb0(%product: f32, %residual: f32):
      %s = arith.addf %product, %residual : f32
      kernel.yield %s : f32
    } -> tensor<?x32xf32>
    ```
  }];
  let options = [Option<"quantizeActivations", "quantize-activations", "bool", /*default=*/"false",
                        "int8 activations for products with block-quantised weights">];
  let dependentDialects = ["::mlir::kernel::KernelDialect", "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"];
}

def VerifyLayout : Pass<"transformer-verify-layout", "ModuleOp"> {
  let summary = "Reject tensors that still have a storage encoding";
  let description = [{
    Bufferisation and vectorisation drop encodings without a word, so a q4_0 tensor would be read as f32. After the layout stage none may be left.
  }];
}

//===----------------------------------------------- lowering (lower/) ---------------------------------------------===//

def ToLinalg : Pass<"transformer-to-linalg", "ModuleOp"> {
  let summary = "What is left of the transformer dialect becomes linalg on tensors";
  let description = [{
    Norms, activations, positions, rotations, gathers and attention in its parts become `linalg.generic`. Anything that has no lowering in its form
    is an error.

    ```mlir
    %y = transformer.scale %x {factor = 2.0 : f64} : tensor<?x8xf32>
    ```
    becomes
    ```mlir
    %y = linalg.generic {...} ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) { ^bb0(%in: f32, %out: f32): ... arith.mulf ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def Tile : Pass<"transformer-tile", "func::FuncOp"> {
  let summary = "Split kernels and row operations into tiles that run in parallel";
  let description = [{
    Kernels on tensors are tiled over tokens and over panels of 16 columns or key heads (`kernel.grouped_linear` over blocks of tokens and panels, into `kernel.linear`); linalg operations over tokens, one a tile, with the producers
    that only they use in the same tile. The loops are `scf.forall`.

    ```mlir
    %y = kernel.attention ins(%q, %batch : tensor<?x9x64xf32>, tensor<?x3xi32>) ...
    ```
    becomes
    ```mlir
    %y = scf.forall (%t, %h) = (0, 0) to (%tokens, 3) step (16, 1) shared_outs(%o = %e) -> tensor<?x9x64xf32> {
      ...
      %part = kernel.attention ins(%queries, %rows : tensor<?x3x64xf32>, tensor<?x3xi32>) ...
    ```
  }];
  let options = [Option<"rows", "rows", "int64_t", "96", "tokens of a product's tile: a multiple of every register tile's rows">,
                 Option<"queries", "queries", "int64_t", "16", "tokens of an attention tile">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::mlir::memref::MemRefDialect"];
}

def Vectorize : Pass<"transformer-vectorize", "func::FuncOp"> {
  let summary = "Vectorise linalg operations on one token";
  let description = [{
    The last loop is split into vectors of the largest power of two that divides it, up to `width`. Operations that index memory, or
    whose last loop is dynamic, stay as they are and become loops later.

    ```mlir
    %y = linalg.generic {...} ins(%x : tensor<1x576xf32>) outs(%e : tensor<1x576xf32>) { ... arith.mulf ... }
    ```
    becomes
    ```mlir
    scf.for %k = %c0 to %c576 step %c16 ... { vector.transfer_read ... arith.mulf ... : vector<1x16xf32> ... }
    ```
  }];
  let options = [Option<"width", "width", "int64_t", "16", "most elements of a vector">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"];
}

def LowerCopies : Pass<"transformer-lower-copies"> {
  let summary = "Copies between strided buffers become linalg.copy, hence loops";
  let description = [{
    ```mlir
    memref.copy %a, %b : memref<?x4xf32, strided<[8, 1]>> to memref<?x4xf32>
    ```
    becomes
    ```mlir
    linalg.copy ins(%a : memref<?x4xf32, strided<[8, 1]>>) outs(%b : memref<?x4xf32>)
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

//===------------------------------------------------------ CPU (cpu/) --------------------------------------------===//

class ExpandKernelPass<string name> : Pass<name> {
  let options = [Option<"cpu", "cpu", "std::string", /*default=*/"\"native\"",
                        "the processor: native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4 or one of LLVM's names">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ExpandLinear : ExpandKernelPass<"kernel-expand-linear"> {
  let summary = "kernel.linear on memrefs becomes loops over register tiles";
  let description = [{
    Loops over blocks of rows, panels of weights and register tiles of the processor's shape, with loops of their own for a single row; the epilogue
    runs on vectors before they are stored. Operations on tensors are left alone.

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
  let summary = "kernel.quantize on memrefs becomes loops over blocks of 32 columns";
  let description = [{
    ```mlir
    kernel.quantize ins(%x : memref<?x64xf32>) outs(%c, %s, %m : memref<?x64xi8>, memref<?x2xf32>, memref<?x2xf32>)
    ```
    becomes
    ```mlir
    scf.for %row = %c0 to %rows step %c1 {
      scf.for %block = %c0 to %c2 step %c1 {
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

def PlanWorkspace : Pass<"kernel-plan-workspace", "ModuleOp"> {
  let summary = "Allocations become places in a workspace of known size";
  let description = [{
    Buffers with at most one dynamic dimension (tokens, or fewer outputs) are placed, first fit by lifetime, in a workspace that the caller gives; a function's
    part is followed by that of the functions that it calls. Sizes are `per_token * round_up(tokens, 16) + fixed`, noted on the entries. Buffers of other
    shapes (scores that an entry shows) stay allocations and are freed.

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
    becomes multiplications and additions on `vector<8xf32>`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
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
    For every function with a C interface: its name and a function that unpacks an array of pointers; all in `attune_entries`, their number in
    `attune_entry_count` (runtime/program/PayloadFormat.h).
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // ATTUNE_PASSES
