// RUN: attune-opt %s --split-input-file --verify-diagnostics --verify-roundtrip
// RUN: attune-opt %s --resolve-ranked-shaped-type-result-dims --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=SHAPE

// SHAPE-LABEL: func.func @tokens(
// SHAPE:         tensor.dim %arg0
func.func @tokens(%x: tensor<?x2x4xf32>, %w: tensor<2x6x4xf32>) -> index {
  %c0 = arith.constant 0 : index
  %y = transformer.head_linear %x, %w : (tensor<?x2x4xf32>, tensor<2x6x4xf32>) -> tensor<?x2x6xf32>
  %n = tensor.dim %y, %c0 : tensor<?x2x6xf32>
  return %n : index
}

// -----

func.func @heads(%x: tensor<?x2x4xf32>, %w: tensor<3x6x4xf32>) {
  // expected-error @+1 {{weights has size 3 in dimension 0, expected 2 (the heads)}}
  %y = transformer.head_linear %x, %w : (tensor<?x2x4xf32>, tensor<3x6x4xf32>) -> tensor<?x2x6xf32>
  return
}

// -----

func.func @input_size(%x: tensor<?x2x4xf32>, %w: tensor<2x6x5xf32>) {
  // expected-error @+1 {{weights has size 5 in dimension 2, expected 4 (the input's head size)}}
  %y = transformer.head_linear %x, %w : (tensor<?x2x4xf32>, tensor<2x6x5xf32>) -> tensor<?x2x6xf32>
  return
}

// -----

func.func @output_size(%x: tensor<?x2x4xf32>, %w: tensor<2x6x4xf32>) {
  // expected-error @+1 {{result has size 4 in dimension 2, expected 6 (the weights' rows)}}
  %y = transformer.head_linear %x, %w : (tensor<?x2x4xf32>, tensor<2x6x4xf32>) -> tensor<?x2x4xf32>
  return
}
