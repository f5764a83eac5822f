// RUN: attune-opt %s --split-input-file --transformer-lower-boundaries | FileCheck %s
// Functions on tensors become functions on memory that the caller gives.

// Arguments and results keep their names; a result is an output argument, the packed weights come last.
// CHECK-LABEL: func.func @entry(
// CHECK-SAME:      %[[X:.*]]: memref<?x8xf32> {transformer.name = "x"}, %[[Y:.*]]: memref<?x8xf32> {kernel.role = "output", transformer.name = "y"},
// CHECK-SAME:      %{{.*}}: memref<?xi8> {kernel.role = "weights", transformer.name = "weights"}) {
// CHECK:           %[[T:.*]] = bufferization.to_tensor %[[X]] restrict : memref<?x8xf32>
// CHECK:           %[[A:.*]] = arith.addf %[[T]], %[[T]]
// CHECK:           bufferization.materialize_in_destination %[[A]] in restrict writable %[[Y]]
// CHECK-NEXT:      return
func.func @entry(%x: tensor<?x8xf32> {transformer.name = "x"}) -> (tensor<?x8xf32> {transformer.name = "y"}) {
  %y = arith.addf %x, %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// A layer writes its stream in place; a repeat is a loop of calls on one stream, with record and layer counted from where it starts.
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME:      %[[STREAM:.*]]: memref<?x8xf32>, %{{.*}}: index, %{{.*}}: index, %{{.*}}: memref<?xi8> {kernel.role = "cache"}, %{{.*}}: memref<?xi8> {kernel.role = "weights"
// CHECK:           bufferization.to_tensor %[[STREAM]] restrict writable
// CHECK:           bufferization.materialize_in_destination %{{.*}} in restrict writable %[[STREAM]]
// CHECK-LABEL: func.func @entry(
// CHECK-SAME:      %{{.*}}: memref<?x8xf32>, %[[CACHE:.*]]: memref<?xi8> {kernel.role = "cache"}, %{{.*}}: memref<?x8xf32> {kernel.role = "output"}, %[[WEIGHTS:.*]]: memref<?xi8>
// CHECK:           %[[ALLOC:.*]] = memref.alloc(%{{.*}}) : memref<?x8xf32>
// CHECK:           scf.for %[[I:.*]] = %{{.*}} to %[[COUNT:.*]] step
// CHECK-DAG:         %[[RECORD:.*]] = arith.addi %[[I]], %[[FIRST_RECORD:.*]] : index
// CHECK-DAG:         %[[LAYER:.*]] = arith.addi %[[I]], %[[FIRST_LAYER:.*]] : index
// CHECK:             func.call @layer(%[[ALLOC]], %[[RECORD]], %[[LAYER]], %[[CACHE]], %[[WEIGHTS]])
!cache = !transformer.cache<5 x 1 x 4 x 4 x f32>
func.func private @layer(%x: tensor<?x8xf32>, %record: index, %layer: index, %cache: !cache) -> tensor<?x8xf32> {
  %y = arith.addf %x, %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
func.func @entry(%x: tensor<?x8xf32>, %cache: !cache) -> tensor<?x8xf32> {
  %y = transformer.repeat @layer (%x, %cache) {count = 2 : i64, first = 3 : i64, record = 1 : i64} : (tensor<?x8xf32>, !cache) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// A tap is memory that the caller gives: with a dimension of layers where the tap has one, and passed on to the layers.
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME:      %[[LAYER:[a-z0-9]*]]: index, %[[TAP:[a-z0-9]*]]: memref<?x?x8xf32> {kernel.role = "tap", transformer.name = "hidden"}
// CHECK:           %[[PLACE:.*]] = memref.subview %[[TAP]][%[[LAYER]], 0, 0] [1, %{{.*}}, 8] [1, 1, 1]
// CHECK:           bufferization.materialize_in_destination %{{.*}} in restrict writable %[[PLACE]]
// CHECK-NOT:       transformer.tap
// CHECK-LABEL: func.func @entry(
// CHECK-SAME:      %[[LAYERS:[a-z0-9]*]]: memref<?x?x8xf32> {kernel.role = "tap", transformer.name = "hidden"}, %[[ONE:[a-z0-9]*]]: memref<?x8xf32> {kernel.role = "tap", transformer.name = "last"}
// CHECK:           func.call @layer(%{{.*}}, %[[LAYERS]], %{{.*}})
// CHECK:           bufferization.materialize_in_destination %{{.*}} in restrict writable %[[ONE]]
// CHECK-NOT:       transformer.tap
func.func private @layer(%x: tensor<?x8xf32>, %record: index, %layer: index) -> tensor<?x8xf32> {
  transformer.tap "hidden"[%layer], %x : tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}
func.func @entry(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = transformer.repeat @layer (%x) {count = 2 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  transformer.tap "last", %y : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Functions without tensors, and those that are only declared, stay as they are.
// CHECK-LABEL: func.func private @declared(tensor<?xf32>)
// CHECK:       func.func @scalar(%{{[a-z0-9]*}}: index) -> index {
func.func private @declared(tensor<?xf32>)
func.func @scalar(%i: index) -> index { return %i : index }

// -----

// What layers share is stored once, in memory of its own, for all runs of them.
// CHECK-LABEL: func.func @entry(
// CHECK:           %[[A:.*]] = arith.addf
// CHECK:           %[[ONE:.*]] = memref.alloc(%{{.*}}) : memref<?x2xf32>
// CHECK:           bufferization.materialize_in_destination %[[A]] in restrict writable %[[ONE]]
// CHECK:           %[[B:.*]] = arith.mulf
// CHECK:           %[[OTHER:.*]] = memref.alloc(%{{.*}}) : memref<?x2xf32>
// CHECK:           bufferization.materialize_in_destination %[[B]] in restrict writable %[[OTHER]]
// CHECK:           func.call @layer(%{{.*}}, %{{.*}}, %{{.*}}, %[[ONE]], %{{.*}})
// CHECK:           func.call @layer(%{{.*}}, %{{.*}}, %{{.*}}, %[[OTHER]], %{{.*}})
// CHECK-NOT:       memref.alloc(%{{.*}}) : memref<?x2xf32>
// CHECK:           func.call @layer(%{{.*}}, %{{.*}}, %{{.*}}, %[[ONE]], %{{.*}})
func.func private @layer(%x: tensor<?x8xf32>, %record: index, %layer: index, %table: tensor<?x2xf32>) -> tensor<?x8xf32> {
  return %x : tensor<?x8xf32>
}
func.func @entry(%x: tensor<?x8xf32>, %t: tensor<?x2xf32>) -> tensor<?x8xf32> {
  %one = arith.addf %t, %t : tensor<?x2xf32>
  %other = arith.mulf %t, %t : tensor<?x2xf32>
  %a = transformer.repeat @layer (%x, %one) {count = 2 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x8xf32>, tensor<?x2xf32>) -> tensor<?x8xf32>
  %b = transformer.repeat @layer (%a, %other) {count = 1 : i64, first = 2 : i64, record = 2 : i64} : (tensor<?x8xf32>, tensor<?x2xf32>) -> tensor<?x8xf32>
  %c = transformer.repeat @layer (%b, %one) {count = 1 : i64, first = 3 : i64, record = 3 : i64} : (tensor<?x8xf32>, tensor<?x2xf32>) -> tensor<?x8xf32>
  return %c : tensor<?x8xf32>
}

// -----

// A tap of integers: choices of experts.
// CHECK-LABEL: func.func @choices(
// CHECK-SAME:      %[[E:.*]]: memref<?x2xi32>, %[[LAYER:.*]]: index, %[[TAP:.*]]: memref<?x?x2xi32> {kernel.role = "tap", transformer.name = "router_experts"}
// CHECK:           %[[T:.*]] = bufferization.to_tensor %[[E]]
// CHECK:           %[[VIEW:.*]] = memref.subview %[[TAP]][%[[LAYER]], 0, 0]
// CHECK:           bufferization.materialize_in_destination %[[T]] in restrict writable %[[VIEW]]
func.func @choices(%e: tensor<?x2xi32>, %layer: index) {
  transformer.tap "router_experts"[%layer], %e : tensor<?x2xi32>
  return
}
