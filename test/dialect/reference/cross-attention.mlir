// RUN: attune-reference %s --cache-rows=32 | FileCheck %s
// One call stores a source's keys and values, another reads them: what cross-attention does.

!cache = !transformer.cache<2 x 1 x 1 x 1 x f32>

func.func private @store(%x: tensor<?x1x1xf32>, %batch: tensor<?x3xi32>, %cache: !cache) {
  %layer = arith.constant 1 : index
  transformer.cache_update %cache[%layer], %x, %x, %batch : !cache, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x3xi32> -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
  return
}

// Sources of 2 and 3 rows at rows 0 and 16. Queries are 0, so that each key has the same weight: means of 1, 2 and of 3, 4, 8. Nothing was stored in
// the other layer.
// CHECK: read#0: tensor<2x1x1xf32> {{\[\[\[}}1.5]], {{\[\[}}5]]]
// CHECK: read#1: tensor<2x1x1xf32> {{\[\[\[}}nan]], {{\[\[}}nan]]]
func.func @read(%cache: !cache) -> (tensor<?x1x1xf32>, tensor<?x1x1xf32>) {
  %x = arith.constant dense<[[[1.0]], [[2.0]], [[3.0]], [[4.0]], [[8.0]]]> : tensor<5x1x1xf32>
  %b = arith.constant dense<[[0, 0, 2], [1, 0, 2], [0, 16, 3], [1, 16, 3], [2, 16, 3]]> : tensor<5x3xi32>
  %sources = tensor.cast %x : tensor<5x1x1xf32> to tensor<?x1x1xf32>
  %places = tensor.cast %b : tensor<5x3xi32> to tensor<?x3xi32>
  call @store(%sources, %places, %cache) : (tensor<?x1x1xf32>, tensor<?x3xi32>, !cache) -> ()
  %q0 = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %b0 = arith.constant dense<[[0, 0, 2], [0, 16, 3]]> : tensor<2x3xi32>
  %q = tensor.cast %q0 : tensor<2x1x1xf32> to tensor<?x1x1xf32>
  %batch = tensor.cast %b0 : tensor<2x3xi32> to tensor<?x3xi32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %K, %V = transformer.cache_read %cache[%c1] : !cache -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
  %o = transformer.attention %q, %K, %V, %batch {mask = #transformer.mask<>} : (tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x3xi32>) -> tensor<?x1x1xf32>
  %K0, %V0 = transformer.cache_read %cache[%c0] : !cache -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
  %p = transformer.attention %q, %K0, %V0, %batch {mask = #transformer.mask<>} : (tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x3xi32>) -> tensor<?x1x1xf32>
  return %o, %p : tensor<?x1x1xf32>, tensor<?x1x1xf32>
}
