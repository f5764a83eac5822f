// RUN: attune-opt %s --kernel-outline-parallel | FileCheck %s

// Constants are cloned into the body rather than passed.
// CHECK-LABEL: func.func @one(
// CHECK-SAME:      %[[M:.*]]: memref<?xf32>, %{{.*}}: index)
// CHECK:           %[[COUNT:.*]] = arith.ceildivui
// CHECK:           kernel.launch @one_parallel count(%[[COUNT]]) args(%[[M]], %[[COUNT]] : memref<?xf32>, index)
// CHECK-NEXT:      return
func.func @one(%m: memref<?xf32>, %n: index) {
  %two = arith.constant 2.0 : f32
  scf.forall (%i) in (%n) {
    memref.store %two, %m[%i] : memref<?xf32>
  }
  return
}

// CHECK-LABEL: func.func @two(
// CHECK-SAME:      %{{.*}}: memref<?x?xf32>, %{{.*}}: f32, %[[N:[a-z0-9]*]]: index, %[[FROM:[a-z0-9]*]]: index)
// CHECK:           %[[SPAN0:.*]] = arith.subi %[[N]], %{{.*}}
// CHECK:           %[[TRIPS0:.*]] = arith.ceildivui %[[SPAN0]], %c96
// CHECK:           %[[SPAN1:.*]] = arith.subi %c40, %[[FROM]]
// CHECK:           %[[TRIPS1:.*]] = arith.ceildivui %[[SPAN1]], %c16
// CHECK:           %[[COUNT:.*]] = arith.muli %[[TRIPS0]], %[[TRIPS1]]
// CHECK:           kernel.launch @two_parallel count(%[[COUNT]])
func.func @two(%m: memref<?x?xf32>, %x: f32, %n: index, %from: index) {
  scf.forall (%i, %j) = (0, %from) to (%n, 40) step (96, 16) {
    memref.store %x, %m[%i, %j] : memref<?x?xf32>
  }
  return
}

// The outer loop runs in parallel, the inner one in its body.
// CHECK-LABEL: func.func @nested(
// CHECK:           kernel.launch @nested_parallel
// CHECK-NOT:       kernel.launch
func.func @nested(%m: memref<?x?xf32>, %x: f32, %n: index) {
  scf.forall (%i) in (%n) {
    scf.forall (%j) in (%n) {
      memref.store %x, %m[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// CHECK-LABEL: func.func @sequential(
// CHECK:           scf.for
// CHECK-NOT:       kernel.launch
func.func @sequential(%m: memref<?xf32>, %x: f32, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    memref.store %x, %m[%i] : memref<?xf32>
  }
  return
}

// A range of flat iterations, turned back into indices: the last one runs fastest.
// CHECK-LABEL: func.func private @one_parallel(
// CHECK-SAME:      %[[BEGIN:.*]]: index, %[[END:.*]]: index, %[[M:.*]]: memref<?xf32>, %{{.*}}: index)
// CHECK:           scf.for %{{.*}} = %[[BEGIN]] to %[[END]] step %c1
// CHECK:             %[[TWO:.*]] = arith.constant 2.000000e+00 : f32
// CHECK:             memref.store %[[TWO]], %[[M]]
// CHECK-LABEL: func.func private @two_parallel(
// CHECK-SAME:      %{{.*}}: index, %{{.*}}: index, %[[X:[a-z0-9]*]]: f32, %[[M:[a-z0-9]*]]: memref<?x?xf32>, %{{[a-z0-9]*}}: index, %[[TRIPS1:[a-z0-9]*]]: index, %[[FROM:[a-z0-9]*]]: index)
// CHECK:           scf.for %[[FLAT:.*]] =
// CHECK:             %[[REST:.*]] = arith.remui %[[FLAT]], %[[TRIPS1]]
// CHECK:             %[[FIRST:.*]] = arith.divui %[[FLAT]], %[[TRIPS1]]
// CHECK:             %[[SCALED:.*]] = arith.muli %[[REST]], %c16
// CHECK:             %[[J:.*]] = arith.addi %[[SCALED]], %[[FROM]]
// CHECK:             %[[SCALED0:.*]] = arith.muli %[[FIRST]], %c96
// CHECK:             %[[I:.*]] = arith.addi %[[SCALED0]], %{{.*}}
// CHECK:             memref.store %[[X]], %[[M]][%[[I]], %[[J]]]
// CHECK-LABEL: func.func private @nested_parallel(
// CHECK:           scf.for
// CHECK:             scf.forall
