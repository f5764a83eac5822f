// RUN: attune-opt %s --split-input-file --pass-pipeline="builtin.module(func.func(transformer-fresh-destinations))" | FileCheck %s

// Two halves make up the whole: what it held is not needed.
// CHECK-LABEL: func.func @halves(
// CHECK-SAME:    %[[X:.*]]: tensor<?x2x8xf32>,
// CHECK:         %[[EMPTY:.*]] = tensor.empty(%{{.*}}) : tensor<?x2x8xf32>
// CHECK:         %[[FIRST:.*]] = tensor.insert_slice %{{.*}} into %[[EMPTY]]
// CHECK:         tensor.insert_slice %{{.*}} into %[[FIRST]]
func.func @halves(%x: tensor<?x2x8xf32>, %a: tensor<?x2x4xf32>, %b: tensor<?x2x4xf32>) -> tensor<?x2x8xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x2x8xf32>
  %0 = tensor.insert_slice %a into %x[0, 0, 0] [%n, 2, 4] [1, 1, 1] : tensor<?x2x4xf32> into tensor<?x2x8xf32>
  %1 = tensor.insert_slice %b into %0[0, 0, 4] [%n, 2, 4] [1, 1, 1] : tensor<?x2x4xf32> into tensor<?x2x8xf32>
  return %1 : tensor<?x2x8xf32>
}

// -----

// Every second element, twice.
// CHECK-LABEL: func.func @interleaved(
// CHECK:         %[[EMPTY:.*]] = tensor.empty
// CHECK:         tensor.insert_slice %{{.*}} into %[[EMPTY]]
func.func @interleaved(%x: tensor<?x8xf32>, %a: tensor<?x4xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %0 = tensor.insert_slice %a into %x[0, 0] [%n, 4] [1, 2] : tensor<?x4xf32> into tensor<?x8xf32>
  %1 = tensor.insert_slice %b into %0[0, 1] [%n, 4] [1, 2] : tensor<?x4xf32> into tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// A partial rotation leaves the rest of the head.
// CHECK-LABEL: func.func @some_stay(
// CHECK-NOT:     tensor.empty
func.func @some_stay(%x: tensor<?x8xf32>, %a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %0 = tensor.insert_slice %a into %x[0, 0] [%n, 2] [1, 1] : tensor<?x2xf32> into tensor<?x8xf32>
  %1 = tensor.insert_slice %b into %0[0, 2] [%n, 2] [1, 1] : tensor<?x2xf32> into tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// Not all rows are replaced.
// CHECK-LABEL: func.func @some_rows(
// CHECK-NOT:     tensor.empty
func.func @some_rows(%x: tensor<?x8xf32>, %m: index, %a: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = tensor.insert_slice %a into %x[0, 0] [%m, 8] [1, 1] : tensor<?x8xf32> into tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// Someone looks at it when only half has been replaced.
// CHECK-LABEL: func.func @seen_between(
// CHECK-NOT:     tensor.empty
func.func @seen_between(%x: tensor<?x8xf32>, %a: tensor<?x4xf32>, %b: tensor<?x4xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %0 = tensor.insert_slice %a into %x[0, 0] [%n, 4] [1, 1] : tensor<?x4xf32> into tensor<?x8xf32>
  %1 = tensor.insert_slice %b into %0[0, 4] [%n, 4] [1, 1] : tensor<?x4xf32> into tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}
