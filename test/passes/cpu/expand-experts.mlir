// RUN: attune-opt %s --split-input-file --kernel-expand-experts=cpu=x86-64-v3 --canonicalize | FileCheck %s

// A softmax over all, the largest behind the one before it twice, their scores divided by their sum. No group, no correction: nothing for them.
// CHECK-LABEL: func.func @softmax(
// CHECK-COUNT-2:   memref.alloca() {alignment = 64 : i64} : memref<8xf32>
// CHECK-NOT:       memref.alloca
// CHECK:           arith.maxnumf
// CHECK:           math.exp
// CHECK:           arith.divf
// CHECK:           arith.cmpf uno
// CHECK:           scf.for %{{.*}} = %{{.*}} to %c2 step %{{.*}} iter_args(%[[PREVIOUS:.*]] = %{{.*}}, %[[AT:.*]] = %c-1)
// CHECK:             scf.for %[[E:.*]] = %{{.*}} to %c8 {{.*}} iter_args(
// CHECK-DAG:           arith.cmpf oeq, %{{.*}}, %[[PREVIOUS]]
// CHECK-DAG:           arith.cmpi sgt, %[[E]], %[[AT]]
// CHECK-DAG:           arith.cmpf olt, %{{.*}}, %[[PREVIOUS]]
// CHECK-NOT:       kernel.route
func.func @softmax(%l: memref<?x8xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  kernel.route softmax ins(%l : memref<?x8xf32>) outs(%e, %w : memref<?x2xi32>, memref<?x2xf32>) {renormalize}
  return
}

// -----

// Of four groups of two, two are kept. Where a correction chooses, the chosen are put in the order of their scores.
// CHECK-LABEL: func.func @groups(
// CHECK-COUNT-2:   memref.alloca() {alignment = 64 : i64} : memref<4xf32>
// CHECK-COUNT-3:   memref.alloca() {alignment = 64 : i64} : memref<8xf32>
// CHECK:           math.exp
// CHECK:           memref.load %{{.*}} : memref<8xf32>
// CHECK:           arith.minnumf
// CHECK-NOT:       kernel.route
func.func @groups(%l: memref<?x8xf32>, %b: memref<8xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>) {
  kernel.route sigmoid ins(%l : memref<?x8xf32>) bias(%b : memref<8xf32>) outs(%e, %w : memref<?x2xi32>, memref<?x2xf32>)
      {groups = 4 : i64, top_groups = 2 : i64, group_score = #transformer<group_score top2_sum>}
  return
}

// -----

// Choices are counted, blocks cut, places given.
// CHECK-LABEL: func.func @dispatch(
// CHECK-SAME:      %{{.*}}, %[[PLACES:[a-z0-9]*]]: memref<?x2xi32>, %[[SOURCES:[a-z0-9]*]]: memref<?x2xi32>, %[[BLOCKS:[a-z0-9]*]]: memref<?x3xi32>, %[[COUNT:[a-z0-9]*]]: memref<1xi32>
// CHECK:           memref.alloca() {alignment = 64 : i64} : memref<8xi32>
// CHECK:           scf.for {{.*}} step %c96
// CHECK-COUNT-3:     memref.store %{{.*}}, %[[BLOCKS]]
// CHECK:           memref.store %{{.*}}, %[[COUNT]]
// CHECK:           memref.store %{{.*}}, %[[PLACES]]
// CHECK:           memref.store %{{.*}}, %[[SOURCES]]
// CHECK-NOT:       kernel.dispatch
func.func @dispatch(%c: memref<?x2xi32>, %p: memref<?x2xi32>, %s: memref<?x2xi32>, %b: memref<?x3xi32>, %n: memref<1xi32>) {
  kernel.dispatch ins(%c : memref<?x2xi32>) outs(%p, %s, %b, %n : memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>, memref<1xi32>) {experts = 8 : i64, rows = 96 : i64}
  return
}

// -----

// Tensors are left alone.
// CHECK-LABEL: func.func @tensors(
// CHECK:           kernel.route
func.func @tensors(%l: tensor<?x8xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>) -> tensor<?x2xi32> {
  %r:2 = kernel.route softmax ins(%l : tensor<?x8xf32>) outs(%e, %w : tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x2xi32>, tensor<?x2xf32>
  return %r#0 : tensor<?x2xi32>
}
