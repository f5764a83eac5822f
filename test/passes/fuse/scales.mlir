// RUN: attune-opt %s --transformer-fold-scales | FileCheck %s
// Factors of queries and keys move into the scale of attention.

!x = tensor<?x16xf32>
!q = tensor<?x2x8xf32>
!s = tensor<?x2x?xf32>
!b = tensor<?x3xi32>
!angles = tensor<?x2x4xf32>

// CHECK-LABEL: func.func @queries(
// CHECK-SAME:    %[[Q:[a-z0-9]*]]: tensor<?x2x8xf32>
// CHECK-NEXT:    transformer.scores %[[Q]], %{{.*}} {scale = 1.250000e-01 : f64}
// CHECK-NEXT:    return
func.func @queries(%q: !q, %K: !q, %batch: !b) -> !s {
  %t = transformer.scale %q {factor = 0.125 : f64} : !q
  %s = transformer.scores %t, %K, %batch : (!q, !q, !b) -> !s
  return %s : !s
}

// CHECK-LABEL: func.func @queries_and_keys(
// CHECK-SAME:    %[[Q:[a-z0-9]*]]: tensor<?x2x8xf32>, %[[K:[a-z0-9]*]]: tensor<?x2x8xf32>
// CHECK-NEXT:    %[[S:.*]] = transformer.scores %[[Q]], %[[K]], %{{.*}} {scale = 7.500000e-01 : f64}
// CHECK-NEXT:    return %[[S]]
func.func @queries_and_keys(%q: !q, %K: !q, %batch: !b) -> !s {
  %t = transformer.scale %q {factor = 0.5 : f64} : !q
  %u = transformer.scale %K {factor = 0.25 : f64} : !q
  %s = transformer.scores %t, %u, %batch {scale = 6.0 : f64} : (!q, !q, !b) -> !s
  return %s : !s
}

// Scaled before heads are split and rotated (BART, OPT); a size of the scaled value is no use of its elements.
// CHECK-LABEL: func.func @through_reshape_and_rotary(
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x16xf32>
// CHECK-NOT:     transformer.scale
// CHECK:         %[[N:.*]] = tensor.dim %[[X]]
// CHECK-NEXT:    %[[H:.*]] = tensor.expand_shape %[[X]]
// CHECK-NEXT:    %[[R:.*]] = transformer.rotary half_split %[[H]]
// CHECK-NEXT:    transformer.attention %[[R]], {{.*}} scale = 2.500000e-01 : f64
// CHECK-NEXT:    return
func.func @through_reshape_and_rotary(%x: !x, %K: !q, %V: !q, %batch: !b, %angles: !angles) -> !q {
  %c0 = arith.constant 0 : index
  %t = transformer.scale %x {factor = 0.25 : f64} : !x
  %n = tensor.dim %t, %c0 : !x
  %h = tensor.expand_shape %t [[0], [1, 2]] output_shape [%n, 2, 8] : !x into !q
  %r = transformer.rotary half_split %h, %angles : !q, !angles
  %o = transformer.attention %r, %K, %V, %batch {mask = #transformer.mask<>} : (!q, !q, !q, !b) -> !q
  return %o : !q
}

// CHECK-LABEL: func.func @scaled_queries_used_elsewhere(
// CHECK:         transformer.scale
// CHECK-NEXT:    transformer.scores %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
func.func @scaled_queries_used_elsewhere(%q: !q, %K: !q, %batch: !b) -> (!s, !q) {
  %t = transformer.scale %q {factor = 0.125 : f64} : !q
  %s = transformer.scores %t, %K, %batch : (!q, !q, !b) -> !s
  return %s, %t : !s, !q
}

// CHECK-LABEL: func.func @queries_are_keys(
// CHECK:         transformer.scale
// CHECK-NEXT:    transformer.scores %{{.*}}, %{{.*}}, %{{[a-z0-9]*}} :
func.func @queries_are_keys(%q: !q, %batch: !b) -> !s {
  %t = transformer.scale %q {factor = 0.125 : f64} : !q
  %s = transformer.scores %t, %t, %batch : (!q, !q, !b) -> !s
  return %s : !s
}

// A norm's result does not scale with its input.
// CHECK-LABEL: func.func @behind_a_norm(
// CHECK:         transformer.scale
func.func @behind_a_norm(%q: !q, %K: !q, %batch: !b) -> !s {
  %t = transformer.scale %q {factor = 0.125 : f64} : !q
  %n = transformer.norm rms %t {eps = 1.0e-5 : f64} : !q
  %s = transformer.scores %n, %K, %batch : (!q, !q, !b) -> !s
  return %s : !s
}

// The cache holds scaled keys, rounded to its type: later steps read them too.
// CHECK-LABEL: func.func @behind_the_cache(
// CHECK:         transformer.scale
// CHECK-NEXT:    transformer.cache_update
func.func @behind_the_cache(%q: !q, %k: !q, %cache: !transformer.cache<1 x 2 x 8 x 8 x f32>, %layer: index, %batch: !b) -> !s {
  %t = transformer.scale %k {factor = 0.125 : f64} : !q
  %K, %V = transformer.cache_update %cache[%layer], %t, %k, %batch : !transformer.cache<1 x 2 x 8 x 8 x f32>, !q, !q, !b -> !q, !q
  %s = transformer.scores %q, %K, %batch : (!q, !q, !b) -> !s
  return %s : !s
}

// CHECK-LABEL: func.func @capped_scores(
// CHECK:         transformer.soft_cap
// CHECK-NEXT:    transformer.scale
func.func @capped_scores(%q: !q, %K: !q, %batch: !b) -> !s {
  %s = transformer.scores %q, %K, %batch : (!q, !q, !b) -> !s
  %c = transformer.soft_cap %s {cap = 50.0 : f64} : !s
  %t = transformer.scale %c {factor = 0.5 : f64} : !s
  return %t : !s
}
