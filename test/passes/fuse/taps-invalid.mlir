// RUN: attune-opt %s --transformer-split-taps --verify-diagnostics --split-input-file

// expected-error @below {{its form with taps needs the name @step_taps, which is taken}}
func.func @step(%x: tensor<?x8xf32>) {
  transformer.tap "a", %x : tensor<?x8xf32>
  return
}
// expected-remark @below {{@step_taps is here}}
func.func private @step_taps()
