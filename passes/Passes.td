// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Every pass of the compiler, stage by stage; Pipelines.cpp puts them in order. docs/passes.md is generated from this file and CpuPasses.td.

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
    int8 activations, with a scale for each 64 columns. Four large elements of each row stay f32 beside them. Where all attention is without a causal mask, in an encoder,
    a row has one scale and one such element.

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
    Kernels on tensors are tiled over tokens and over pairs of panels of 16 columns or key heads (`kernel.grouped_linear` over blocks of tokens and pairs of panels, into `kernel.linear`); what
    writes into the cache over tokens; linalg operations over tokens, one a tile, with the producers that only they use, directly or through each other, in the same
    tile. The loops are `scf.forall`.

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
  let options = [Option<"rows", "rows", "int64_t", "192", "tokens of a product's tile: a multiple of every register tile's rows">,
                 Option<"queries", "queries", "int64_t", "16", "tokens of an attention tile">,
                 Option<"kernels", "kernels", "bool", "true", "tile kernels too, not only row operations">,
                 Option<"most", "producer-bytes", "int64_t", "0", "a producer with more bytes for a token stays outside of the tile; 0: none does">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::mlir::memref::MemRefDialect"];
}

def FreshDestinations : Pass<"transformer-fresh-destinations", "::mlir::func::FuncOp"> {
  let summary = "What slices replace as a whole is not kept";
  let description = [{
    Rotations put both halves of each head back into the tensor that they came from. A buffer that is written in place while it is read would have to be copied first. Where the slices that are put into a tensor make up all of it (every dimension is whole but one, which they share out), they go into a new one.

    ```mlir
    %a = tensor.insert_slice %first into %x[0, 0] [%n, 4] [1, 1] : tensor<?x4xf32> into tensor<?x8xf32>
    %b = tensor.insert_slice %second into %a[0, 4] [%n, 4] [1, 1] : tensor<?x4xf32> into tensor<?x8xf32>
    ```
    becomes
    ```mlir
    %e = tensor.empty(%n) : tensor<?x8xf32>
    %a = tensor.insert_slice %first into %e[0, 0] [%n, 4] [1, 1] : tensor<?x4xf32> into tensor<?x8xf32>
    %b = tensor.insert_slice %second into %a[0, 4] [%n, 4] [1, 1] : tensor<?x4xf32> into tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def Vectorize : Pass<"transformer-vectorize", "func::FuncOp"> {
  let summary = "Vectorise linalg operations on one token";
  let description = [{
    The last loop is split into vectors of the largest power of two that divides it, up to `width`. Operations that index memory, or
    whose last loop is dynamic, stay as they are and become loops later. A reduction of more than a vector gives each lane every `width`th element, and combines the lanes
    at the end: sums do not have the elements' order.

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

include "passes/CpuPasses.td"
include "passes/GpuPasses.td"

#endif // ATTUNE_PASSES
