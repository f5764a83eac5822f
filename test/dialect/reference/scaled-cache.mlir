// RUN: attune-reference %s --cache-rows=2 | FileCheck %s

// A row's elements of a head are integers times the largest magnitude / 127, ties to even: 0.5, 1.5 and 2.5 of a scale of 1 are 0, 2 and 2. Each
// head has its own scale, keys and values too; zeros stay zeros.
!cache = !transformer.cache<1 x 2 x 4 x 2 x i8>
// CHECK: rounded#0: tensor<2x2x4xf32> {{\[\[\[}}127, 0, 2, 2], [0, 0, 0, 0]], {{\[\[}}254, 4, -4, 2], [1, -1, 1, 1]]]
// CHECK: rounded#1: tensor<2x2x2xf32> {{\[\[\[}}-127, 1], [12.7, 0.1]], {{\[\[}}0, 0], [1, 0.503937]]]
func.func @rounded(%cache: !cache) -> (tensor<?x2x4xf32>, tensor<?x2x2xf32>) {
  %layer = arith.constant 0 : index
  %k = arith.constant dense<[[[127.0, 0.5, 1.5, 2.5], [0.0, 0.0, 0.0, 0.0]], [[254.0, 3.1, -4.9, 2.9], [1.0, -1.0, 1.0, 1.0]]]> : tensor<2x2x4xf32>
  %v = arith.constant dense<[[[-127.0, 0.51], [12.7, 0.1]], [[0.0, 0.0], [1.0, 0.5]]]> : tensor<2x2x2xf32>
  %batch = arith.constant dense<[[0, 0, 2], [1, 0, 2]]> : tensor<2x3xi32>
  %K, %V = transformer.cache_update %cache[%layer], %k, %v, %batch : !cache, tensor<2x2x4xf32>, tensor<2x2x2xf32>, tensor<2x3xi32> -> tensor<?x2x4xf32>, tensor<?x2x2xf32>
  return %K, %V : tensor<?x2x4xf32>, tensor<?x2x2xf32>
}
