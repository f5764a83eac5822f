// RUN: attune-reference %s | FileCheck %s
// Embeddings, positions and rotations; expected values by hand.

// CHECK: embed: tensor<3x2xf32> {{\[\[}}5, 6], [1, 2], [5, 6]]
func.func @embed() -> tensor<3x2xf32> {
  %ids = arith.constant dense<[2, 0, 2]> : tensor<3xi32>
  %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %x = transformer.embed %ids, %table : (tensor<3xi32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  return %x : tensor<3x2xf32>
}

// CHECK: gather: tensor<2x2xf32> {{\[\[}}3, 4], [1, 2]]
func.func @gather() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %rows = arith.constant dense<[1, 0]> : tensor<2xi32>
  %y = transformer.gather %x, %rows : (tensor<2x2xf32>, tensor<2xi32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK: positions: tensor<3xi32> [2, 3, 11]
func.func @positions() -> tensor<3xi32> {
  %batch = arith.constant dense<[[0, 0, 2], [1, 0, 2], [9, 2, 10]]> : tensor<3x3xi32>
  %p = transformer.positions %batch {offset = 2 : i64} : (tensor<3x3xi32>) -> tensor<3xi32>
  return %p : tensor<3xi32>
}

// Base 4 and 4 features: angles p and p / 2. sin 1, cos 1, sin 0.5, cos 0.5; sin 2, cos 2, sin 1, cos 1.
// CHECK: sinusoids#0: tensor<3x4xf32> {{\[\[}}0, 1, 0, 1], [0.841471, 0.540302, 0.479426, 0.877583], [0.909297, -0.416147, 0.841471, 0.540302]]
// CHECK: sinusoids#1: tensor<3x4xf32> {{\[\[}}0, 0, 1, 1], [0.841471, 0.479426, 0.540302, 0.877583], [0.909297, 0.841471, -0.416147, 0.540302]]
func.func @sinusoids() -> (tensor<3x4xf32>, tensor<3x4xf32>) {
  %batch = arith.constant dense<[[0, 0, 3], [1, 0, 3], [2, 0, 3]]> : tensor<3x3xi32>
  %0 = transformer.position interleaved %batch {base = 4.0 : f64} : (tensor<3x3xi32>) -> tensor<3x4xf32>
  %1 = transformer.position half_split %batch {base = 4.0 : f64} : (tensor<3x3xi32>) -> tensor<3x4xf32>
  return %0, %1 : tensor<3x4xf32>, tensor<3x4xf32>
}

// Angles are rounded to f32: 9000 * 0.1 is 900, not 900.0000134 as the f32 nearest to 0.1 has it. Twice cosines and sines.
// CHECK: rotary_table: tensor<2x2x2xf32> {{\[\[\[}}2, 2], [0, 0]], {{\[\[}}-1.57636, 0.132493], [1.23089, 1.99561]]]
func.func @rotary_table() -> tensor<2x2x2xf32> {
  %batch = arith.constant dense<[[0, 0, 1], [9000, 0, 9001]]> : tensor<2x3xi32>
  %t = transformer.rotary_table %batch {frequencies = array<f32: 1.0, 0.1>, magnitude = 2.0 : f64} : (tensor<2x3xi32>) -> tensor<2x2x2xf32>
  return %t : tensor<2x2x2xf32>
}

// A quarter turn of the first pair and a half turn of the second; the fifth element passes.
// Half split pairs (1, 3) and (2, 4); interleaved pairs (1, 2) and (3, 4).
// CHECK: rotary#0: tensor<1x2x5xf32> {{\[\[\[}}-3, -2, 1, -4, 5], [0, 0, 1, 0, 0]]]
// CHECK: rotary#1: tensor<1x2x5xf32> {{\[\[\[}}-2, 1, -3, -4, 5], [0, 1, 0, 0, 0]]]
func.func @rotary() -> (tensor<1x2x5xf32>, tensor<1x2x5xf32>) {
  %x = arith.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 0.0, 0.0, 0.0, 0.0]]]> : tensor<1x2x5xf32>
  %table = arith.constant dense<[[[0.0, -1.0], [1.0, 0.0]]]> : tensor<1x2x2xf32>
  %0 = transformer.rotary half_split %x, %table : tensor<1x2x5xf32>, tensor<1x2x2xf32>
  %1 = transformer.rotary interleaved %x, %table : tensor<1x2x5xf32>, tensor<1x2x2xf32>
  // -0 prints as -0: adding 0 leaves one zero.
  %zero = arith.constant dense<0.0> : tensor<1x2x5xf32>
  %2 = arith.addf %0, %zero : tensor<1x2x5xf32>
  %3 = arith.addf %1, %zero : tensor<1x2x5xf32>
  return %2, %3 : tensor<1x2x5xf32>, tensor<1x2x5xf32>
}
