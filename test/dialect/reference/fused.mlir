// RUN: attune-reference %s | FileCheck %s
// Fused maps: each gives what its parts give. (Fused attention is in attention.mlir and masks.mlir.)

// CHECK: residual_norm#0: tensor<1x2xf32> {{\[\[}}1, -7]]
// CHECK: residual_norm#1: tensor<1x2xf32> {{\[\[}}0.4, -14]]
func.func @residual_norm() -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %x = arith.constant dense<[[0.5, -10.0]]> : tensor<1x2xf32>
  %y = arith.constant dense<[[0.5, 3.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[1.0, 9.0]> : tensor<2xf32>
  %z:2 = transformer.residual_norm rms %x, %y weight %w : tensor<2xf32> {eps = 0.0 : f64, weight_offset = 1.0 : f64} : tensor<1x2xf32>
  return %z#0, %z#1 : tensor<1x2xf32>, tensor<1x2xf32>
}

// CHECK: residual_norm_layer#0: tensor<1x4xf32> {{\[\[}}1, 3, 3, 5]]
// CHECK: residual_norm_layer#1: tensor<1x4xf32> {{\[\[}}9, 20, 30, 44]]
func.func @residual_norm_layer() -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %x = arith.constant dense<[[1.0, 1.0, 1.0, 1.0]]> : tensor<1x4xf32>
  %y = arith.constant dense<[[0.0, 2.0, 2.0, 4.0]]> : tensor<1x4xf32>
  %w = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %b = arith.constant dense<[10.0, 20.0, 30.0, 40.0]> : tensor<4xf32>
  %z:2 = transformer.residual_norm layer %x, %y weight %w : tensor<4xf32> bias %b : tensor<4xf32> {eps = 2.0 : f64} : tensor<1x4xf32>
  return %z#0, %z#1 : tensor<1x4xf32>, tensor<1x4xf32>
}

// CHECK: linear_split#0: tensor<1x1xf32> {{\[\[}}7]]
// CHECK: linear_split#1: tensor<1x2xf32> {{\[\[}}0, 4]]
// CHECK: linear_split#2: tensor<1x1xf32> {{\[\[}}17]]
func.func @linear_split() -> (tensor<1x1xf32>, tensor<1x2xf32>, tensor<1x1xf32>) {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %a = arith.constant dense<[[1.0, 3.0]]> : tensor<1x2xf32>
  %b = arith.constant dense<[[-1.0, 0.5], [0.0, 2.0]]> : tensor<2x2xf32>
  %ten = arith.constant dense<[10.0]> : tensor<1xf32>
  %0:2 = transformer.linear_split %x weights(%a, %b) : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<2x2xf32>) -> (tensor<1x1xf32>, tensor<1x2xf32>)
  %1 = transformer.linear_split %x weights(%a) biases(%ten) : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  return %0#0, %0#1, %1 : tensor<1x1xf32>, tensor<1x2xf32>, tensor<1x1xf32>
}

// Plain: relu(up(x)) = relu([7, -5]) = [7, 0]; with biases of [-1, 6]: [6, 1]. down adds 1x + 10y (and 100).
// Gated: relu(gate(x)) * up(x) = [2, 0] * [7, -5]; with a gate bias of [0, 5]: [2, 4] * [7, -5].
// CHECK: ffn#0: tensor<1x1xf32> {{\[\[}}7]]
// CHECK: ffn#1: tensor<1x1xf32> {{\[\[}}116]]
// CHECK: ffn#2: tensor<1x1xf32> {{\[\[}}14]]
// CHECK: ffn#3: tensor<1x1xf32> {{\[\[}}-186]]
func.func @ffn() -> (tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>) {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %up = arith.constant dense<[[1.0, 3.0], [-1.0, -2.0]]> : tensor<2x2xf32>
  %ub = arith.constant dense<[-1.0, 6.0]> : tensor<2xf32>
  %gate = arith.constant dense<[[0.0, 1.0], [-1.0, 0.0]]> : tensor<2x2xf32>
  %gb = arith.constant dense<[0.0, 5.0]> : tensor<2xf32>
  %down = arith.constant dense<[[1.0, 10.0]]> : tensor<1x2xf32>
  %db = arith.constant dense<[100.0]> : tensor<1xf32>
  %0 = transformer.ffn relu %x up(%up) down(%down) : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %1 = transformer.ffn relu %x up(%up, %ub) down(%down, %db) : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %2 = transformer.ffn relu %x gate(%gate) up(%up) down(%down) : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  %3 = transformer.ffn relu %x gate(%gate, %gb) up(%up) down(%down) : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>
  return %0, %1, %2, %3 : tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>, tensor<1x1xf32>
}
