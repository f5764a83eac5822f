// RUN: attune-opt %s --kernel-expand-embed=cpu=x86-64-v3 | FileCheck %s

// CHECK-LABEL: func.func @embed
// CHECK: %[[ID:.*]] = arith.index_castui
// CHECK: arith.divui %[[ID]]
// CHECK: arith.remui %[[ID]]
// CHECK: arith.extf %{{.*}} : vector<1xf16> to vector<1xf32>
// CHECK: vector.store %{{.*}} : memref<?x32xf32>, vector<4xf32>
// CHECK-NOT: kernel.embed
func.func @embed(%ids: memref<?xi32>, %table: memref<2x544xi8>, %y: memref<?x32xf32>) {
  kernel.embed ins(%ids : memref<?xi32>) table(%table : memref<2x544xi8>) outs(%y : memref<?x32xf32>) format(<codes = i8, group = 32, scale = f16>)
  return
}

// CHECK-LABEL: func.func @tensors
// CHECK: kernel.embed
func.func @tensors(%ids: tensor<?xi32>, %table: memref<2x512xi8>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %r = kernel.embed ins(%ids : tensor<?xi32>) table(%table : memref<2x512xi8>) outs(%y : tensor<?x8xf32>) format(<codes = f32>) -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}
