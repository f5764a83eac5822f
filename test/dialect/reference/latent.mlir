// RUN: attune-reference %s | FileCheck %s
// What latent attention is built of: a matrix for each head, and vectors put side by side.

// Head 0: [1*1 + 2*0, 1*0 + 2*1, 1*1 + 2*1]; head 1: [3*2 + 4*0, 3*0 + 4*-1, 3*0.5 + 4*0.5].
// CHECK: head_linear: tensor<1x2x3xf32> {{\[\[\[}}1, 2, 3], [6, -4, 3.5]]]
func.func @head_linear() -> tensor<1x2x3xf32> {
  %x = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %w = arith.constant dense<[[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, -1.0], [0.5, 0.5]]]> : tensor<2x3x2xf32>
  %y = transformer.head_linear %x, %w : (tensor<1x2x2xf32>, tensor<2x3x2xf32>) -> tensor<1x2x3xf32>
  return %y : tensor<1x2x3xf32>
}

// CHECK: concat: tensor<2x1x3xf32> {{\[\[\[}}1, 2, 5]], {{\[\[}}3, 4, 6]]]
func.func @concat() -> tensor<2x1x3xf32> {
  %a = arith.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
  %b = arith.constant dense<[[[5.0]], [[6.0]]]> : tensor<2x1x1xf32>
  %c = tensor.concat dim(2) %a, %b : (tensor<2x1x2xf32>, tensor<2x1x1xf32>) -> tensor<2x1x3xf32>
  return %c : tensor<2x1x3xf32>
}

// The outermost dimension: one tensor after the other.
// CHECK: concat_rows: tensor<3x2xf32> {{\[\[}}1, 2], [3, 4], [5, 6]]
func.func @concat_rows() -> tensor<3x2xf32> {
  %a = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %b = arith.constant dense<[[3.0, 4.0], [5.0, 6.0]]> : tensor<2x2xf32>
  %c = tensor.concat dim(0) %a, %b : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %c : tensor<3x2xf32>
}
