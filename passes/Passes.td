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
  let summary = "Constant factors of queries, keys and scores move into the scale of attention";
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
    Works on `scores` and on `attention`, through reshapes and `rotary` (which is linear), and on a `scale` of scores. The factor is then applied once, to the f32 sum:
    for a power of two the result is the same to the bit, for others it is rounded once where it was rounded for each element.

    Other scales stay. Behind `cache_update` the factor is part of what the cache holds; `norm` has `eps` and `linear` has a bias, through which a
    factor does not pass; `weight_offset` of a norm is part of its definition and is left to the kernels.
  }];
  let statistics = [Statistic<"folded", "folded", "Scales folded">];
}

#endif // ATTUNE_PASSES
