// RUN: attune-reference %s --cache-rows=300 | FileCheck %s
// One dynamic function attends over a cache: the whole prompt at once, in chunks or a token at a time, alone or beside another
// sequence, gives the same rows. Token j has key j / 8 and value j (or 100 + j in the second sequence).

!cache = !transformer.cache<2 x 1 x 1 x 1 x f32>

func.func private @attend(%x: tensor<?x1x1xf32>, %batch: tensor<?x3xi32>, %cache: !cache) -> tensor<?x1x1xf32> {
  %layer = arith.constant 1 : index
  %keys = arith.constant dense<0.125> : tensor<1x1xf32>
  %c0 = arith.constant 0 : index
  %count = tensor.dim %x, %c0 : tensor<?x1x1xf32>
  %flat = tensor.collapse_shape %x [[0], [1, 2]] : tensor<?x1x1xf32> into tensor<?x1xf32>
  %scaled = transformer.linear %flat, %keys : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %k = tensor.expand_shape %scaled [[0], [1, 2]] output_shape [%count, 1, 1] : tensor<?x1xf32> into tensor<?x1x1xf32>
  %K, %V = transformer.cache_update %cache[%layer], %k, %x, %batch : !cache, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x3xi32> -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
  %s = transformer.scores %k, %K, %batch : (tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x3xi32>) -> tensor<?x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<?x1x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x1x?xf32>
  %o = transformer.weighted_sum %p, %V, %batch : (tensor<?x1x?xf32>, tensor<?x1x1xf32>, tensor<?x3xi32>) -> tensor<?x1x1xf32>
  return %o : tensor<?x1x1xf32>
}

// Row 1: keys 0 and 1/8, query 1/8: scores 0 and 1/64: 1 / (1 + exp(-1/64)).
// CHECK: prompt: tensor<4x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.503906]], {{\[\[}}1.02083]], {{\[\[}}1.55856]]]
func.func @prompt(%cache: !cache) -> tensor<?x1x1xf32> {
  %x = arith.constant dense<[[[0.0]], [[1.0]], [[2.0]], [[3.0]]]> : tensor<4x1x1xf32>
  %batch = arith.constant dense<[[0, 0, 4], [1, 0, 4], [2, 0, 4], [3, 0, 4]]> : tensor<4x3xi32>
  %0 = tensor.cast %x : tensor<4x1x1xf32> to tensor<?x1x1xf32>
  %1 = tensor.cast %batch : tensor<4x3xi32> to tensor<?x3xi32>
  %o = call @attend(%0, %1, %cache) : (tensor<?x1x1xf32>, tensor<?x3xi32>, !cache) -> tensor<?x1x1xf32>
  return %o : tensor<?x1x1xf32>
}

// CHECK: steps#0: tensor<2x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.503906]]]
// CHECK: steps#1: tensor<1x1x1xf32> {{\[\[\[}}1.02083]]]
// CHECK: steps#2: tensor<1x1x1xf32> {{\[\[\[}}1.55856]]]
func.func @steps(%cache: !cache) -> (tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>) {
  %x = arith.constant dense<[[[0.0]], [[1.0]]]> : tensor<2x1x1xf32>
  %x2 = arith.constant dense<2.0> : tensor<1x1x1xf32>
  %x3 = arith.constant dense<3.0> : tensor<1x1x1xf32>
  %b = arith.constant dense<[[0, 0, 2], [1, 0, 2]]> : tensor<2x3xi32>
  %b2 = arith.constant dense<[[2, 0, 3]]> : tensor<1x3xi32>
  %b3 = arith.constant dense<[[3, 0, 4]]> : tensor<1x3xi32>
  %0 = tensor.cast %x : tensor<2x1x1xf32> to tensor<?x1x1xf32>
  %1 = tensor.cast %b : tensor<2x3xi32> to tensor<?x3xi32>
  %2 = tensor.cast %x2 : tensor<1x1x1xf32> to tensor<?x1x1xf32>
  %3 = tensor.cast %b2 : tensor<1x3xi32> to tensor<?x3xi32>
  %4 = tensor.cast %x3 : tensor<1x1x1xf32> to tensor<?x1x1xf32>
  %5 = tensor.cast %b3 : tensor<1x3xi32> to tensor<?x3xi32>
  %o1 = call @attend(%0, %1, %cache) : (tensor<?x1x1xf32>, tensor<?x3xi32>, !cache) -> tensor<?x1x1xf32>
  %o2 = call @attend(%2, %3, %cache) : (tensor<?x1x1xf32>, tensor<?x3xi32>, !cache) -> tensor<?x1x1xf32>
  %o3 = call @attend(%4, %5, %cache) : (tensor<?x1x1xf32>, tensor<?x3xi32>, !cache) -> tensor<?x1x1xf32>
  return %o1, %o2, %o3 : tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>
}

// The same sequence from row 10 on beside a shorter one at row 2, whose tokens are 100 and 101.
// CHECK: beside_another: tensor<6x1x1xf32> {{\[\[\[}}100]], {{\[\[}}100.829]], {{\[\[}}0]], {{\[\[}}0.503906]], {{\[\[}}1.02083]], {{\[\[}}1.55856]]]
func.func @beside_another(%cache: !cache) -> tensor<?x1x1xf32> {
  %x = arith.constant dense<[[[100.0]], [[101.0]], [[0.0]], [[1.0]], [[2.0]], [[3.0]]]> : tensor<6x1x1xf32>
  %batch = arith.constant dense<[[0, 2, 2], [1, 2, 2], [0, 10, 4], [1, 10, 4], [2, 10, 4], [3, 10, 4]]> : tensor<6x3xi32>
  %0 = tensor.cast %x : tensor<6x1x1xf32> to tensor<?x1x1xf32>
  %1 = tensor.cast %batch : tensor<6x3xi32> to tensor<?x3xi32>
  %o = call @attend(%0, %1, %cache) : (tensor<?x1x1xf32>, tensor<?x3xi32>, !cache) -> tensor<?x1x1xf32>
  return %o : tensor<?x1x1xf32>
}

// Decoding against 1, 2 and 17 keys, and no token at all: zero keys give equal weights, so the result is the mean of the values.
// CHECK: decode#0: tensor<1x1x1xf32> {{\[\[\[}}5]]]
// CHECK: decode#1: tensor<1x1x1xf32> {{\[\[\[}}6]]]
// CHECK: decode#2: tensor<1x1x1xf32> {{\[\[\[}}5.23529]]]
// CHECK: decode#3: tensor<0x1x1xf32> []
func.func @decode(%cache: !cache) -> (tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>) {
  %five = arith.constant dense<5.0> : tensor<1x1x1xf32>
  %seven = arith.constant dense<7.0> : tensor<1x1x1xf32>
  %none = arith.constant dense<> : tensor<0x1x1xf32>
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c17 = arith.constant 17 : index
  %0 = call @decode_at(%five, %c1, %cache) : (tensor<1x1x1xf32>, index, !cache) -> tensor<?x1x1xf32>
  %1 = call @decode_at(%seven, %c2, %cache) : (tensor<1x1x1xf32>, index, !cache) -> tensor<?x1x1xf32>
  %c3 = arith.constant 3 : index
  %2 = scf.for %n = %c3 to %c17 step %c1 iter_args(%last = %0) -> tensor<?x1x1xf32> {
    %y = func.call @decode_at(%five, %n, %cache) : (tensor<1x1x1xf32>, index, !cache) -> tensor<?x1x1xf32>
    scf.yield %y : tensor<?x1x1xf32>
  }
  %nine = arith.constant dense<7.0> : tensor<1x1x1xf32>
  %3 = call @decode_at(%nine, %c17, %cache) : (tensor<1x1x1xf32>, index, !cache) -> tensor<?x1x1xf32>
  %4 = tensor.cast %none : tensor<0x1x1xf32> to tensor<?x1x1xf32>
  %b = arith.constant dense<> : tensor<0x3xi32>
  %5 = tensor.cast %b : tensor<0x3xi32> to tensor<?x3xi32>
  %6 = call @attend(%4, %5, %cache) : (tensor<?x1x1xf32>, tensor<?x3xi32>, !cache) -> tensor<?x1x1xf32>
  return %0, %1, %3, %6 : tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>
}

func.func private @decode_at(%x: tensor<1x1x1xf32>, %count: index, %cache: !cache) -> tensor<?x1x1xf32> {
  %layer = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  %position = arith.subi %count, %c1 : index
  %p = arith.index_cast %position : index to i32
  %n = arith.index_cast %count : index to i32
  %batch = tensor.from_elements %p, %zero, %n : tensor<1x3xi32>
  %k = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %K, %V = transformer.cache_update %cache[%layer], %k, %x, %batch : !cache, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x3xi32> -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
  %o = transformer.attention %x, %K, %V, %batch {mask = #transformer.mask<causal = true>} : (tensor<1x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<1x3xi32>) -> tensor<1x1x1xf32>
  %r = tensor.cast %o : tensor<1x1x1xf32> to tensor<?x1x1xf32>
  return %r : tensor<?x1x1xf32>
}

// 300 tokens, value j at token j, in a window of 2: the first 298 keys are hidden (whole tiles of them, where keys are tiled), the
// result is the mean of 298 and 299.
// CHECK: far_window: tensor<1x1x1xf32> {{\[\[\[}}298.5]]]
func.func @far_window(%cache: !cache) -> tensor<1x1x1xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c300 = arith.constant 300 : index
  %first = arith.constant 0 : i32
  %zero = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %0 = scf.for %position = %c0 to %c300 step %c1 iter_args(%last = %zero) -> tensor<1x1x1xf32> {
    %p = arith.index_cast %position : index to i32
    %count = arith.addi %position, %c1 : index
    %n = arith.index_cast %count : index to i32
    %batch = tensor.from_elements %p, %first, %n : tensor<1x3xi32>
    %value = arith.sitofp %p : i32 to f32
    %v = tensor.from_elements %value : tensor<1x1x1xf32>
    %K, %V = transformer.cache_update %cache[%c0], %zero, %v, %batch : !cache, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x3xi32> -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
    %o = transformer.attention %zero, %K, %V, %batch {mask = #transformer.mask<causal = true, window = 2>} : (tensor<1x1x1xf32>, tensor<?x1x1xf32>, tensor<?x1x1xf32>, tensor<1x3xi32>) -> tensor<1x1x1xf32>
    scf.yield %o : tensor<1x1x1xf32>
  }
  return %0 : tensor<1x1x1xf32>
}

// A cache rounds to its type; rows that nobody wrote are NaN; layers are apart.
// CHECK: rounds#0: tensor<2x1x1xf16> {{\[\[\[}}nan]], {{\[\[}}0.0999756]]]
// CHECK: rounds#1: tensor<2x1x2xf16> {{\[\[\[}}nan, nan]], {{\[\[}}1, 2048]]]
func.func @rounds(%cache: !transformer.cache<2 x 1 x 1 x 2 x f16>) -> (tensor<2x1x1xf16>, tensor<2x1x2xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %k = arith.constant dense<0.1> : tensor<1x1x1xf32>
  %v = arith.constant dense<[[[1.0, 2049.0]]]> : tensor<1x1x2xf32>
  %b0 = arith.constant dense<[[0, 0, 1]]> : tensor<1x3xi32>
  %b1 = arith.constant dense<[[1, 0, 2]]> : tensor<1x3xi32>
  %0:2 = transformer.cache_update %cache[%c0], %k, %v, %b0 : !transformer.cache<2 x 1 x 1 x 2 x f16>, tensor<1x1x1xf32>, tensor<1x1x2xf32>, tensor<1x3xi32> -> tensor<?x1x1xf16>, tensor<?x1x2xf16>
  %1:2 = transformer.cache_update %cache[%c1], %k, %v, %b1 : !transformer.cache<2 x 1 x 1 x 2 x f16>, tensor<1x1x1xf32>, tensor<1x1x2xf32>, tensor<1x3xi32> -> tensor<?x1x1xf16>, tensor<?x1x2xf16>
  %2 = tensor.extract_slice %1#0[0, 0, 0] [2, 1, 1] [1, 1, 1] : tensor<?x1x1xf16> to tensor<2x1x1xf16>
  %3 = tensor.extract_slice %1#1[0, 0, 0] [2, 1, 2] [1, 1, 1] : tensor<?x1x2xf16> to tensor<2x1x2xf16>
  return %2, %3 : tensor<2x1x1xf16>, tensor<2x1x2xf16>
}
