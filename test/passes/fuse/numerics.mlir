// RUN: attune-reference %s > %t.plain
// RUN: FileCheck %s --input-file=%t.plain
// RUN: attune-opt %s --transformer-fuse > %t.mlir
// RUN: FileCheck %s --check-prefix=FUSED --input-file=%t.mlir
// RUN: attune-reference %t.mlir > %t.fused
// RUN: grep "^main: " %t.plain > %t.main
// RUN: grep "^main: " %t.fused | diff %t.main -
// RUN: grep "^main_taps" %t.fused | sed "s/^main_taps/main/" | diff %t.plain -
// RUN: attune-opt %s --transformer-fuse-ffn | attune-reference | diff %t.plain -
// RUN: attune-opt %s --transformer-fuse-linear-split | attune-reference | diff %t.plain -
// RUN: attune-opt %s --transformer-drop-taps --transformer-fuse-attention | attune-reference | diff %t.main -
// RUN: attune-opt %s --transformer-fuse-residual-norm | attune-reference | diff %t.plain -
// RUN: attune-opt %s --transformer-fold-scales | attune-reference | diff %t.plain -
// Fused and plain forms give the same numbers: two layers, two sequences, two query heads over one key head. The
// factors are powers of two, so that folding them is exact.

!x = tensor<3x4xf32>
!h = tensor<3x6xf32>
!q = tensor<3x2x2xf32>
!k = tensor<3x1x2xf32>
!K = tensor<?x1x2xf32>
!s = tensor<3x2x?xf32>
!b = tensor<3x3xi32>
!cache = !transformer.cache<2 x 1 x 2 x 2 x f32>

transformer.parameter @norm : tensor<4xf32> value dense<[1.0, 0.5, 2.0, -1.0]> : tensor<4xf32>
transformer.parameter @q : tensor<4x4xf32> value dense<[[1.0, 0.25, -0.5, 2.0], [0.0, 1.5, 1.0, -1.0], [-0.75, 0.5, 1.0, 0.0], [0.5, -1.0, 0.25, 1.0]]> : tensor<4x4xf32>
transformer.parameter @k : tensor<2x4xf32> value dense<[[0.5, -1.0, 1.0, 0.25], [2.0, 0.0, -0.5, 1.0]]> : tensor<2x4xf32>
transformer.parameter @v : tensor<2x4xf32> value dense<[[1.0, 1.0, -2.0, 0.5], [-0.25, 1.5, 0.0, 1.0]]> : tensor<2x4xf32>
transformer.parameter @o : tensor<4x4xf32> value dense<[[0.5, 0.0, 1.0, -1.0], [1.0, 1.0, 0.25, 0.0], [0.0, -0.5, 0.5, 2.0], [1.5, 0.0, -1.0, 0.5]]> : tensor<4x4xf32>
transformer.parameter @gate : tensor<6x4xf32> value dense<[[1.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, -0.5], [0.5, 0.5, 0.5, 0.5], [-1.0, 0.0, 2.0, 0.0], [0.0, 0.25, 0.0, 1.0], [1.0, -1.0, 1.0, -1.0]]> : tensor<6x4xf32>
transformer.parameter @up : tensor<6x4xf32> value dense<[[0.0, 1.0, 0.0, 1.0], [2.0, 0.0, -1.0, 0.0], [0.25, 0.5, 0.75, 1.0], [1.0, 1.0, 0.0, 0.0], [-0.5, 0.0, 0.0, 0.5], [0.0, 0.0, 1.0, 1.0]]> : tensor<6x4xf32>
transformer.parameter @down : tensor<4x6xf32> value dense<[[1.0, 0.0, 0.5, 0.0, -1.0, 0.25], [0.0, 1.0, 0.0, 0.5, 0.0, 1.0], [0.5, 0.5, -0.5, 0.0, 1.0, 0.0], [0.0, -1.0, 0.0, 2.0, 0.0, 0.5]]> : tensor<4x6xf32>
transformer.parameter @sinks : tensor<2xf32> value dense<[0.5, -1.0]> : tensor<2xf32>

// FUSED-LABEL: func.func private @layer(
// FUSED:         transformer.linear_split
// FUSED-NOT:     transformer.scale
// FUSED:         transformer.attention {{.*}} sinks
// FUSED:         transformer.residual_norm
// FUSED:         transformer.ffn silu
// FUSED:       }
func.func private @layer(%x: !x, %record: index, %layer: index, %batch: !b, %angles: tensor<3x2x1xf32>, %cache: !cache) -> !x {
  %wn = transformer.weight @norm : tensor<4xf32>
  %n = transformer.norm rms %x weight %wn : tensor<4xf32> {eps = 0.125 : f64} : !x
  %wq = transformer.weight @q : tensor<4x4xf32>
  %wk = transformer.weight @k : tensor<2x4xf32>
  %wv = transformer.weight @v : tensor<2x4xf32>
  %qf = transformer.linear %n, %wq : (!x, tensor<4x4xf32>) -> !x
  %kf = transformer.linear %n, %wk : (!x, tensor<2x4xf32>) -> tensor<3x2xf32>
  %vf = transformer.linear %n, %wv : (!x, tensor<2x4xf32>) -> tensor<3x2xf32>
  %qt = transformer.scale %qf {factor = 0.5 : f64} : !x
  %qh = tensor.expand_shape %qt [[0], [1, 2]] output_shape [3, 2, 2] : !x into !q
  %kh = tensor.expand_shape %kf [[0], [1, 2]] output_shape [3, 1, 2] : tensor<3x2xf32> into !k
  %vh = tensor.expand_shape %vf [[0], [1, 2]] output_shape [3, 1, 2] : tensor<3x2xf32> into !k
  %qr = transformer.rotary half_split %qh, %angles : !q, tensor<3x2x1xf32>
  %kr = transformer.rotary half_split %kh, %angles : !k, tensor<3x2x1xf32>
  %K, %V = transformer.cache_update %cache[%layer], %kr, %vh, %batch : !cache, !k, !k, !b -> !K, !K
  %s = transformer.scores %qr, %K, %batch : (!q, !K, !b) -> !s
  %t = transformer.scale %s {factor = 2.0 : f64} : !s
  %c = transformer.soft_cap %t {cap = 4.0 : f64} : !s
  %m = transformer.mask %c, %batch {mask = #transformer.mask<causal = true>} : !s, !b
  %wsinks = transformer.weight @sinks : tensor<2xf32>
  %p = transformer.softmax %m sinks %wsinks : tensor<2xf32> : !s
  transformer.tap "attentions"[%layer], %p : !s
  %oh = transformer.weighted_sum %p, %V, %batch : (!s, !K, !b) -> !q
  %of = tensor.collapse_shape %oh [[0], [1, 2]] : !q into !x
  %wo = transformer.weight @o : tensor<4x4xf32>
  %y = transformer.linear %of, %wo : (!x, tensor<4x4xf32>) -> !x
  %z = arith.addf %x, %y : !x
  transformer.tap "after_attention"[%layer], %z : !x
  %wn2 = transformer.weight @norm : tensor<4xf32>
  %n2 = transformer.norm layer %z weight %wn2 : tensor<4xf32> {eps = 0.125 : f64} : !x
  %wg = transformer.weight @gate : tensor<6x4xf32>
  %wu = transformer.weight @up : tensor<6x4xf32>
  %wd = transformer.weight @down : tensor<4x6xf32>
  %g = transformer.linear %n2, %wg : (!x, tensor<6x4xf32>) -> !h
  %u = transformer.linear %n2, %wu : (!x, tensor<6x4xf32>) -> !h
  %a = transformer.activation silu %g : !h
  %gu = arith.mulf %u, %a : !h
  %f = transformer.linear %gu, %wd : (!h, tensor<4x6xf32>) -> !x
  %r = arith.addf %z, %f : !x
  return %r : !x
}

// CHECK:      main tap attentions[0]
// CHECK-NEXT: main tap after_attention[0]
// CHECK-NEXT: main tap attentions[1]
// CHECK-NEXT: main tap after_attention[1]
// CHECK-NEXT: main: tensor<3x4xf32>
func.func @main(%cache: !cache) -> !x {
  %x = arith.constant dense<[[1.0, -0.5, 2.0, 0.25], [0.0, 1.5, -1.0, 1.0], [2.0, 1.0, 0.5, -1.0]]> : !x
  %batch = arith.constant dense<[[0, 0, 2], [1, 0, 2], [0, 4, 1]]> : !b
  %angles = transformer.rotary_table %batch {frequencies = array<f32: 0.5>} : (!b) -> tensor<3x2x1xf32>
  %y = transformer.repeat @layer (%x, %batch, %angles, %cache) {record = 0 : i64, first = 0 : i64, count = 2 : i64} : (!x, !b, tensor<3x2x1xf32>, !cache) -> !x
  return %y : !x
}
