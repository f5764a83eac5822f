// RUN: attune-reference %s | FileCheck %s
// Mixtures of experts: choices and weights by hand or in f64, networks by hand.

// A softmax over all experts whose two largest are kept as they are.
// CHECK: softmax_kept#0: tensor<1x2xi32> {{\[\[}}0, 1]]
// CHECK: softmax_kept#1: tensor<1x2xf32> {{\[\[}}0.643914, 0.236883]]
func.func @softmax_kept() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
  %l = arith.constant dense<[[2.0, 1.0, 0.0, -1.0]]> : tensor<1x4xf32>
  %e, %w = transformer.route softmax %l {top_k = 2 : i64} : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %e, %w : tensor<1x2xi32>, tensor<1x2xf32>
}

// The same divided by their sum, and a softmax over the two largest logits: equal.
// CHECK: softmax_renormalized#0: tensor<1x2xi32> {{\[\[}}0, 1]]
// CHECK: softmax_renormalized#1: tensor<1x2xf32> {{\[\[}}0.731059, 0.268941]]
func.func @softmax_renormalized() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
  %l = arith.constant dense<[[2.0, 1.0, 0.0, -1.0]]> : tensor<1x4xf32>
  %e, %w = transformer.route softmax %l {top_k = 2 : i64, renormalize} : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %e, %w : tensor<1x2xi32>, tensor<1x2xf32>
}

// CHECK: softmax_chosen#0: tensor<1x2xi32> {{\[\[}}3, 1]]
// CHECK: softmax_chosen#1: tensor<1x2xf32> {{\[\[}}1.46212, 0.537883]]
func.func @softmax_chosen() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
  %l = arith.constant dense<[[0.0, 1.0, -1.0, 2.0]]> : tensor<1x4xf32>
  %e, %w = transformer.route softmax_chosen %l {top_k = 2 : i64, scale = 2.0 : f64} : (tensor<1x4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %e, %w : tensor<1x2xi32>, tensor<1x2xf32>
}

// Equal logits, in front of and at the boundary: the lower index.
// CHECK: ties: tensor<2x2xi32> {{\[\[}}1, 0], [2, 3]]
func.func @ties() -> tensor<2x2xi32> {
  %l = arith.constant dense<[[1.0, 2.0, 1.0, 1.0], [0.0, 0.0, 5.0, 5.0]]> : tensor<2x4xf32>
  %e, %w = transformer.route softmax %l {top_k = 2 : i64} : (tensor<2x4xf32>) -> (tensor<2x2xi32>, tensor<2x2xf32>)
  return %e : tensor<2x2xi32>
}

// The correction chooses; the score without it weighs and orders. A score of 1e-8 is not lost beside a correction of 12; a negative correction.
// sigmoid(-18.4206807) = 1e-8, sigmoid(0) = 0.5, sigmoid(2) = 0.880797.
// CHECK: correction#0: tensor<1x2xi32> {{\[\[}}0, 1]]
// CHECK: correction#1: tensor<1x2xf32> {{\[\[}}0.5, 1e-08]]
func.func @correction() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
  %l = arith.constant dense<[[0.0, -18.4206807, 2.0]]> : tensor<1x3xf32>
  %b = arith.constant dense<[0.0, 12.0, -0.5]> : tensor<3xf32>
  %e, %w = transformer.route sigmoid %l bias %b {top_k = 2 : i64} : (tensor<1x3xf32>, tensor<3xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %e, %w : tensor<1x2xi32>, tensor<1x2xf32>
}

// Infinite corrections are larger or smaller than all; what is not a number counts as minus infinity, of which the lower index is chosen.
// CHECK: not_finite#0: tensor<1x3xi32> {{\[\[}}0, 1, 2]]
// CHECK: not_finite#1: tensor<1x3xf32> {{\[\[}}0.333333, 0.333333, 0.333333]]
// CHECK: not_finite#2: tensor<1x1xi32> {{\[\[}}2]]
// CHECK: not_finite#3: tensor<1x2xi32> {{\[\[}}0, 2]]
func.func @not_finite() -> (tensor<1x3xi32>, tensor<1x3xf32>, tensor<1x1xi32>, tensor<1x2xi32>) {
  %l = arith.constant dense<0.0> : tensor<1x4xf32>
  %b = arith.constant dense<[1.0, 0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<4xf32>
  %e, %w = transformer.route sigmoid %l bias %b {top_k = 3 : i64, renormalize} : (tensor<1x4xf32>, tensor<4xf32>) -> (tensor<1x3xi32>, tensor<1x3xf32>)
  %one, %w1 = transformer.route sigmoid %l bias %b {top_k = 1 : i64} : (tensor<1x4xf32>, tensor<4xf32>) -> (tensor<1x1xi32>, tensor<1x1xf32>)
  %two, %w2 = transformer.route sigmoid %l bias %b {top_k = 2 : i64} : (tensor<1x4xf32>, tensor<4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %e, %w, %one, %two : tensor<1x3xi32>, tensor<1x3xf32>, tensor<1x1xi32>, tensor<1x2xi32>
}

// Three groups of two, of which one is kept: by its best member the last, though the second's sum is larger.
// CHECK: group_max: tensor<1x2xi32> {{\[\[}}4, 5]]
func.func @group_max() -> tensor<1x2xi32> {
  %l = arith.constant dense<[[0.0, 1.0, 2.0, 2.0, 3.0, -9.0]]> : tensor<1x6xf32>
  %e, %w = transformer.route softmax_chosen %l {top_k = 2 : i64, groups = 3 : i64, top_groups = 1 : i64} : (tensor<1x6xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %e : tensor<1x2xi32>
}

// CHECK: group_sum: tensor<1x2xi32> {{\[\[}}2, 3]]
func.func @group_sum() -> tensor<1x2xi32> {
  %l = arith.constant dense<[[0.0, 1.0, 2.0, 2.0, 3.0, -9.0]]> : tensor<1x6xf32>
  %e, %w = transformer.route softmax_chosen %l {top_k = 2 : i64, groups = 3 : i64, top_groups = 1 : i64, group_score = #transformer<group_score top2_sum>} : (tensor<1x6xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %e : tensor<1x2xi32>
}

// Experts outside the kept groups count as minus infinity: with negative corrected scores inside (0.5 - 2, 0.5 - 3) they are still not chosen.
// CHECK: negative_in_group#0: tensor<1x2xi32> {{\[\[}}2, 3]]
// CHECK: negative_in_group#1: tensor<1x2xf32> {{\[\[}}0.5, 0.5]]
func.func @negative_in_group() -> (tensor<1x2xi32>, tensor<1x2xf32>) {
  %l = arith.constant dense<0.0> : tensor<1x4xf32>
  %b = arith.constant dense<[-4.0, -4.0, -2.0, -3.0]> : tensor<4xf32>
  %e, %w = transformer.route sigmoid %l bias %b {top_k = 2 : i64, groups = 2 : i64, top_groups = 1 : i64} : (tensor<1x4xf32>, tensor<4xf32>) -> (tensor<1x2xi32>, tensor<1x2xf32>)
  return %e, %w : tensor<1x2xi32>, tensor<1x2xf32>
}

// Scores that are all 0 are not divided by their sum.
// CHECK: zero_sum#0: tensor<1x1xi32> {{\[\[}}0]]
// CHECK: zero_sum#1: tensor<1x1xf32> {{\[\[}}0]]
func.func @zero_sum() -> (tensor<1x1xi32>, tensor<1x1xf32>) {
  %l = arith.constant dense<0xFF800000> : tensor<1x2xf32>
  %e, %w = transformer.route sigmoid %l {top_k = 1 : i64, renormalize} : (tensor<1x2xf32>) -> (tensor<1x1xi32>, tensor<1x1xf32>)
  return %e, %w : tensor<1x1xi32>, tensor<1x1xf32>
}

// Expert e adds up both inputs times (e + 1), and gives that to both outputs, the second negated. Token 0 meets experts 0 and 1, token 1 expert 1 twice.
// CHECK: plain_experts: tensor<2x2xf32> {{\[\[}}6, -6], [28, -28]]
func.func @plain_experts() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %e = arith.constant dense<[[0, 1], [1, 1]]> : tensor<2x2xi32>
  %w = arith.constant dense<[[1.0, 0.5], [1.0, 1.0]]> : tensor<2x2xf32>
  %up = arith.constant dense<[[[1.0, 1.0]], [[2.0, 2.0]]]> : tensor<2x1x2xf32>
  %down = arith.constant dense<[[[1.0], [-1.0]], [[1.0], [-1.0]]]> : tensor<2x2x1xf32>
  %y = transformer.experts relu %x, %e, %w up(%up) down(%down) : (tensor<2x2xf32>, tensor<2x2xi32>, tensor<2x2xf32>, tensor<2x1x2xf32>, tensor<2x2x1xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// Weights on the input pass through the activation: relu(-1 * 3)^2 and (-1 * -3)^2 against -1 * relu(3)^2.
// CHECK: weigh_input: tensor<2x1xf32> {{\[\[}}0], [9]]
func.func @weigh_input() -> tensor<2x1xf32> {
  %x = arith.constant dense<[[3.0], [-3.0]]> : tensor<2x1xf32>
  %e = arith.constant dense<0> : tensor<2x1xi32>
  %w = arith.constant dense<-1.0> : tensor<2x1xf32>
  %one = arith.constant dense<1.0> : tensor<1x1x1xf32>
  %y = transformer.experts relu_squared %x, %e, %w up(%one) down(%one) {weigh_input} : (tensor<2x1xf32>, tensor<2x1xi32>, tensor<2x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}

// Gates 10 + 1 and -20 + 1 become 7 and -19, ups 10 + 2 and -20 + 2 become 7 and -7; up_offset 1; down bias 5.
// 7 * (7 + 1) + 5 = 61, -19 * (-7 + 1) + 5 = 119. Of the biases expert 1 takes the second.
// CHECK: limited: tensor<2x1xf32> {{\[\[}}61], [119]]
func.func @limited() -> tensor<2x1xf32> {
  %x = arith.constant dense<[[10.0], [-20.0]]> : tensor<2x1xf32>
  %e = arith.constant dense<1> : tensor<2x1xi32>
  %w = arith.constant dense<1.0> : tensor<2x1xf32>
  %one = arith.constant dense<1.0> : tensor<2x1x1xf32>
  %gb = arith.constant dense<[100.0, 1.0]> : tensor<2xf32>
  %ub = arith.constant dense<[100.0, 2.0]> : tensor<2xf32>
  %db = arith.constant dense<[100.0, 5.0]> : tensor<2xf32>
  %y = transformer.experts identity %x, %e, %w gate(%one, %gb) up(%one, %ub) down(%one, %db) {limit = 7.0 : f64, up_offset = 1.0 : f64} : (tensor<2x1xf32>, tensor<2x1xi32>, tensor<2x1xf32>, tensor<2x1x1xf32>, tensor<2xf32>, tensor<2x1x1xf32>, tensor<2xf32>, tensor<2x1x1xf32>, tensor<2xf32>) -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}

// CHECK: scale_rows: tensor<2x2xf32> {{\[\[}}3, 6], [-3, -4]]
func.func @scale_rows() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %f = arith.constant dense<[[3.0], [-1.0]]> : tensor<2x1xf32>
  %y = transformer.scale_rows %x, %f : tensor<2x2xf32>, tensor<2x1xf32>
  return %y : tensor<2x2xf32>
}

// Positions 0 and 6 lie within the first 8, position 7 is the eighth: 1 + 0.5 log 2; position 15: 1 + 0.5 log 3.
// CHECK: temperature: tensor<4x1x1xf32> {{\[\[\[}}1]], {{\[\[}}1]], {{\[\[}}1.34657]], {{\[\[}}1.54931]]]
func.func @temperature() -> tensor<4x1x1xf32> {
  %x = arith.constant dense<1.0> : tensor<4x1x1xf32>
  %batch = arith.constant dense<[[0, 0, 16], [6, 0, 16], [7, 0, 16], [15, 0, 16]]> : tensor<4x3xi32>
  %y = transformer.temperature %x, %batch {floor_scale = 8.0 : f64, scale = 0.5 : f64} : tensor<4x1x1xf32>, tensor<4x3xi32>
  return %y : tensor<4x1x1xf32>
}
