// RUN: attune-opt %s --transformer-split-taps | FileCheck %s
// RUN: attune-opt %s --transformer-split-taps > %t && attune-opt %t --transformer-split-taps | diff %t -
// RUN: attune-opt %s --transformer-drop-taps --canonicalize | FileCheck %s --check-prefix=DROP --implicit-check-not=transformer.tap
// Entries with taps get a second form, the originals lose their taps. A second run changes nothing.

// DROP-LABEL: func.func private @layer(
// DROP-NEXT:    %[[Y:.*]] = transformer.activation relu
// DROP-NEXT:    call @inner(%[[Y]])
// DROP-NEXT:    return %arg0
// CHECK-LABEL: func.func private @layer(
// CHECK-NOT:     transformer.tap
// CHECK:         call @inner(
// CHECK-LABEL: func.func private @layer_taps(
// CHECK:         transformer.tap "a"[%arg2]
// CHECK:         call @inner_taps(
func.func private @layer(%x: tensor<?x8xf32>, %record: index, %layer: index) -> tensor<?x8xf32> {
  %y = transformer.activation relu %x : tensor<?x8xf32>
  transformer.tap "a"[%layer], %y : tensor<?x8xf32>
  %s = transformer.activation sigmoid %x : tensor<?x8xf32>
  transformer.tap "only tapped", %s : tensor<?x8xf32>
  call @inner(%y) : (tensor<?x8xf32>) -> ()
  return %x : tensor<?x8xf32>
}

// CHECK-LABEL: func.func private @inner(
// CHECK-NOT:     transformer.tap
// CHECK-LABEL: func.func private @inner_taps(
// CHECK:         transformer.tap "b"
func.func private @inner(%x: tensor<?x8xf32>) {
  transformer.tap "b", %x : tensor<?x8xf32>
  return
}

// Without taps: shared by both forms.
// CHECK-LABEL: func.func private @plain_layer(
// CHECK-NOT:   @plain_layer_taps
func.func private @plain_layer(%x: tensor<?x8xf32>, %record: index, %layer: index) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %arg0: tensor<?x8xf32> {transformer.name = "x"}
// CHECK-NOT:     attributes
// CHECK:         transformer.repeat @plain_layer(
// CHECK-NEXT:    transformer.repeat @layer(
// CHECK-LABEL: func.func @step_taps(
// CHECK-SAME:    %arg0: tensor<?x8xf32> {transformer.name = "x"}
// CHECK-SAME:    attributes {transformer.taps}
// CHECK:         transformer.repeat @plain_layer(
// CHECK-NEXT:    transformer.repeat @layer_taps(
func.func @step(%x: tensor<?x8xf32> {transformer.name = "x"}) -> tensor<?x8xf32> {
  %y = transformer.repeat @plain_layer(%x) {record = 0 : i64, first = 0 : i64, count = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %z = transformer.repeat @layer(%y) {record = 0 : i64, first = 1 : i64, count = 2 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// A second entry shares the clones of its layers.
// CHECK-LABEL: func.func @encode(
// CHECK:         transformer.repeat @layer(
// CHECK-LABEL: func.func @encode_taps(
// CHECK:         transformer.repeat @layer_taps(
func.func @encode(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %z = transformer.repeat @layer(%x) {record = 0 : i64, first = 0 : i64, count = 2 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @without_taps(
// CHECK-NOT:   @without_taps_taps
func.func @without_taps(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = transformer.repeat @plain_layer(%x) {record = 0 : i64, first = 0 : i64, count = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
