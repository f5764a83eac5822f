// RUN: attune-opt %s --split-input-file --transformer-verify-layout --verify-diagnostics

// Parameters say how files store them; that is no tensor of the program.
transformer.parameter @p : tensor<32x32xf32, #transformer.stored<q8_0>> source "w"
func.func @plain(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %y = arith.addf %x, %x : tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

transformer.parameter @p : tensor<32x32xf32, #transformer.stored<q8_0>> source "w"
func.func @result() {
  // expected-error @+1 {{still has a tensor with a storage encoding after the layout stage: no kernel takes it in this form}}
  %w = transformer.weight @p : tensor<32x32xf32, #transformer.stored<q8_0>>
  return
}

// -----

// Arithmetic on stored weights has no kernel; upstream passes would compute with f32 bytes.
func.func @operand(%w: tensor<32x32xf32, #transformer.stored<q4_0>>) {
  // expected-error @+1 {{still has a tensor with a storage encoding}}
  %c = tensor.cast %w : tensor<32x32xf32, #transformer.stored<q4_0>> to tensor<?x32xf32, #transformer.stored<q4_0>>
  return
}
