// RUN: attune-opt %s --split-input-file --transformer-to-linalg --verify-diagnostics
// What has no lowering is an error, not a program that lacks it.

// Weights that are no part of the packed weights: the layout stage left the linear map.
func.func @linear(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  // expected-error @+1 {{'transformer.linear' op has no lowering in this form}}
  %y = transformer.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Keys that are not in a cache.
func.func @scores(%q: tensor<?x4x8xf32>, %K: tensor<?x2x8xf32>, %batch: tensor<?x3xi32>) -> tensor<?x4x?xf32> {
  // expected-error @+1 {{'transformer.scores' op has no lowering in this form}}
  %s = transformer.scores %q, %K, %batch : (tensor<?x4x8xf32>, tensor<?x2x8xf32>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  return %s : tensor<?x4x?xf32>
}

// -----

// Taps are lowered with the boundaries of functions.
func.func @tap(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{'transformer.tap' op has no lowering in this form}}
  transformer.tap "hidden", %x : tensor<?x8xf32>
  return
}
