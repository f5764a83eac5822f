// RUN: attune-reference %s | FileCheck %s
// Biases of distances: 10 tokens that each look at 10 keys. The table holds each bucket's number, 100 more in the second head, so results
// show which bucket serves which distance; scores are 0. Expected buckets are those of T5's formula, computed apart in NumPy's f32.

func.func private @scores() -> (tensor<?x2x?xf32>, tensor<?x3xi32>) {
  %s = arith.constant dense<0.0> : tensor<10x2x10xf32>
  %batch = arith.constant dense<[[0, 0, 10], [1, 0, 10], [2, 0, 10], [3, 0, 10], [4, 0, 10], [5, 0, 10], [6, 0, 10], [7, 0, 10], [8, 0, 10], [9, 0, 10]]> : tensor<10x3xi32>
  %0 = tensor.cast %s : tensor<10x2x10xf32> to tensor<?x2x?xf32>
  %1 = tensor.cast %batch : tensor<10x3xi32> to tensor<?x3xi32>
  return %0, %1 : tensor<?x2x?xf32>, tensor<?x3xi32>
}

// Both directions: later keys have the upper half of the buckets. Distances past 6 have the bias of 6.
// CHECK: both_ways#0: tensor<2x13xf32> {{\[\[}}3, 3, 3, 2, 2, 1, 0, 5, 6, 6, 7, 7, 7], [103, 103, 103, 102, 102, 101, 100, 105, 106, 106, 107, 107, 107]]
// CHECK: both_ways#1: tensor<10x2x10xf32> {{\[\[\[}}0, 5, 6, 6, 7, 7, 7, 7, 7, 7], [100, 105, 106, 106, 107, 107, 107, 107, 107, 107]], {{\[\[}}1, 0, 5, 6, 6, 7, 7, 7, 7, 7], [101, 100, 105, 106, 106, 107, 107, 107, 107, 107]], {{\[\[}}2, 1, 0, 5, 6, 6, 7, 7, 7, 7], [102, 101, 100, 105, 106, 106, 107, 107, 107, 107]], {{\[\[}}2, 2, 1, 0, 5, 6, 6, 7, 7, 7], [102, 102, 101, 100, 105, 106, 106, 107, 107, 107]], {{\[\[}}3, 2, 2, 1, 0, 5, 6, 6, 7, 7], [103, 102, 102, 101, 100, 105, 106, 106, 107, 107]], {{\[\[}}3, 3, 2, 2, 1, 0, 5, 6, 6, 7], [103, 103, 102, 102, 101, 100, 105, 106, 106, 107]], {{\[\[}}3, 3, 3, 2, 2, 1, 0, 5, 6, 6], [103, 103, 103, 102, 102, 101, 100, 105, 106, 106]], {{\[\[}}3, 3, 3, 3, 2, 2, 1, 0, 5, 6], [103, 103, 103, 103, 102, 102, 101, 100, 105, 106]], {{\[\[}}3, 3, 3, 3, 3, 2, 2, 1, 0, 5], [103, 103, 103, 103, 103, 102, 102, 101, 100, 105]], {{\[\[}}3, 3, 3, 3, 3, 3, 2, 2, 1, 0], [103, 103, 103, 103, 103, 103, 102, 102, 101, 100]]]
func.func @both_ways() -> (tensor<2x13xf32>, tensor<?x2x?xf32>) {
  %table = arith.constant dense<[0.0, 100.0, 1.0, 101.0, 2.0, 102.0, 3.0, 103.0, 4.0, 104.0, 5.0, 105.0, 6.0, 106.0, 7.0, 107.0]> : tensor<16xf32>
  %s, %batch = call @scores() : () -> (tensor<?x2x?xf32>, tensor<?x3xi32>)
  %bias = transformer.distance_bias %table {buckets = 8 : i64, max_distance = 6 : i64, bidirectional} : (tensor<16xf32>) -> tensor<2x13xf32>
  %r = transformer.relative_bias %s, %bias, %batch : tensor<?x2x?xf32>, tensor<2x13xf32>, tensor<?x3xi32>
  return %bias, %r : tensor<2x13xf32>, tensor<?x2x?xf32>
}

// Causal: keys that come later share bucket 0.
// CHECK: earlier_keys#0: tensor<2x13xf32> {{\[\[}}7, 6, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0], [107, 106, 104, 103, 102, 101, 100, 100, 100, 100, 100, 100, 100]]
// CHECK: earlier_keys#1: tensor<10x2x10xf32> {{\[\[\[}}0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [100, 100, 100, 100, 100, 100, 100, 100, 100, 100]], {{\[\[}}1, 0, 0, 0, 0, 0, 0, 0, 0, 0], [101, 100, 100, 100, 100, 100, 100, 100, 100, 100]], {{\[\[}}2, 1, 0, 0, 0, 0, 0, 0, 0, 0], [102, 101, 100, 100, 100, 100, 100, 100, 100, 100]], {{\[\[}}3, 2, 1, 0, 0, 0, 0, 0, 0, 0], [103, 102, 101, 100, 100, 100, 100, 100, 100, 100]], {{\[\[}}4, 3, 2, 1, 0, 0, 0, 0, 0, 0], [104, 103, 102, 101, 100, 100, 100, 100, 100, 100]], {{\[\[}}6, 4, 3, 2, 1, 0, 0, 0, 0, 0], [106, 104, 103, 102, 101, 100, 100, 100, 100, 100]], {{\[\[}}7, 6, 4, 3, 2, 1, 0, 0, 0, 0], [107, 106, 104, 103, 102, 101, 100, 100, 100, 100]], {{\[\[}}7, 7, 6, 4, 3, 2, 1, 0, 0, 0], [107, 107, 106, 104, 103, 102, 101, 100, 100, 100]], {{\[\[}}7, 7, 7, 6, 4, 3, 2, 1, 0, 0], [107, 107, 107, 106, 104, 103, 102, 101, 100, 100]], {{\[\[}}7, 7, 7, 7, 6, 4, 3, 2, 1, 0], [107, 107, 107, 107, 106, 104, 103, 102, 101, 100]]]
func.func @earlier_keys() -> (tensor<2x13xf32>, tensor<?x2x?xf32>) {
  %table = arith.constant dense<[0.0, 100.0, 1.0, 101.0, 2.0, 102.0, 3.0, 103.0, 4.0, 104.0, 5.0, 105.0, 6.0, 106.0, 7.0, 107.0]> : tensor<16xf32>
  %s, %batch = call @scores() : () -> (tensor<?x2x?xf32>, tensor<?x3xi32>)
  %bias = transformer.distance_bias %table {buckets = 8 : i64, max_distance = 6 : i64} : (tensor<16xf32>) -> tensor<2x13xf32>
  %r = transformer.relative_bias %s, %bias, %batch : tensor<?x2x?xf32>, tensor<2x13xf32>, tensor<?x3xi32>
  return %bias, %r : tensor<2x13xf32>, tensor<?x2x?xf32>
}

// The sizes of published models: 32 buckets up to distance 128, whose ends fall on whole distances (16, 32, 64).
// CHECK: published#0: tensor<1x257xf32> {{\[\[}}15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 11, 11, 11, 11, 11, 11, 11, 11, 10, 10, 10, 10, 10, 10, 10, 9, 9, 9, 9, 8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 17, 18, 19, 20, 21, 22, 23, 24, 24, 24, 24, 25, 25, 25, 25, 26, 26, 26, 26, 26, 26, 26, 27, 27, 27, 27, 27, 27, 27, 27, 27, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31]]
// CHECK: published#1: tensor<1x257xf32> {{\[\[}}31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 26, 26, 26, 26, 26, 26, 26, 26, 25, 25, 25, 25, 25, 25, 25, 24, 24, 24, 24, 24, 24, 23, 23, 23, 23, 23, 23, 22, 22, 22, 22, 22, 21, 21, 21, 21, 20, 20, 20, 20, 19, 19, 19, 18, 18, 18, 17, 17, 16, 16, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
func.func @published() -> (tensor<1x257xf32>, tensor<1x257xf32>) {
  %table = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 30.0, 31.0]> : tensor<32xf32>
  %both = transformer.distance_bias %table {buckets = 32 : i64, max_distance = 128 : i64, bidirectional} : (tensor<32xf32>) -> tensor<1x257xf32>
  %earlier = transformer.distance_bias %table {buckets = 32 : i64, max_distance = 128 : i64} : (tensor<32xf32>) -> tensor<1x257xf32>
  return %both, %earlier : tensor<1x257xf32>, tensor<1x257xf32>
}

// A step of the cache: the bias of a token is that of its position, whatever its row. And fused attention takes the same bias as its parts.
// CHECK: fused_both_ways#0: tensor<2x1x1xf32> {{\[\[\[}}0.911155]], {{\[\[}}1.00626]]]
// CHECK: fused_both_ways#1: tensor<2x1x1xf32> {{\[\[\[}}0.911155]], {{\[\[}}1.00626]]]
func.func @fused_both_ways() -> (tensor<?x1x1xf32>, tensor<?x1x1xf32>) {
  %table = arith.constant dense<[0.5, -1.0, 0.25, 1.5, 2.0, -0.5, 1.0, -2.0]> : tensor<8xf32>
  %q0 = arith.constant dense<[[[0.5, -1.0]], [[1.0, 0.25]]]> : tensor<2x1x2xf32>
  %k0 = arith.constant dense<[[[0.25, 1.0]], [[-0.5, 0.5]], [[1.0, -0.75]], [[0.5, 0.5]], [[-1.0, 0.25]]]> : tensor<5x1x2xf32>
  %v0 = arith.constant dense<[[[1.0]], [[2.0]], [[-1.0]], [[0.5]], [[4.0]]]> : tensor<5x1x1xf32>
  %b0 = arith.constant dense<[[4, 0, 5], [2, 0, 5]]> : tensor<2x3xi32>
  %q = tensor.cast %q0 : tensor<2x1x2xf32> to tensor<?x1x2xf32>
  %k = tensor.cast %k0 : tensor<5x1x2xf32> to tensor<?x1x2xf32>
  %v = tensor.cast %v0 : tensor<5x1x1xf32> to tensor<?x1x1xf32>
  %batch = tensor.cast %b0 : tensor<2x3xi32> to tensor<?x3xi32>
  %bias = transformer.distance_bias %table {buckets = 8 : i64, max_distance = 6 : i64, bidirectional} : (tensor<8xf32>) -> tensor<1x13xf32>
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x3xi32>) -> tensor<?x1x?xf32>
  %r = transformer.relative_bias %s, %bias, %batch : tensor<?x1x?xf32>, tensor<1x13xf32>, tensor<?x3xi32>
  %m = transformer.mask %r, %batch {mask = #transformer.mask<>} : tensor<?x1x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x1x?xf32>, tensor<?x1x1xf32>, tensor<?x3xi32>) -> tensor<?x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch bias(%bias) {mask = #transformer.mask<>, scale = 0.5 : f64} : (tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?x3xi32>, tensor<1x13xf32>) -> tensor<?x1x1xf32>
  return %o, %f : tensor<?x1x1xf32>, tensor<?x1x1xf32>
}

// CHECK: fused_causal#0: tensor<2x1x1xf32> {{\[\[\[}}1.12979]], {{\[\[}}-0.0488486]]]
// CHECK: fused_causal#1: tensor<2x1x1xf32> {{\[\[\[}}1.12979]], {{\[\[}}-0.0488486]]]
func.func @fused_causal() -> (tensor<?x1x1xf32>, tensor<?x1x1xf32>) {
  %table = arith.constant dense<[0.5, -1.0, 0.25, 1.5, 2.0, -0.5, 1.0, -2.0]> : tensor<8xf32>
  %q0 = arith.constant dense<[[[0.5, -1.0]], [[1.0, 0.25]]]> : tensor<2x1x2xf32>
  %k0 = arith.constant dense<[[[0.25, 1.0]], [[-0.5, 0.5]], [[1.0, -0.75]], [[0.5, 0.5]], [[-1.0, 0.25]]]> : tensor<5x1x2xf32>
  %v0 = arith.constant dense<[[[1.0]], [[2.0]], [[-1.0]], [[0.5]], [[4.0]]]> : tensor<5x1x1xf32>
  %b0 = arith.constant dense<[[4, 0, 5], [2, 0, 5]]> : tensor<2x3xi32>
  %q = tensor.cast %q0 : tensor<2x1x2xf32> to tensor<?x1x2xf32>
  %k = tensor.cast %k0 : tensor<5x1x2xf32> to tensor<?x1x2xf32>
  %v = tensor.cast %v0 : tensor<5x1x1xf32> to tensor<?x1x1xf32>
  %batch = tensor.cast %b0 : tensor<2x3xi32> to tensor<?x3xi32>
  %bias = transformer.distance_bias %table {buckets = 8 : i64, max_distance = 6 : i64} : (tensor<8xf32>) -> tensor<1x13xf32>
  %s = transformer.scores %q, %k, %batch {scale = 0.5 : f64} : (tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x3xi32>) -> tensor<?x1x?xf32>
  %r = transformer.relative_bias %s, %bias, %batch : tensor<?x1x?xf32>, tensor<1x13xf32>, tensor<?x3xi32>
  %m = transformer.mask %r, %batch {mask = #transformer.mask<causal = true>} : tensor<?x1x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<?x1x?xf32>, tensor<?x1x1xf32>, tensor<?x3xi32>) -> tensor<?x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch bias(%bias) {mask = #transformer.mask<causal = true>, scale = 0.5 : f64} : (tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?x3xi32>, tensor<1x13xf32>) -> tensor<?x1x1xf32>
  return %o, %f : tensor<?x1x1xf32>, tensor<?x1x1xf32>
}
