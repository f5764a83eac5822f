// RUN: attune-opt %s --transformer-fuse-attention | FileCheck %s
// Scores, mask, normaliser and weighted sum become attention; an inner value with another use, or parts that do not fit, stay plain.

!q = tensor<?x4x8xf32>
!kv = tensor<?x2x8xf16>
!s = tensor<?x4x?xf32>
!b = tensor<?x3xi32>

// CHECK-LABEL: func.func @softmax(
// CHECK-SAME:    %[[Q:.*]]: tensor<?x4x8xf32>, %[[K:.*]]: tensor<?x2x8xf16>, %[[V:.*]]: tensor<?x2x8xf16>, %[[B:.*]]: tensor<?x3xi32>)
// CHECK-NEXT:    %[[O:.*]] = transformer.attention %[[Q]], %[[K]], %[[V]], %[[B]] {mask = #transformer.mask<causal = true, window = 4>, scale = 5.000000e-01 : f64}
// CHECK-NEXT:    return %[[O]]
func.func @softmax(%q: !q, %K: !kv, %V: !kv, %batch: !b) -> !q {
  %s = transformer.scores %q, %K, %batch {scale = 0.5 : f64} : (!q, !kv, !b) -> !s
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 4>} : !s, !b
  %p = transformer.softmax %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o : !q
}

// CHECK-LABEL: func.func @scale_soft_cap_sinks(
// CHECK-SAME:    %[[SINKS:[a-z0-9]*]]: tensor<4xf32>
// CHECK-NEXT:    transformer.attention {{.*}} sinks(%[[SINKS]]) {mask = #transformer.mask<>, scale = 2.500000e-01 : f64, soft_cap = 5.000000e+01 : f64}
// CHECK-NEXT:    return
func.func @scale_soft_cap_sinks(%q: !q, %K: !kv, %V: !kv, %batch: !b, %sinks: tensor<4xf32>) -> !q {
  %s = transformer.scores %q, %K, %batch {scale = 0.5 : f64} : (!q, !kv, !b) -> !s
  %t = transformer.scale %s {factor = 0.5 : f64} : !s
  %c = transformer.soft_cap %t {cap = 50.0 : f64} : !s
  %m = transformer.mask %c, %batch {mask = #transformer.mask<>} : !s, !b
  %p = transformer.softmax %m sinks %sinks : tensor<4xf32> : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o : !q
}

// CHECK-LABEL: func.func @relative_bias(
// CHECK-SAME:    %[[BIAS:[a-z0-9]*]]: tensor<4x9xf32>
// CHECK-NEXT:    transformer.attention {{.*}} bias(%[[BIAS]]) {mask = #transformer.mask<causal = true>, soft_cap = 3.000000e+01 : f64}
// CHECK-NEXT:    return
func.func @relative_bias(%q: !q, %K: !kv, %V: !kv, %batch: !b, %bias: tensor<4x9xf32>) -> !q {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %c = transformer.soft_cap %s {cap = 30.0 : f64} : !s
  %r = transformer.relative_bias %c, %bias, %batch : !s, tensor<4x9xf32>, !b
  %m = transformer.mask %r, %batch {mask = #transformer.mask<causal = true>} : !s, !b
  %p = transformer.softmax %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o : !q
}

// A bias by the distances of another batch, or one in front of the cap, is not what attention adds.
// CHECK-LABEL: func.func @bias_elsewhere(
// CHECK-NOT:     transformer.attention
// CHECK:         return
func.func @bias_elsewhere(%q: !q, %K: !kv, %V: !kv, %batch: !b, %other: !b, %bias: tensor<4x9xf32>) -> (!q, !q) {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %r = transformer.relative_bias %s, %bias, %other : !s, tensor<4x9xf32>, !b
  %m = transformer.mask %r, %batch {mask = #transformer.mask<>} : !s, !b
  %p = transformer.softmax %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  %s2 = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %r2 = transformer.relative_bias %s2, %bias, %batch : !s, tensor<4x9xf32>, !b
  %c2 = transformer.soft_cap %r2 {cap = 30.0 : f64} : !s
  %m2 = transformer.mask %c2, %batch {mask = #transformer.mask<>} : !s, !b
  %p2 = transformer.softmax %m2 : !s
  %o2 = transformer.weighted_sum %p2, %V, %batch : (!s, !kv, !b) -> !q
  return %o, %o2 : !q, !q
}

// CHECK-LABEL: func.func @sum(
// CHECK-NEXT:    transformer.attention {{.*}} {mask = #transformer.mask<>, normalizer = #transformer{{.*}}sum>}
// CHECK-NEXT:    return
func.func @sum(%q: !q, %K: !kv, %V: !kv, %batch: !b) -> !q {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : !s, !b
  %p = transformer.sum_normalize %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o : !q
}

// The order of operations and other operations between them do not matter.
// CHECK-LABEL: func.func @two_interleaved(
// CHECK-SAME:    %[[Q:[a-z0-9]*]]: tensor<?x4x8xf32>, %[[R:[a-z0-9]*]]: tensor<?x4x8xf32>
// CHECK-NEXT:    transformer.attention %[[R]], {{.*}} {mask = #transformer.mask<causal = true>}
// CHECK-NEXT:    transformer.attention %[[Q]], {{.*}} {mask = #transformer.mask<>}
// CHECK-NEXT:    return
func.func @two_interleaved(%q: !q, %r: !q, %K: !kv, %V: !kv, %batch: !b) -> (!q, !q) {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %t = transformer.scores %r, %K, %batch : (!q, !kv, !b) -> !s
  %n = transformer.mask %t, %batch {mask = #transformer.mask<causal = true>} : !s, !b
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : !s, !b
  %w = transformer.softmax %n : !s
  %p = transformer.softmax %m : !s
  %u = transformer.weighted_sum %w, %V, %batch : (!s, !kv, !b) -> !q
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o, %u : !q, !q
}

// CHECK-LABEL: func.func @tapped_weights(
// CHECK-NOT:     transformer.attention
// CHECK:         transformer.weighted_sum
func.func @tapped_weights(%q: !q, %K: !kv, %V: !kv, %batch: !b) -> !q {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : !s, !b
  %p = transformer.softmax %m : !s
  transformer.tap "attentions", %p : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o : !q
}

// CHECK-LABEL: func.func @scores_used_elsewhere(
// CHECK-NOT:     transformer.attention
// CHECK:         transformer.weighted_sum
func.func @scores_used_elsewhere(%q: !q, %K: !kv, %V: !kv, %batch: !b) -> (!q, !s) {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : !s, !b
  %p = transformer.softmax %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o, %s : !q, !s
}

// CHECK-LABEL: func.func @other_batch(
// CHECK-NOT:     transformer.attention
// CHECK:         transformer.weighted_sum
func.func @other_batch(%q: !q, %K: !kv, %V: !kv, %batch: !b, %other: !b) -> !q {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %m = transformer.mask %s, %other {mask = #transformer.mask<causal = true>} : !s, !b
  %p = transformer.softmax %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o : !q
}

// CHECK-LABEL: func.func @other_value_size(
// CHECK:         transformer.attention {{.*}} -> tensor<?x4x6xf32>
// CHECK-NOT:     transformer.weighted_sum
func.func @other_value_size(%q: !q, %K: !kv, %V: tensor<?x2x6xf16>, %batch: !b) -> tensor<?x4x6xf32> {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : !s, !b
  %p = transformer.softmax %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, tensor<?x2x6xf16>, !b) -> tensor<?x4x6xf32>
  return %o : tensor<?x4x6xf32>
}

// CHECK-LABEL: func.func @other_value_heads(
// CHECK-NOT:     transformer.attention
// CHECK:         transformer.weighted_sum
func.func @other_value_heads(%q: !q, %K: !kv, %V: tensor<?x1x8xf16>, %batch: !b) -> !q {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : !s, !b
  %p = transformer.softmax %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, tensor<?x1x8xf16>, !b) -> !q
  return %o : !q
}

// A factor behind the soft cap is not one of the scores.
// CHECK-LABEL: func.func @scale_of_capped(
// CHECK-NOT:     transformer.attention
// CHECK:         transformer.weighted_sum
func.func @scale_of_capped(%q: !q, %K: !kv, %V: !kv, %batch: !b) -> !q {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %c = transformer.soft_cap %s {cap = 50.0 : f64} : !s
  %t = transformer.scale %c {factor = 0.5 : f64} : !s
  %m = transformer.mask %t, %batch {mask = #transformer.mask<>} : !s, !b
  %p = transformer.softmax %m : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o : !q
}

// Without a mask, keys past the key count take part with score 0: not what attention computes.
// CHECK-LABEL: func.func @no_mask(
// CHECK-NOT:     transformer.attention
// CHECK:         transformer.weighted_sum
func.func @no_mask(%q: !q, %K: !kv, %V: !kv, %batch: !b) -> !q {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %p = transformer.softmax %s : !s
  %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
  return %o : !q
}

// Work is not moved into a region that may run often.
// CHECK-LABEL: func.func @other_block(
// CHECK-NOT:     transformer.attention
// CHECK:         transformer.weighted_sum
func.func @other_block(%q: !q, %K: !kv, %V: !kv, %batch: !b, %many: i1) -> !q {
  %s = transformer.scores %q, %K, %batch : (!q, !kv, !b) -> !s
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : !s, !b
  %r = scf.if %many -> !q {
    %p = transformer.softmax %m : !s
    %o = transformer.weighted_sum %p, %V, %batch : (!s, !kv, !b) -> !q
    scf.yield %o : !q
  } else {
    scf.yield %q : !q
  }
  return %r : !q
}
