// RUN: attune-reference %s | FileCheck %s
// RUN: attune-reference %s --precision=f32 | FileCheck %s
// Numbers at the edges of types, the same in f32.

// 4096 equal scores: each weight 1/4096 = 0.000244141, their sum (a weighted sum of ones) 1.
// CHECK: equal_scores#0: tensor<1x1x1xf32> {{\[\[\[}}1]]]
// CHECK: equal_scores#1: tensor<1x1x1xf32> {{\[\[\[}}1]]]
func.func @equal_scores() -> (tensor<1x1x1xf32>, tensor<1x1x1xf32>) {
  %s = arith.constant dense<3.0> : tensor<1x1x4096xf32>
  %ones = arith.constant dense<1.0> : tensor<4096x1x1xf16>
  %batch = arith.constant dense<[[4095, 0, 4096]]> : tensor<1x3xi32>
  %p = transformer.softmax %s : tensor<1x1x4096xf32>
  %o = transformer.weighted_sum %p, %ones, %batch : (tensor<1x1x4096xf32>, tensor<4096x1x1xf16>, tensor<1x3xi32>) -> tensor<1x1x1xf32>
  %q = arith.constant dense<3.0> : tensor<1x1x1xf32>
  %f = transformer.attention %q, %ones, %ones, %batch {mask = #transformer.mask<causal = true>} : (tensor<1x1x1xf32>, tensor<4096x1x1xf16>, tensor<4096x1x1xf16>, tensor<1x3xi32>) -> tensor<1x1x1xf32>
  return %o, %f : tensor<1x1x1xf32>, tensor<1x1x1xf32>
}

// q . k = 40000 * 4 is beyond f16 (65504) before the scale of 1/160000: scores 1 and 2.
// CHECK: large_products: tensor<1x1x2xf32> {{\[\[\[}}1, 2]]]
func.func @large_products() -> tensor<1x1x2xf32> {
  %q = arith.constant dense<200.0> : tensor<1x1x4xf32>
  %k = arith.constant dense<[[[200.0, 200.0, 200.0, 200.0]], [[400.0, 400.0, 400.0, 400.0]]]> : tensor<2x1x4xf16>
  %batch = arith.constant dense<[[1, 0, 2]]> : tensor<1x3xi32>
  %s = transformer.scores %q, %k, %batch {scale = 6.25e-6 : f64} : (tensor<1x1x4xf32>, tensor<2x1x4xf16>, tensor<1x3xi32>) -> tensor<1x1x2xf32>
  return %s : tensor<1x1x2xf32>
}

// exp of large scores does not overflow: only differences count. 1 / (1 + e) = 0.268941. Far apart: one of them.
// CHECK: large_scores: tensor<2x1x2xf32> {{\[\[\[}}0.268941, 0.731059]], {{\[\[}}1, 0]]]
func.func @large_scores() -> tensor<2x1x2xf32> {
  %s = arith.constant dense<[[[100000.0, 100001.0]], [[3.0e38, -3.0e38]]]> : tensor<2x1x2xf32>
  %p = transformer.softmax %s : tensor<2x1x2xf32>
  return %p : tensor<2x1x2xf32>
}

// A bias of minus infinity is a mask: key 1 is as if it were not there; where all keys are biased so, zeros.
// CHECK: infinite_bias: tensor<2x1x3xf32> {{\[\[\[}}0.5, 0, 0.5]], {{\[\[}}0, 0, 0]]]
func.func @infinite_bias() -> tensor<2x1x3xf32> {
  %s = arith.constant dense<1.0> : tensor<2x1x3xf32>
  %bias = arith.constant dense<[[[0.0, 0xFF800000, 0.0]], [[0xFF800000, 0xFF800000, 0xFF800000]]]> : tensor<2x1x3xf32>
  %b = arith.addf %s, %bias : tensor<2x1x3xf32>
  %p = transformer.softmax %b : tensor<2x1x3xf32>
  return %p : tensor<2x1x3xf32>
}

// A bias of the lowest finite f16 in a padded causal row: selection, so nothing overflows; the row's own key gets all.
// CHECK: lowest_bias: tensor<1x1x3xf32> {{\[\[\[}}0, 1, 0]]]
func.func @lowest_bias() -> tensor<1x1x3xf32> {
  %s = arith.constant dense<[[[-65504.0, 2.0, 2.0]]]> : tensor<1x1x3xf32>
  %batch = arith.constant dense<[[1, 0, 2]]> : tensor<1x3xi32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<1x1x3xf32>, tensor<1x3xi32>
  %p = transformer.softmax %m : tensor<1x1x3xf32>
  return %p : tensor<1x1x3xf32>
}

// Hidden keys have no part in the sum, nor do sinks bring a hidden row to life.
// CHECK: hidden#0: tensor<2x1x2xf32> {{\[\[\[}}1, 0]], {{\[\[}}0, 0]]]
// CHECK: hidden#1: tensor<2x1x2xf32> {{\[\[\[}}0.5, 0]], {{\[\[}}0, 0]]]
func.func @hidden() -> (tensor<2x1x2xf32>, tensor<2x1x2xf32>) {
  %s = arith.constant dense<[[[3.0, 0xFF800000]], [[0xFF800000, 0xFF800000]]]> : tensor<2x1x2xf32>
  %sinks = arith.constant dense<[3.0]> : tensor<1xf32>
  %0 = transformer.sum_normalize %s : tensor<2x1x2xf32>
  %1 = transformer.softmax %s sinks %sinks : tensor<1xf32> : tensor<2x1x2xf32>
  return %0, %1 : tensor<2x1x2xf32>, tensor<2x1x2xf32>
}

// The lecture's example: scores 28 and 43 as shares of 71.
// CHECK: shares: tensor<1x1x2xf32> {{\[\[\[}}0.394366, 0.605634]]]
func.func @shares() -> tensor<1x1x2xf32> {
  %s = arith.constant dense<[[[28.0, 43.0]]]> : tensor<1x1x2xf32>
  %p = transformer.sum_normalize %s : tensor<1x1x2xf32>
  return %p : tensor<1x1x2xf32>
}

// Rounding of a cache's types: 1 + 2^-11 is between the f16 neighbours 1 and 1 + 2^-10, 1 + 2^-8 between bf16's; ties to even.
// CHECK: rounding#0: tensor<3xf32> [1, 1.00195, 65504]
// CHECK: rounding#1: tensor<3xf32> [1, 1.01562, 65536]
func.func @rounding() -> (tensor<3xf32>, tensor<3xf32>) {
  %a = arith.constant dense<[1.00048828125, 1.00146484375, 65504.0]> : tensor<3xf32>
  %b = arith.constant dense<[1.00390625, 1.01171875, 65504.0]> : tensor<3xf32>
  %0 = arith.truncf %a : tensor<3xf32> to tensor<3xf16>
  %1 = arith.truncf %b : tensor<3xf32> to tensor<3xbf16>
  %2 = arith.extf %0 : tensor<3xf16> to tensor<3xf32>
  %3 = arith.extf %1 : tensor<3xbf16> to tensor<3xf32>
  return %2, %3 : tensor<3xf32>, tensor<3xf32>
}
