// RUN: attune-reference %s | FileCheck %s
// Which keys a row sees, at the edges. Queries and keys are zeros, so a row's weights are equal over what it sees, and value j
// is the number j: the result tells which keys were averaged.

func.func private @numbers(%count: index) -> tensor<?x1x1xf32> {
  %all = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]> : tensor<16xf32>
  %some = tensor.extract_slice %all[0] [%count] [1] : tensor<16xf32> to tensor<?xf32>
  %rows = tensor.expand_shape %some [[0, 1, 2]] output_shape [%count, 1, 1] : tensor<?xf32> into tensor<?x1x1xf32>
  return %rows : tensor<?x1x1xf32>
}

// One query over 16 keys sees them all: (0 + ... + 15) / 16.
// CHECK: one_query#0: tensor<1x1x1xf32> {{\[\[\[}}7.5]]]
// CHECK: one_query#1: tensor<1x1x1xf32> {{\[\[\[}}7.5]]]
func.func @one_query() -> (tensor<1x1x1xf32>, tensor<1x1x1xf32>) {
  %batch = arith.constant dense<[[15, 0, 16]]> : tensor<1x3xi32>
  %count = arith.constant 16 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<16x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<1x1x1xf32>, tensor<16x1x1xf32>, tensor<1x3xi32>) -> tensor<1x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<1x1x?xf32>, tensor<1x3xi32>
  %p = transformer.softmax %m : tensor<1x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<1x1x?xf32>, tensor<?x1x1xf32>, tensor<1x3xi32>) -> tensor<1x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true>} : (tensor<1x1x1xf32>, tensor<16x1x1xf32>, tensor<?x1x1xf32>, tensor<1x3xi32>) -> tensor<1x1x1xf32>
  return %o, %f : tensor<1x1x1xf32>, tensor<1x1x1xf32>
}

// Two queries over 5 keys see 4 and 5: causal is bottom-right.
// CHECK: two_queries#0: tensor<2x1x1xf32> {{\[\[\[}}1.5]], {{\[\[}}2]]]
// CHECK: two_queries#1: tensor<2x1x1xf32> {{\[\[\[}}1.5]], {{\[\[}}2]]]
func.func @two_queries() -> (tensor<2x1x1xf32>, tensor<2x1x1xf32>) {
  %batch = arith.constant dense<[[3, 0, 5], [4, 0, 5]]> : tensor<2x3xi32>
  %count = arith.constant 5 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<2x1x1xf32>, tensor<5x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<2x1x?xf32>, tensor<2x3xi32>
  %p = transformer.softmax %m : tensor<2x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<2x1x?xf32>, tensor<?x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true>} : (tensor<2x1x1xf32>, tensor<5x1x1xf32>, tensor<?x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x1xf32>
  return %o, %f : tensor<2x1x1xf32>, tensor<2x1x1xf32>
}

// No keys at all, beside a row that has some: zeros, not NaN.
// CHECK: no_keys#0: tensor<2x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]]]
// CHECK: no_keys#1: tensor<2x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]]]
func.func @no_keys() -> (tensor<2x1x1xf32>, tensor<2x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 0], [1, 0, 3]]> : tensor<2x3xi32>
  %count = arith.constant 3 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<2x1x1xf32>, tensor<3x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<2x1x?xf32>, tensor<2x3xi32>
  %p = transformer.softmax %m : tensor<2x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<2x1x?xf32>, tensor<?x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true>} : (tensor<2x1x1xf32>, tensor<3x1x1xf32>, tensor<?x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x1xf32>
  return %o, %f : tensor<2x1x1xf32>, tensor<2x1x1xf32>
}

// A window that lies past the last key: zeros.
// CHECK: out_of_window#0: tensor<2x1x1xf32> {{\[\[\[}}0]], {{\[\[}}2.5]]]
// CHECK: out_of_window#1: tensor<2x1x1xf32> {{\[\[\[}}0]], {{\[\[}}2.5]]]
func.func @out_of_window() -> (tensor<2x1x1xf32>, tensor<2x1x1xf32>) {
  %batch = arith.constant dense<[[9, 0, 4], [3, 0, 4]]> : tensor<2x3xi32>
  %count = arith.constant 4 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<4x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 2>} : tensor<2x1x?xf32>, tensor<2x3xi32>
  %p = transformer.softmax %m : tensor<2x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<2x1x?xf32>, tensor<?x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 2>} : (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<?x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x1xf32>
  return %o, %f : tensor<2x1x1xf32>, tensor<2x1x1xf32>
}

// A window of 4 is 4 keys, the own one included: rows 3, 4 and 5 average 0-3, 1-4, 2-5.
// CHECK: window_rows#0: tensor<3x1x1xf32> {{\[\[\[}}1.5]], {{\[\[}}2.5]], {{\[\[}}3.5]]]
// CHECK: window_rows#1: tensor<3x1x1xf32> {{\[\[\[}}1.5]], {{\[\[}}2.5]], {{\[\[}}3.5]]]
func.func @window_rows() -> (tensor<3x1x1xf32>, tensor<3x1x1xf32>) {
  %batch = arith.constant dense<[[3, 0, 6], [4, 0, 6], [5, 0, 6]]> : tensor<3x3xi32>
  %count = arith.constant 6 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<6x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<3x1x1xf32>, tensor<6x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 4>} : tensor<3x1x?xf32>, tensor<3x3xi32>
  %p = transformer.softmax %m : tensor<3x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<3x1x?xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 4>} : (tensor<3x1x1xf32>, tensor<6x1x1xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  return %o, %f : tensor<3x1x1xf32>, tensor<3x1x1xf32>
}

// A window of 1: only itself.
// CHECK: window_of_one#0: tensor<3x1x1xf32> {{\[\[\[}}0]], {{\[\[}}1]], {{\[\[}}2]]]
// CHECK: window_of_one#1: tensor<3x1x1xf32> {{\[\[\[}}0]], {{\[\[}}1]], {{\[\[}}2]]]
func.func @window_of_one() -> (tensor<3x1x1xf32>, tensor<3x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 3], [1, 0, 3], [2, 0, 3]]> : tensor<3x3xi32>
  %count = arith.constant 3 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<3x1x1xf32>, tensor<3x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 1>} : tensor<3x1x?xf32>, tensor<3x3xi32>
  %p = transformer.softmax %m : tensor<3x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<3x1x?xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 1>} : (tensor<3x1x1xf32>, tensor<3x1x1xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  return %o, %f : tensor<3x1x1xf32>, tensor<3x1x1xf32>
}

// A prompt of 3 tokens, window 4.
// CHECK: window_prompt_3#0: tensor<3x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]]]
// CHECK: window_prompt_3#1: tensor<3x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]]]
func.func @window_prompt_3() -> (tensor<3x1x1xf32>, tensor<3x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 3], [1, 0, 3], [2, 0, 3]]> : tensor<3x3xi32>
  %count = arith.constant 3 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<3x1x1xf32>, tensor<3x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 4>} : tensor<3x1x?xf32>, tensor<3x3xi32>
  %p = transformer.softmax %m : tensor<3x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<3x1x?xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 4>} : (tensor<3x1x1xf32>, tensor<3x1x1xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  return %o, %f : tensor<3x1x1xf32>, tensor<3x1x1xf32>
}

// A prompt of 4 tokens, window 4.
// CHECK: window_prompt_4#0: tensor<4x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]]]
// CHECK: window_prompt_4#1: tensor<4x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]]]
func.func @window_prompt_4() -> (tensor<4x1x1xf32>, tensor<4x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 4], [1, 0, 4], [2, 0, 4], [3, 0, 4]]> : tensor<4x3xi32>
  %count = arith.constant 4 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<4x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<4x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<4x3xi32>) -> tensor<4x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 4>} : tensor<4x1x?xf32>, tensor<4x3xi32>
  %p = transformer.softmax %m : tensor<4x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<4x1x?xf32>, tensor<?x1x1xf32>, tensor<4x3xi32>) -> tensor<4x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 4>} : (tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<?x1x1xf32>, tensor<4x3xi32>) -> tensor<4x1x1xf32>
  return %o, %f : tensor<4x1x1xf32>, tensor<4x1x1xf32>
}

// A prompt of 5 tokens, window 4.
// CHECK: window_prompt_5#0: tensor<5x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]], {{\[\[}}2.5]]]
// CHECK: window_prompt_5#1: tensor<5x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]], {{\[\[}}2.5]]]
func.func @window_prompt_5() -> (tensor<5x1x1xf32>, tensor<5x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 5], [1, 0, 5], [2, 0, 5], [3, 0, 5], [4, 0, 5]]> : tensor<5x3xi32>
  %count = arith.constant 5 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<5x1x1xf32>, tensor<5x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 4>} : tensor<5x1x?xf32>, tensor<5x3xi32>
  %p = transformer.softmax %m : tensor<5x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<5x1x?xf32>, tensor<?x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 4>} : (tensor<5x1x1xf32>, tensor<5x1x1xf32>, tensor<?x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x1xf32>
  return %o, %f : tensor<5x1x1xf32>, tensor<5x1x1xf32>
}

// A prompt of 9 tokens, window 4.
// CHECK: window_prompt_9#0: tensor<9x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]], {{\[\[}}2.5]], {{\[\[}}3.5]], {{\[\[}}4.5]], {{\[\[}}5.5]], {{\[\[}}6.5]]]
// CHECK: window_prompt_9#1: tensor<9x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]], {{\[\[}}2.5]], {{\[\[}}3.5]], {{\[\[}}4.5]], {{\[\[}}5.5]], {{\[\[}}6.5]]]
func.func @window_prompt_9() -> (tensor<9x1x1xf32>, tensor<9x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 9], [1, 0, 9], [2, 0, 9], [3, 0, 9], [4, 0, 9], [5, 0, 9], [6, 0, 9], [7, 0, 9], [8, 0, 9]]> : tensor<9x3xi32>
  %count = arith.constant 9 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<9x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<9x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<9x1x1xf32>, tensor<9x1x1xf32>, tensor<9x3xi32>) -> tensor<9x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 4>} : tensor<9x1x?xf32>, tensor<9x3xi32>
  %p = transformer.softmax %m : tensor<9x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<9x1x?xf32>, tensor<?x1x1xf32>, tensor<9x3xi32>) -> tensor<9x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 4>} : (tensor<9x1x1xf32>, tensor<9x1x1xf32>, tensor<?x1x1xf32>, tensor<9x3xi32>) -> tensor<9x1x1xf32>
  return %o, %f : tensor<9x1x1xf32>, tensor<9x1x1xf32>
}

// A window longer than the context is no window.
// CHECK: wide_window#0: tensor<5x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]], {{\[\[}}2]]]
// CHECK: wide_window#1: tensor<5x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]], {{\[\[}}2]]]
func.func @wide_window() -> (tensor<5x1x1xf32>, tensor<5x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 5], [1, 0, 5], [2, 0, 5], [3, 0, 5], [4, 0, 5]]> : tensor<5x3xi32>
  %count = arith.constant 5 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<5x1x1xf32>, tensor<5x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 100>} : tensor<5x1x?xf32>, tensor<5x3xi32>
  %p = transformer.softmax %m : tensor<5x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<5x1x?xf32>, tensor<?x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 100>} : (tensor<5x1x1xf32>, tensor<5x1x1xf32>, tensor<?x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x1xf32>
  return %o, %f : tensor<5x1x1xf32>, tensor<5x1x1xf32>
}

// The widest window that can be written is none either.
// CHECK: widest_window#0: tensor<5x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]], {{\[\[}}2]]]
// CHECK: widest_window#1: tensor<5x1x1xf32> {{\[\[\[}}0]], {{\[\[}}0.5]], {{\[\[}}1]], {{\[\[}}1.5]], {{\[\[}}2]]]
func.func @widest_window() -> (tensor<5x1x1xf32>, tensor<5x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 5], [1, 0, 5], [2, 0, 5], [3, 0, 5], [4, 0, 5]]> : tensor<5x3xi32>
  %count = arith.constant 5 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<5x1x1xf32>, tensor<5x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 9223372036854775807>} : tensor<5x1x?xf32>, tensor<5x3xi32>
  %p = transformer.softmax %m : tensor<5x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<5x1x?xf32>, tensor<?x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 9223372036854775807>} : (tensor<5x1x1xf32>, tensor<5x1x1xf32>, tensor<?x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x1xf32>
  return %o, %f : tensor<5x1x1xf32>, tensor<5x1x1xf32>
}

// Chunks of 4: token 4 begins anew.
// CHECK: chunks#0: tensor<4x1x1xf32> {{\[\[\[}}1.5]], {{\[\[}}4]], {{\[\[}}5]], {{\[\[}}8]]]
// CHECK: chunks#1: tensor<4x1x1xf32> {{\[\[\[}}1.5]], {{\[\[}}4]], {{\[\[}}5]], {{\[\[}}8]]]
func.func @chunks() -> (tensor<4x1x1xf32>, tensor<4x1x1xf32>) {
  %batch = arith.constant dense<[[3, 0, 9], [4, 0, 9], [6, 0, 9], [8, 0, 9]]> : tensor<4x3xi32>
  %count = arith.constant 9 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<4x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<9x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<4x1x1xf32>, tensor<9x1x1xf32>, tensor<4x3xi32>) -> tensor<4x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, chunk = 4>} : tensor<4x1x?xf32>, tensor<4x3xi32>
  %p = transformer.softmax %m : tensor<4x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<4x1x?xf32>, tensor<?x1x1xf32>, tensor<4x3xi32>) -> tensor<4x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, chunk = 4>} : (tensor<4x1x1xf32>, tensor<9x1x1xf32>, tensor<?x1x1xf32>, tensor<4x3xi32>) -> tensor<4x1x1xf32>
  return %o, %f : tensor<4x1x1xf32>, tensor<4x1x1xf32>
}

// Both: keys that the window and the chunk allow.
// CHECK: window_and_chunk#0: tensor<3x1x1xf32> {{\[\[\[}}2.5]], {{\[\[}}4]], {{\[\[}}5.5]]]
// CHECK: window_and_chunk#1: tensor<3x1x1xf32> {{\[\[\[}}2.5]], {{\[\[}}4]], {{\[\[}}5.5]]]
func.func @window_and_chunk() -> (tensor<3x1x1xf32>, tensor<3x1x1xf32>) {
  %batch = arith.constant dense<[[3, 0, 9], [4, 0, 9], [6, 0, 9]]> : tensor<3x3xi32>
  %count = arith.constant 9 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<9x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<3x1x1xf32>, tensor<9x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 2, chunk = 4>} : tensor<3x1x?xf32>, tensor<3x3xi32>
  %p = transformer.softmax %m : tensor<3x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<3x1x?xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<causal = true, window = 2, chunk = 4>} : (tensor<3x1x1xf32>, tensor<9x1x1xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  return %o, %f : tensor<3x1x1xf32>, tensor<3x1x1xf32>
}

// Without causal a window reaches w - 1 keys both ways.
// CHECK: both_ways#0: tensor<3x1x1xf32> {{\[\[\[}}0.5]], {{\[\[}}2]], {{\[\[}}4.5]]]
// CHECK: both_ways#1: tensor<3x1x1xf32> {{\[\[\[}}0.5]], {{\[\[}}2]], {{\[\[}}4.5]]]
func.func @both_ways() -> (tensor<3x1x1xf32>, tensor<3x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 6], [2, 0, 6], [5, 0, 6]]> : tensor<3x3xi32>
  %count = arith.constant 6 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<6x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<3x1x1xf32>, tensor<6x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<window = 2>} : tensor<3x1x?xf32>, tensor<3x3xi32>
  %p = transformer.softmax %m : tensor<3x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<3x1x?xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<window = 2>} : (tensor<3x1x1xf32>, tensor<6x1x1xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  return %o, %f : tensor<3x1x1xf32>, tensor<3x1x1xf32>
}

// Two sequences of 2 and 3 keys; each row averages its own rows 0-1 and 2-4.
// CHECK: padding#0: tensor<5x1x1xf32> {{\[\[\[}}0.5]], {{\[\[}}0.5]], {{\[\[}}3]], {{\[\[}}3]], {{\[\[}}3]]]
// CHECK: padding#1: tensor<5x1x1xf32> {{\[\[\[}}0.5]], {{\[\[}}0.5]], {{\[\[}}3]], {{\[\[}}3]], {{\[\[}}3]]]
func.func @padding() -> (tensor<5x1x1xf32>, tensor<5x1x1xf32>) {
  %batch = arith.constant dense<[[0, 0, 2], [1, 0, 2], [0, 2, 3], [1, 2, 3], [2, 2, 3]]> : tensor<5x3xi32>
  %count = arith.constant 5 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<5x1x1xf32>, tensor<5x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : tensor<5x1x?xf32>, tensor<5x3xi32>
  %p = transformer.softmax %m : tensor<5x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<5x1x?xf32>, tensor<?x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<>} : (tensor<5x1x1xf32>, tensor<5x1x1xf32>, tensor<?x1x1xf32>, tensor<5x3xi32>) -> tensor<5x1x1xf32>
  return %o, %f : tensor<5x1x1xf32>, tensor<5x1x1xf32>
}

// A second batch may name rows in any order (cross-attention).
// CHECK: shared_rows#0: tensor<3x1x1xf32> {{\[\[\[}}3.5]], {{\[\[}}1]], {{\[\[}}1]]]
// CHECK: shared_rows#1: tensor<3x1x1xf32> {{\[\[\[}}3.5]], {{\[\[}}1]], {{\[\[}}1]]]
func.func @shared_rows() -> (tensor<3x1x1xf32>, tensor<3x1x1xf32>) {
  %batch = arith.constant dense<[[0, 3, 2], [1, 0, 3], [2, 0, 3]]> : tensor<3x3xi32>
  %count = arith.constant 5 : index
  %v = call @numbers(%count) : (index) -> tensor<?x1x1xf32>
  %q = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<5x1x1xf32>
  %s = transformer.scores %q, %k, %batch : (tensor<3x1x1xf32>, tensor<5x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<>} : tensor<3x1x?xf32>, tensor<3x3xi32>
  %p = transformer.softmax %m : tensor<3x1x?xf32>
  %o = transformer.weighted_sum %p, %v, %batch : (tensor<3x1x?xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  %f = transformer.attention %q, %k, %v, %batch {mask = #transformer.mask<>} : (tensor<3x1x1xf32>, tensor<5x1x1xf32>, tensor<?x1x1xf32>, tensor<3x3xi32>) -> tensor<3x1x1xf32>
  return %o, %f : tensor<3x1x1xf32>, tensor<3x1x1xf32>
}
