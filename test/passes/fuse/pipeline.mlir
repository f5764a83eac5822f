// RUN: attune-opt %s --transformer-fuse | FileCheck %s
// RUN: attune-opt %s --transformer-fuse | attune-opt --transformer-fuse | FileCheck %s
// RUN: attune-opt %s --transformer-fuse=disable=attention | FileCheck %s --check-prefix=NO-ATTENTION
// RUN: attune-opt %s --transformer-fuse=disable=ffn,linear-split | FileCheck %s --check-prefix=NO-LINEAR
// RUN: attune-opt %s --transformer-fuse=disable=residual-norm,scales | FileCheck %s --check-prefix=NO-NORM
// RUN: not attune-opt %s --transformer-fuse=disable=attentoin 2>&1 | FileCheck %s --check-prefix=TYPO
// A pre-norm layer after all fusions; its form with taps keeps the plain attention alone.

// TYPO: no fusion is called 'attentoin', expected one of: ffn, linear-split, scales, attention, residual-norm

!x = tensor<?x8xf32>
!h = tensor<?x16xf32>
!q = tensor<?x2x4xf32>
!s = tensor<?x2x?xf32>
!b = tensor<?x3xi32>
!cache = !transformer.cache<2 x 2 x 4 x 4 x f32>

// CHECK-LABEL: func.func private @layer(
// CHECK:         transformer.norm
// CHECK:         transformer.linear_split
// CHECK:         transformer.cache_update
// CHECK:         transformer.attention {{.*}} scale = 5.000000e-01
// CHECK:         transformer.linear
// CHECK:         transformer.residual_norm
// CHECK:         transformer.ffn
// CHECK:         arith.addf
// CHECK:         return
// CHECK-LABEL: func.func private @layer_taps(
// CHECK:         transformer.linear_split
// CHECK:         transformer.scores
// CHECK:         transformer.tap
// CHECK:         transformer.weighted_sum
// CHECK:         transformer.residual_norm
// CHECK:         transformer.ffn

// NO-ATTENTION-LABEL: func.func private @layer(
// NO-ATTENTION:         transformer.linear_split
// NO-ATTENTION:         transformer.scores
// NO-ATTENTION:         transformer.residual_norm
// NO-ATTENTION:         transformer.ffn

// NO-LINEAR-LABEL: func.func private @layer(
// NO-LINEAR-NOT:     transformer.linear_split
// NO-LINEAR:         transformer.attention
// NO-LINEAR:         transformer.residual_norm
// NO-LINEAR-NOT:     transformer.linear_split
// NO-LINEAR:         transformer.activation

// NO-NORM-LABEL: func.func private @layer(
// NO-NORM:         transformer.linear_split
// NO-NORM:         transformer.scale
// NO-NORM:         transformer.attention
// NO-NORM:         transformer.norm
// NO-NORM:         transformer.ffn
func.func private @layer(%x: !x, %record: index, %layer: index, %w: tensor<8x8xf32>, %up: tensor<16x8xf32>, %down: tensor<8x16xf32>, %batch: !b, %cache: !cache) -> !x {
  %c0 = arith.constant 0 : index
  %n = transformer.norm rms %x {eps = 1.0e-5 : f64} : !x
  %q = transformer.linear %n, %w : (!x, tensor<8x8xf32>) -> !x
  %qs = transformer.scale %q {factor = 0.5 : f64} : !x
  %wk = transformer.weight @k[%record] : tensor<8x8xf32>
  %k = transformer.linear %n, %wk : (!x, tensor<8x8xf32>) -> !x
  %tokens = tensor.dim %x, %c0 : !x
  %qh = tensor.expand_shape %qs [[0], [1, 2]] output_shape [%tokens, 2, 4] : !x into !q
  %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%tokens, 2, 4] : !x into !q
  %K, %V = transformer.cache_update %cache[%layer], %kh, %kh, %batch : !cache, !q, !q, !b -> !q, !q
  %s = transformer.scores %qh, %K, %batch : (!q, !q, !b) -> !s
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : !s, !b
  %p = transformer.softmax %m : !s
  transformer.tap "attentions"[%layer], %p : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !q, !b) -> !q
  %of = tensor.collapse_shape %o [[0], [1, 2]] : !q into !x
  %y = transformer.linear %of, %w : (!x, tensor<8x8xf32>) -> !x
  %z = arith.addf %x, %y : !x
  %n2 = transformer.norm rms %z {eps = 1.0e-5 : f64} : !x
  %wg = transformer.weight @gate[%record] : tensor<16x8xf32>
  %g = transformer.linear %n2, %wg : (!x, tensor<16x8xf32>) -> !h
  %u = transformer.linear %n2, %up : (!x, tensor<16x8xf32>) -> !h
  %a = transformer.activation silu %g : !h
  %gu = arith.mulf %a, %u : !h
  %f = transformer.linear %gu, %down : (!h, tensor<8x16xf32>) -> !x
  %r = arith.addf %z, %f : !x
  return %r : !x
}

transformer.parameter @k : tensor<8x8xf32> source "blk.{}.k" layers [0, 1]
transformer.parameter @gate : tensor<16x8xf32> source "blk.{}.gate" layers [0, 1]

func.func @step(%x: !x, %w: tensor<8x8xf32>, %up: tensor<16x8xf32>, %down: tensor<8x16xf32>, %batch: !b, %cache: !cache) -> !x {
  %y = transformer.repeat @layer(%x, %w, %up, %down, %batch, %cache) {record = 0 : i64, first = 0 : i64, count = 2 : i64} : (!x, tensor<8x8xf32>, tensor<16x8xf32>, tensor<8x16xf32>, !b, !cache) -> !x
  return %y : !x
}
