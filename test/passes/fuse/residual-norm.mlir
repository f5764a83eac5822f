// RUN: attune-opt %s --transformer-fuse-residual-norm | FileCheck %s
// An addition and the norm of its sum become one operation.

!x = tensor<?x8xf32>
!v = tensor<8xf32>

transformer.parameter @norm : !v source "blk.{}.norm" layers [0, 1]

// CHECK-LABEL: func.func @pre_norm(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8xf32>)
// CHECK-NEXT:    %[[Z:.*]], %[[N:.*]] = transformer.residual_norm rms %[[X]], %[[Y]] weight %[[W]] : tensor<8xf32> {eps = 1.000000e-05 : f64, weight_offset = 1.000000e+00 : f64}
// CHECK-NEXT:    return %[[Z]], %[[N]]
func.func @pre_norm(%x: !x, %y: !x, %w: !v) -> (!x, !x) {
  %z = arith.addf %x, %y : !x
  %n = transformer.norm rms %z weight %w : !v {eps = 1.0e-5 : f64, weight_offset = 1.0 : f64} : !x
  return %z, %n : !x, !x
}

// CHECK-LABEL: func.func @post_norm(
// CHECK-NEXT:    %{{.*}}, %[[N:.*]] = transformer.residual_norm layer %{{.*}}, %{{.*}} weight %{{.*}} : tensor<8xf32> bias %{{.*}} : tensor<8xf32>
// CHECK-NEXT:    return %[[N]]
func.func @post_norm(%x: !x, %y: !x, %w: !v, %b: !v) -> !x {
  %z = arith.addf %x, %y : !x
  %n = transformer.norm layer %z weight %w : !v bias %b : !v {eps = 1.0e-5 : f64} : !x
  return %n : !x
}

// The sum is used before the norm: the new operation stands where the addition stood, and the weight moves up.
// CHECK-LABEL: func.func @sum_used_before_norm(
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x8xf32>, %[[Y:[a-z0-9]*]]: tensor<?x8xf32>, %[[RECORD:[a-z0-9]*]]: index)
// CHECK-NEXT:    %[[W:.*]] = transformer.weight @norm[%[[RECORD]]]
// CHECK-NEXT:    %[[Z:.*]], %[[N:.*]] = transformer.residual_norm rms %[[X]], %[[Y]] weight %[[W]]
// CHECK-NEXT:    transformer.tap "hidden_states", %[[Z]]
// CHECK-NEXT:    return %[[N]]
func.func @sum_used_before_norm(%x: !x, %y: !x, %record: index) -> !x {
  %z = arith.addf %x, %y : !x
  transformer.tap "hidden_states", %z : !x
  %w = transformer.weight @norm[%record] : !v
  %n = transformer.norm rms %z weight %w : !v {eps = 1.0e-5 : f64} : !x
  return %n : !x
}

// Parallel attention and feed-forward have a norm each: the first one fuses.
// CHECK-LABEL: func.func @two_norms_of_one_sum(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<?x8xf32>, %[[A:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK-NEXT:    %[[Z:.*]], %[[N:.*]] = transformer.residual_norm rms %[[X]], %[[Y]] weight %[[A]]
// CHECK-NEXT:    %[[M:.*]] = transformer.norm rms %[[Z]] weight %[[B]]
// CHECK-NEXT:    return %[[N]], %[[M]]
func.func @two_norms_of_one_sum(%x: !x, %y: !x, %a: !v, %b: !v) -> (!x, !x) {
  %z = arith.addf %x, %y : !x
  %n = transformer.norm rms %z weight %a : !v {eps = 1.0e-5 : f64} : !x
  %m = transformer.norm rms %z weight %b : !v {eps = 1.0e-5 : f64} : !x
  return %n, %m : !x, !x
}

// CHECK-LABEL: func.func @norm_of_heads(
// CHECK-NOT:     transformer.residual_norm
// CHECK:         return
func.func @norm_of_heads(%x: tensor<?x2x8xf32>, %y: tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
  %z = arith.addf %x, %y : tensor<?x2x8xf32>
  %n = transformer.norm rms %z {eps = 1.0e-5 : f64} : tensor<?x2x8xf32>
  return %n : tensor<?x2x8xf32>
}

// CHECK-LABEL: func.func @fast_math(
// CHECK-NOT:     transformer.residual_norm
// CHECK:         return
func.func @fast_math(%x: !x, %y: !x) -> !x {
  %z = arith.addf %x, %y fastmath<nnan> : !x
  %n = transformer.norm rms %z {eps = 1.0e-5 : f64} : !x
  return %n : !x
}

// CHECK-LABEL: func.func @weight_computed_later(
// CHECK-NOT:     transformer.residual_norm
// CHECK:         return
func.func @weight_computed_later(%x: !x, %y: !x, %v: !v) -> !x {
  %z = arith.addf %x, %y : !x
  %w = arith.mulf %v, %v : !v
  %n = transformer.norm rms %z weight %w : !v {eps = 1.0e-5 : f64} : !x
  return %n : !x
}

// CHECK-LABEL: func.func @not_a_sum(
// CHECK-NOT:     transformer.residual_norm
// CHECK:         return
func.func @not_a_sum(%x: !x, %y: !x) -> !x {
  %z = arith.subf %x, %y : !x
  %n = transformer.norm rms %z {eps = 1.0e-5 : f64} : !x
  return %n : !x
}
