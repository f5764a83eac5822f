// RUN: attune-opt %s --transformer-fuse-ffn | FileCheck %s
// Feed-forward networks, gated and plain, from their parts.

!x = tensor<?x8xf32>
!h = tensor<?x16xf32>
!up = tensor<16x8xf32>
!down = tensor<8x16xf32>

// CHECK-LABEL: func.func @gated(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[G:.*]]: tensor<16x8xf32>, %[[U:.*]]: tensor<16x8xf32>, %[[D:.*]]: tensor<8x16xf32>)
// CHECK-NEXT:    %[[Y:.*]] = transformer.ffn silu %[[X]] gate(%[[G]]) up(%[[U]]) down(%[[D]])
// CHECK-NEXT:    return %[[Y]]
func.func @gated(%x: !x, %gate: !up, %up: !up, %down: !down) -> !x {
  %g = transformer.linear %x, %gate : (!x, !up) -> !h
  %u = transformer.linear %x, %up : (!x, !up) -> !h
  %a = transformer.activation silu %g : !h
  %m = arith.mulf %a, %u : !h
  %y = transformer.linear %m, %down : (!h, !down) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @gated_other_order(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[G:.*]]: tensor<16x8xf32>, %[[U:.*]]: tensor<16x8xf32>, %[[D:.*]]: tensor<8x16xf32>)
// CHECK-NEXT:    transformer.ffn gelu_tanh %[[X]] gate(%[[G]]) up(%[[U]]) down(%[[D]])
// CHECK-NEXT:    return
func.func @gated_other_order(%x: !x, %gate: !up, %up: !up, %down: !down) -> !x {
  %u = transformer.linear %x, %up : (!x, !up) -> !h
  %g = transformer.linear %x, %gate : (!x, !up) -> !h
  %a = transformer.activation gelu_tanh %g : !h
  %m = arith.mulf %u, %a : !h
  %y = transformer.linear %m, %down : (!h, !down) -> !x
  return %y : !x
}

// Storage types may differ, and each map may have a bias.
// CHECK-LABEL: func.func @gated_biases(
// CHECK-SAME:    %[[GB:[a-z0-9_]*]]: tensor<16xf32>, %[[DB:[a-z0-9_]*]]: tensor<8xf32>)
// CHECK-NEXT:    transformer.ffn silu %{{.*}} gate(%{{.*}}, %[[GB]]) up(%{{[a-z0-9_]*}}) down(%{{.*}}, %[[DB]]) : {{.*}}tensor<8x16xf32, #transformer.stored<q6_k>>
// CHECK-NEXT:    return
func.func @gated_biases(%x: !x, %gate: !up, %up: !up, %down: tensor<8x16xf32, #transformer.stored<q6_k>>, %gb: tensor<16xf32>, %db: tensor<8xf32>) -> !x {
  %g = transformer.linear %x, %gate bias %gb : (!x, !up, tensor<16xf32>) -> !h
  %u = transformer.linear %x, %up : (!x, !up) -> !h
  %a = transformer.activation silu %g : !h
  %m = arith.mulf %a, %u : !h
  %y = transformer.linear %m, %down bias %db : (!h, tensor<8x16xf32, #transformer.stored<q6_k>>, tensor<8xf32>) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @bilinear(
// CHECK-NEXT:    transformer.ffn identity %{{.*}} gate(%{{.*}}) up(%{{.*}}) down(%{{.*}})
// CHECK-NEXT:    return
func.func @bilinear(%x: !x, %gate: !up, %up: !up, %down: !down) -> !x {
  %g = transformer.linear %x, %gate : (!x, !up) -> !h
  %u = transformer.linear %x, %up : (!x, !up) -> !h
  %m = arith.mulf %g, %u : !h
  %y = transformer.linear %m, %down : (!h, !down) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @plain(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[U:.*]]: tensor<16x8xf32>, %[[UB:.*]]: tensor<16xf32>, %[[D:.*]]: tensor<8x16xf32>)
// CHECK-NEXT:    transformer.ffn relu %[[X]] up(%[[U]], %[[UB]]) down(%[[D]])
// CHECK-NEXT:    return
func.func @plain(%x: !x, %up: !up, %ub: tensor<16xf32>, %down: !down) -> !x {
  %u = transformer.linear %x, %up bias %ub : (!x, !up, tensor<16xf32>) -> !h
  %a = transformer.activation relu %u : !h
  %y = transformer.linear %a, %down : (!h, !down) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @linear_of_linear(
// CHECK-NOT:     transformer.ffn
// CHECK:         return
func.func @linear_of_linear(%x: !x, %up: !up, %down: !down) -> !x {
  %u = transformer.linear %x, %up : (!x, !up) -> !h
  %y = transformer.linear %u, %down : (!h, !down) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @different_inputs(
// CHECK-NOT:     transformer.ffn
// CHECK:         return
func.func @different_inputs(%x: !x, %z: !x, %gate: !up, %up: !up, %down: !down) -> !x {
  %g = transformer.linear %x, %gate : (!x, !up) -> !h
  %u = transformer.linear %z, %up : (!x, !up) -> !h
  %a = transformer.activation silu %g : !h
  %m = arith.mulf %a, %u : !h
  %y = transformer.linear %m, %down : (!h, !down) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @two_activations(
// CHECK-NOT:     transformer.ffn
// CHECK:         return
func.func @two_activations(%x: !x, %gate: !up, %up: !up, %down: !down) -> !x {
  %g = transformer.linear %x, %gate : (!x, !up) -> !h
  %u = transformer.linear %x, %up : (!x, !up) -> !h
  %a = transformer.activation silu %g : !h
  %b = transformer.activation silu %u : !h
  %m = arith.mulf %a, %b : !h
  %y = transformer.linear %m, %down : (!h, !down) -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @tapped_hidden(
// CHECK-NOT:     transformer.ffn
// CHECK:         return
func.func @tapped_hidden(%x: !x, %gate: !up, %up: !up, %down: !down) -> !x {
  %g = transformer.linear %x, %gate : (!x, !up) -> !h
  %u = transformer.linear %x, %up : (!x, !up) -> !h
  %a = transformer.activation silu %g : !h
  %m = arith.mulf %a, %u : !h
  transformer.tap "hidden", %m : !h
  %y = transformer.linear %m, %down : (!h, !down) -> !x
  return %y : !x
}

// Self-gating, silu written out: the linear map has two uses.
// CHECK-LABEL: func.func @gated_by_itself(
// CHECK-NOT:     transformer.ffn
// CHECK:         return
func.func @gated_by_itself(%x: !x, %up: !up, %down: !down) -> !x {
  %u = transformer.linear %x, %up : (!x, !up) -> !h
  %a = transformer.activation sigmoid %u : !h
  %m = arith.mulf %a, %u : !h
  %y = transformer.linear %m, %down : (!h, !down) -> !x
  return %y : !x
}
