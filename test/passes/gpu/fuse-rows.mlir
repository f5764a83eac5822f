// RUN: attune-opt %s --split-input-file --pass-pipeline="builtin.module(func.func(kernel-fuse-rows))" | FileCheck %s
// RUN: attune-opt %s --split-input-file --pass-pipeline="builtin.module(func.func(kernel-fuse-rows), kernel-map-to-gpu)" | FileCheck %s --check-prefix=LAUNCH

// A rotation of keys, a copy of values and the cache's update: one launch, a block for each token.
// CHECK-LABEL: func.func @keys(
// CHECK:         scf.forall (%[[T:.*]]) in (%{{.*}}) {
// CHECK:           linalg.generic
// CHECK:           %[[COPY_FROM:.*]] = memref.subview %{{.*}}[%[[T]], 0, 0] [1, 2, 8]
// CHECK:           linalg.copy ins(%[[COPY_FROM]]
// CHECK:           kernel.cache_update {{.*}} : memref<1x2x8xf32, {{.*}}>, memref<1x2x8xf32, {{.*}}>, memref<1x3xi32, {{.*}}>, memref<?x2x8x16xf32>, memref<?x2x8xf32>
// CHECK:         } {mapping = [#gpu.block<x>]}
// CHECK-NOT:     kernel.cache_update
// LAUNCH-LABEL: func.func @keys(
// LAUNCH:         gpu.launch {{.*}}threads({{.*}} function(@keys_rows_0)
// LAUNCH-NOT:     gpu.launch
// LAUNCH:         return
func.func @keys(%k: memref<?x2x8xf32>, %v: memref<?x2x8xf32, strided<[96, 8, 1], offset: 80>>, %batch: memref<?x3xi32>, %keys: memref<?x2x8x16xf32>, %values: memref<?x2x8xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %k, %c0 : memref<?x2x8xf32>
  %rotated = memref.alloc(%n) : memref<?x2x8xf32>
  scf.forall (%t) in (%n) {
    %row = memref.subview %k[%t, 0, 0] [1, 2, 8] [1, 1, 1] : memref<?x2x8xf32> to memref<1x2x8xf32, strided<[16, 8, 1], offset: ?>>
    %out = memref.subview %rotated[%t, 0, 0] [1, 2, 8] [1, 1, 1] : memref<?x2x8xf32> to memref<1x2x8xf32, strided<[16, 8, 1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%row : memref<1x2x8xf32, strided<[16, 8, 1], offset: ?>>) outs(%out : memref<1x2x8xf32, strided<[16, 8, 1], offset: ?>>) {
    ^bb0(%in: f32, %unused: f32):
      %r = arith.negf %in : f32
      linalg.yield %r : f32
    }
  }
  %m = memref.dim %rotated, %c0 : memref<?x2x8xf32>
  %copy = memref.alloc(%m) : memref<?x2x8xf32>
  linalg.copy ins(%v : memref<?x2x8xf32, strided<[96, 8, 1], offset: 80>>) outs(%copy : memref<?x2x8xf32>)
  kernel.cache_update %rotated, %copy, %batch into %keys, %values : memref<?x2x8xf32>, memref<?x2x8xf32>, memref<?x3xi32>, memref<?x2x8x16xf32>, memref<?x2x8xf32>
  return
}

// -----

// The second reads other tokens' rows.
// CHECK-LABEL: func.func @neighbours(
// CHECK:         scf.forall
// CHECK-NOT:     mapping
// CHECK:         scf.forall
func.func @neighbours(%n: index, %x: memref<?x8xf32>, %y: memref<?x8xf32>) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%t) in (%n) {
    %row = memref.subview %x[%t, 0] [1, 8] [1, 1] : memref<?x8xf32> to memref<1x8xf32, strided<[8, 1], offset: ?>>
    linalg.fill ins(%zero : f32) outs(%row : memref<1x8xf32, strided<[8, 1], offset: ?>>)
  }
  scf.forall (%t) in (%n) {
    %first = memref.subview %x[0, 0] [1, 8] [1, 1] : memref<?x8xf32> to memref<1x8xf32, strided<[8, 1]>>
    %row = memref.subview %y[%t, 0] [1, 8] [1, 1] : memref<?x8xf32> to memref<1x8xf32, strided<[8, 1], offset: ?>>
    linalg.copy ins(%first : memref<1x8xf32, strided<[8, 1]>>) outs(%row : memref<1x8xf32, strided<[8, 1], offset: ?>>)
  }
  return
}

// -----

// The view that the second reads has its rows elsewhere.
// CHECK-LABEL: func.func @shifted(
// CHECK:         scf.forall
// CHECK-NOT:     mapping
// CHECK:         linalg.copy ins
func.func @shifted(%x: memref<?x8xf32>, %n: index) {
  %zero = arith.constant 0.0 : f32
  %y = memref.alloc(%n) : memref<?x8xf32>
  scf.forall (%t) in (%n) {
    %row = memref.subview %x[%t, 0] [1, 8] [1, 1] : memref<?x8xf32> to memref<1x8xf32, strided<[8, 1], offset: ?>>
    linalg.fill ins(%zero : f32) outs(%row : memref<1x8xf32, strided<[8, 1], offset: ?>>)
  }
  %later = memref.subview %x[1, 0] [%n, 8] [1, 1] : memref<?x8xf32> to memref<?x8xf32, strided<[8, 1], offset: 8>>
  linalg.copy ins(%later : memref<?x8xf32, strided<[8, 1], offset: 8>>) outs(%y : memref<?x8xf32>)
  return
}

// -----

// Nothing says that there are as many of one as of the other.
// CHECK-LABEL: func.func @numbers(
// CHECK:         linalg.fill
// CHECK:         linalg.fill
// CHECK-NOT:     scf.forall
func.func @numbers(%x: memref<?x8xf32>, %y: memref<?x8xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%x : memref<?x8xf32>)
  linalg.fill ins(%zero : f32) outs(%y : memref<?x8xf32>)
  return
}

// -----

// What stands between may write what the second reads.
// CHECK-LABEL: func.func @between(
// CHECK:         linalg.fill
// CHECK:         kernel.linear
// CHECK:         linalg.fill
// CHECK-NOT:     scf.forall
func.func @between(%x: memref<?x64xf32>, %w: memref<4x4096xi8>) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x64xf32>
  %y = memref.alloc(%n) : memref<?x64xf32>
  linalg.fill ins(%zero : f32) outs(%y : memref<?x64xf32>)
  kernel.linear input(%x : memref<?x64xf32>) weights(%w : memref<4x4096xi8>) outs(%y : memref<?x64xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  linalg.fill ins(%zero : f32) outs(%x : memref<?x64xf32>)
  return
}
