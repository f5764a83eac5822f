// RUN: attune-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize --cse --split-input-file | FileCheck %s
// Sizes of results in terms of those of operands.

// CHECK-LABEL: @rows
// CHECK-SAME: (%[[IDS:.*]]: tensor<?xi32>, %[[TABLE:.*]]: tensor<8x4xf32>, %[[W:.*]]: tensor<?x4xf32>, %[[ROWS:.*]]: tensor<?xi32>)
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[IDS]]
// CHECK-DAG: %[[OUT:.*]] = tensor.dim %[[W]]
// CHECK-DAG: %[[R:.*]] = tensor.dim %[[ROWS]]
// CHECK: return %[[N]], %[[OUT]], %[[R]]
func.func @rows(%ids: tensor<?xi32>, %table: tensor<8x4xf32>, %w: tensor<?x4xf32>, %rows: tensor<?xi32>) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %x = transformer.embed %ids, %table : (tensor<?xi32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %n = transformer.norm rms %x {eps = 0.0 : f64} : tensor<?x4xf32>
  %sum, %r = transformer.residual_norm rms %x, %n {eps = 0.0 : f64} : tensor<?x4xf32>
  %a = transformer.activation relu %r : tensor<?x4xf32>
  %b = transformer.soft_cap %a {cap = 1.0 : f64} : tensor<?x4xf32>
  %c = transformer.scale %b {factor = 2.0 : f64} : tensor<?x4xf32>
  %y = transformer.linear %c, %w : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x?xf32>
  %g = transformer.gather %y, %rows : (tensor<?x?xf32>, tensor<?xi32>) -> tensor<?x?xf32>
  %0 = tensor.dim %y, %c0 : tensor<?x?xf32>
  %1 = tensor.dim %g, %c1 : tensor<?x?xf32>
  %2 = tensor.dim %g, %c0 : tensor<?x?xf32>
  return %0, %1, %2 : index, index, index
}

// -----

// CHECK-LABEL: @several
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[A:.*]]: tensor<?x4xf32>, %[[B:.*]]: tensor<?x4xf32>, %[[D:.*]]: tensor<?x?xf32>)
// CHECK-DAG: %[[NB:.*]] = tensor.dim %[[B]]
// CHECK-DAG: %[[NX:.*]] = tensor.dim %[[X]]
// CHECK-DAG: %[[ND:.*]] = tensor.dim %[[D]]
// CHECK: return %[[NB]], %[[NX]], %[[ND]]
func.func @several(%x: tensor<?x4xf32>, %a: tensor<?x4xf32>, %b: tensor<?x4xf32>, %d: tensor<?x?xf32>) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0:2 = transformer.linear_split %x weights(%a, %b) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>)
  %1 = transformer.ffn silu %x up(%a) down(%d) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %2 = tensor.dim %0#1, %c1 : tensor<?x?xf32>
  %3 = tensor.dim %0#1, %c0 : tensor<?x?xf32>
  %4 = tensor.dim %1, %c1 : tensor<?x?xf32>
  return %2, %3, %4 : index, index, index
}

// -----

// The number of keys (the largest count in the batch) is not a size of an operand: it stays a tensor.dim of the scores.
// CHECK-LABEL: @attention
// CHECK-SAME: (%[[Q:.*]]: tensor<?x2x4xf32>, %[[K:.*]]: tensor<?x1x4xf32>, %[[BATCH:.*]]: tensor<?x3xi32>)
// CHECK-DAG: %[[S:.*]] = transformer.scores
// CHECK-DAG: %[[KEYS:.*]] = tensor.dim %[[S]]
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[Q]]
// CHECK: return %[[KEYS]], %[[N]], %[[N]]
func.func @attention(%q: tensor<?x2x4xf32>, %K: tensor<?x1x4xf32>, %batch: tensor<?x3xi32>) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %s = transformer.scores %q, %K, %batch : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x2x?xf32>
  %z = transformer.sum_normalize %p : tensor<?x2x?xf32>
  %o = transformer.weighted_sum %z, %K, %batch : (tensor<?x2x?xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  %f = transformer.attention %o, %K, %K, %batch {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  %0 = tensor.dim %z, %c2 : tensor<?x2x?xf32>
  %1 = tensor.dim %o, %c0 : tensor<?x2x4xf32>
  %2 = tensor.dim %f, %c0 : tensor<?x2x4xf32>
  return %0, %1, %2 : index, index, index
}

// -----

// CHECK-LABEL: @positions
// CHECK-SAME: (%[[BATCH:.*]]: tensor<?x3xi32>, %[[X:.*]]: tensor<?x2x4xf32>)
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[BATCH]]
// CHECK-DAG: %[[NX:.*]] = tensor.dim %[[X]]
// CHECK: return %[[N]], %[[N]], %[[N]], %[[NX]]
func.func @positions(%batch: tensor<?x3xi32>, %x: tensor<?x2x4xf32>) -> (index, index, index, index) {
  %c0 = arith.constant 0 : index
  %p = transformer.positions %batch : (tensor<?x3xi32>) -> tensor<?xi32>
  %s = transformer.position half_split %batch : (tensor<?x3xi32>) -> tensor<?x4xf32>
  %t = transformer.rotary_table %batch {frequencies = array<f32: 1.0, 0.1>} : (tensor<?x3xi32>) -> tensor<?x2x2xf32>
  %r = transformer.rotary interleaved %x, %t : tensor<?x2x4xf32>, tensor<?x2x2xf32>
  %0 = tensor.dim %p, %c0 : tensor<?xi32>
  %1 = tensor.dim %s, %c0 : tensor<?x4xf32>
  %2 = tensor.dim %t, %c0 : tensor<?x2x2xf32>
  %3 = tensor.dim %r, %c0 : tensor<?x2x4xf32>
  return %0, %1, %2, %3 : index, index, index, index
}

// -----

// CHECK-LABEL: @relative_bias
// CHECK-SAME: (%[[T:.*]]: tensor<64xf32>, %[[S:.*]]: tensor<?x2x?xf32>
// CHECK-DAG: %[[HEADS:.*]] = arith.constant 2 : index
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[S]]
// CHECK: return %[[HEADS]], %[[N]], %{{.*}}
func.func @relative_bias(%t: tensor<64xf32>, %s: tensor<?x2x?xf32>, %batch: tensor<?x3xi32>, %cache: !transformer.cache<2 x 3 x 4 x 6 x f16>, %l: index) -> (index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = transformer.distance_bias %t {buckets = 32 : i64, max_distance = 128 : i64} : (tensor<64xf32>) -> tensor<2x257xf32>
  %r = transformer.relative_bias %s, %b, %batch : tensor<?x2x?xf32>, tensor<2x257xf32>, tensor<?x3xi32>
  %K, %V = transformer.cache_read %cache[%l] : !transformer.cache<2 x 3 x 4 x 6 x f16> -> tensor<?x3x4xf16>, tensor<?x3x6xf16>
  %0 = tensor.dim %b, %c0 : tensor<2x257xf32>
  %1 = tensor.dim %r, %c0 : tensor<?x2x?xf32>
  %2 = tensor.dim %K, %c1 : tensor<?x3x4xf16>
  return %0, %1, %2 : index, index, index
}
