// RUN: attune-opt %s --transformer-lower-copies | FileCheck %s

// CHECK-LABEL: func.func @strided(
// CHECK-SAME:      %[[A:.*]]: memref<?x4xf32, strided<[8, 1]>>, %[[B:.*]]: memref<?x4xf32>)
// CHECK-NEXT:    linalg.copy ins(%[[A]] : memref<?x4xf32, strided<[8, 1]>>) outs(%[[B]] : memref<?x4xf32>)
// CHECK-NEXT:    return
func.func @strided(%a: memref<?x4xf32, strided<[8, 1]>>, %b: memref<?x4xf32>) {
  memref.copy %a, %b : memref<?x4xf32, strided<[8, 1]>> to memref<?x4xf32>
  return
}

// CHECK-LABEL: func.func @to_strided(
// CHECK-NEXT:    linalg.copy
func.func @to_strided(%a: memref<?x4xf32>, %b: memref<?x4xf32, strided<[8, 1], offset: ?>>) {
  memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32, strided<[8, 1], offset: ?>>
  return
}

// A plain memcpy stays one.
// CHECK-LABEL: func.func @contiguous(
// CHECK-NEXT:    memref.copy
func.func @contiguous(%a: memref<?x4xf32>, %b: memref<?x4xf32>) {
  memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32>
  return
}
