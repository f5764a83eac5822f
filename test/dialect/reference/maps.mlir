// RUN: attune-reference %s | FileCheck %s
// Linear maps, norms and element-wise functions; expected values by hand or in f64 from their published formulas.

// Row 0: [1*1+2*3, 1*-1+2*0.5, 1*0+2*2], then the bias.
// CHECK: linear: tensor<2x3xf32> {{\[\[}}7, 0, 4], [3, 0.5, 2]]
func.func @linear() -> tensor<2x3xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<[[1.0, 3.0], [-1.0, 0.5], [0.0, 2.0]]> : tensor<3x2xf32>
  %y = transformer.linear %x, %w : (tensor<2x2xf32>, tensor<3x2xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK: linear_bias: tensor<1x3xf32> {{\[\[}}17, 20, 34]]
func.func @linear_bias() -> tensor<1x3xf32> {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[[1.0, 3.0], [-1.0, 0.5], [0.0, 2.0]]> : tensor<3x2xf32>
  %b = arith.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %y = transformer.linear %x, %w bias %b : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// A dot of 4096 products 0.1 * 1 in f16 would stop growing at 256; sums are wide: 4096 * 0.0999756 (0.1 in f16).
// CHECK: long_dot: tensor<1x1xf32> {{\[\[}}409.5]]
func.func @long_dot() -> tensor<1x1xf32> {
  %x = arith.constant dense<1.0> : tensor<1x4096xf32>
  %half = arith.constant dense<0.1> : tensor<1x4096xf16>
  %w = arith.extf %half : tensor<1x4096xf16> to tensor<1x4096xf32>
  %y = transformer.linear %x, %w : (tensor<1x4096xf32>, tensor<1x4096xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// No rows is not an error.
// CHECK: linear_no_rows: tensor<0x3xf32> []
func.func @linear_no_rows() -> tensor<0x3xf32> {
  %x = arith.constant dense<> : tensor<0x2xf32>
  %w = arith.constant dense<1.0> : tensor<3x2xf32>
  %y = transformer.linear %x, %w : (tensor<0x2xf32>, tensor<3x2xf32>) -> tensor<0x3xf32>
  return %y : tensor<0x3xf32>
}

// mean(x^2) = (1 + 49) / 2 = 25: x / 5, times the weight.
// CHECK: rms: tensor<1x2xf32> {{\[\[}}0.4, -14]]
func.func @rms() -> tensor<1x2xf32> {
  %x = arith.constant dense<[[1.0, -7.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[2.0, 10.0]> : tensor<2xf32>
  %y = transformer.norm rms %x weight %w : tensor<2xf32> {eps = 0.0 : f64} : tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// Gemma's files hold the weight less 1: the same result as above.
// CHECK: rms_offset: tensor<1x2xf32> {{\[\[}}0.4, -14]]
func.func @rms_offset() -> tensor<1x2xf32> {
  %x = arith.constant dense<[[1.0, -7.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[1.0, 9.0]> : tensor<2xf32>
  %y = transformer.norm rms %x weight %w : tensor<2xf32> {eps = 0.0 : f64, weight_offset = 1.0 : f64} : tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// eps joins the mean of squares under the root: sqrt(25 + 11) = 6. Zeros stay zeros.
// CHECK: rms_eps: tensor<2x2xf32> {{\[\[}}1, -7], [0, 0]]
func.func @rms_eps() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, -7.0], [0.0, 0.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<6.0> : tensor<2xf32>
  %y = transformer.norm rms %x weight %w : tensor<2xf32> {eps = 11.0 : f64} : tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// Mean 3, biased variance (4 + 0 + 0 + 4) / 4 = 2, sqrt(2 + 2) = 2.
// CHECK: layer: tensor<1x4xf32> {{\[\[}}99, 200, 300, 404]]
func.func @layer() -> tensor<1x4xf32> {
  %x = arith.constant dense<[[1.0, 3.0, 3.0, 5.0]]> : tensor<1x4xf32>
  %w = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %b = arith.constant dense<[100.0, 200.0, 300.0, 400.0]> : tensor<4xf32>
  %y = transformer.norm layer %x weight %w : tensor<4xf32> bias %b : tensor<4xf32> {eps = 2.0 : f64} : tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// CHECK: layer_plain: tensor<1x4xf32> {{\[\[}}-1, 0, 0, 1]]
func.func @layer_plain() -> tensor<1x4xf32> {
  %x = arith.constant dense<[[1.0, 3.0, 3.0, 5.0]]> : tensor<1x4xf32>
  %y = transformer.norm layer %x {eps = 2.0 : f64} : tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// Per head: each of the two heads has a mean square of its own.
// CHECK: norm_heads: tensor<1x2x2xf32> {{\[\[\[}}0.2, -1.4], [1, 1]]]
func.func @norm_heads() -> tensor<1x2x2xf32> {
  %x = arith.constant dense<[[[1.0, -7.0], [3.0, 3.0]]]> : tensor<1x2x2xf32>
  %y = transformer.norm rms %x {eps = 0.0 : f64} : tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

// CHECK: activations#0: tensor<1x4xf32> {{\[\[}}-2, -0.5, 0, 3]]
// CHECK: activations#1: tensor<1x4xf32> {{\[\[}}0, 0, 0, 3]]
// CHECK: activations#2: tensor<1x4xf32> {{\[\[}}-0.238406, -0.18877, 0, 2.85772]]
// CHECK: activations#3: tensor<1x4xf32> {{\[\[}}-0.0455003, -0.154269, 0, 2.99595]]
// CHECK: activations#4: tensor<1x4xf32> {{\[\[}}-0.0454023, -0.154286, 0, 2.99636]]
// CHECK: activations#5: tensor<1x4xf32> {{\[\[}}0.119203, 0.377541, 0.5, 0.952574]]
// CHECK: activations#6: tensor<1x4xf32> {{\[\[}}-0.964028, -0.462117, 0, 0.995055]]
// CHECK: activations#7: tensor<1x4xf32> {{\[\[}}0, 0, 0, 9]]
// CHECK: activations#8: tensor<1x4xf32> {{\[\[}}-0.0643414, -0.149612, 0, 2.98193]]
func.func @activations() -> (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  %x = arith.constant dense<[[-2.0, -0.5, 0.0, 3.0]]> : tensor<1x4xf32>
  %0 = transformer.activation identity %x : tensor<1x4xf32>
  %1 = transformer.activation relu %x : tensor<1x4xf32>
  %2 = transformer.activation silu %x : tensor<1x4xf32>
  %3 = transformer.activation gelu %x : tensor<1x4xf32>
  %4 = transformer.activation gelu_tanh %x : tensor<1x4xf32>
  %5 = transformer.activation sigmoid %x : tensor<1x4xf32>
  %6 = transformer.activation tanh %x : tensor<1x4xf32>
  %7 = transformer.activation relu_squared %x : tensor<1x4xf32>
  %8 = transformer.activation quick_gelu %x : tensor<1x4xf32>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8 : tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}

// No overflow far from zero.
// CHECK: activations_far#0: tensor<1x2xf32> {{\[\[}}-0, 1000]]
// CHECK: activations_far#1: tensor<1x2xf32> {{\[\[}}-0, 1000]]
func.func @activations_far() -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %x = arith.constant dense<[[-1000.0, 1000.0]]> : tensor<1x2xf32>
  %0 = transformer.activation silu %x : tensor<1x2xf32>
  %1 = transformer.activation gelu_tanh %x : tensor<1x2xf32>
  return %0, %1 : tensor<1x2xf32>, tensor<1x2xf32>
}

// 30 * tanh(x / 30).
// CHECK: scale: tensor<1x2xf32> {{\[\[}}-3, 0.75]]
// CHECK: soft_cap: tensor<1x3xf32> {{\[\[}}-30, 0.99963, 22.8478]]
func.func @scale() -> tensor<1x2xf32> {
  %x = arith.constant dense<[[2.0, -0.5]]> : tensor<1x2xf32>
  %y = transformer.scale %x {factor = -1.5 : f64} : tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
func.func @soft_cap() -> tensor<1x3xf32> {
  %x = arith.constant dense<[[-1.0e6, 1.0, 30.0]]> : tensor<1x3xf32>
  %y = transformer.soft_cap %x {cap = 30.0 : f64} : tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}
