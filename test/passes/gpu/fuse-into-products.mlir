// RUN: attune-opt %s --split-input-file --pass-pipeline="builtin.module(func.func(kernel-fuse-rows))" | FileCheck %s
// RUN: attune-opt %s --split-input-file --pass-pipeline="builtin.module(func.func(kernel-fuse-rows), kernel-map-to-gpu, canonicalize, cse, canonicalize)" | FileCheck %s --check-prefix=LAUNCH

// Of few rows each block of the product makes its row itself, and then 16 outputs; of many the row is made once.
// CHECK-LABEL: func.func @product(
// CHECK:         %[[FEW:.*]] = arith.cmpi ule, %{{.*}}, %c8{{.*}} : index
// CHECK:         scf.if %[[FEW]] {
// CHECK:           scf.forall (%[[T:.*]], %[[P:.*]]) in (%{{.*}}, 2) {
// CHECK:             %[[ROW:.*]] = memref.alloc() : memref<1x64xf32>
// CHECK:             %[[OUT:.*]] = memref.cast %[[ROW]]
// CHECK:             linalg.generic {{.*}} outs(%[[OUT]]
// CHECK:             kernel.linear input(%[[ROW]] : memref<1x64xf32>) weights(%{{.*}} : memref<1x4096xi8, {{.*}}>) extras(%{{.*}} : memref<16xf32, {{.*}}>) outs(%{{.*}} : memref<1x16xf32, {{.*}}>)
// CHECK:           } {mapping = [#gpu.block<y>, #gpu.block<x>]}
// CHECK:         } else {
// CHECK:           scf.forall (%{{.*}}) in (%{{.*}}) {
// CHECK:           kernel.linear {{.*}} outs(%{{.*}} : memref<?x32xf32>)
// LAUNCH-LABEL: func.func @product(
// LAUNCH:         scf.if
// LAUNCH:           gpu.launch blocks({{.*}}) in (%{{.*}} = %c2{{.*}}, %{{.*}} = %[[N:.*]], %{{.*}}) {{.*}} function(@product_linear_few_0) workgroup(%{{.*}} : memref<1x64xf32, #gpu.address_space<workgroup>>
// LAUNCH:         } else {
// LAUNCH:           gpu.launch {{.*}} function(@product_rows_1)
// LAUNCH-NOT:       scf.if
// LAUNCH:           gpu.launch {{.*}} function(@product_linear_3)
// LAUNCH-NOT:     gpu.launch
// LAUNCH:         return
func.func @product(%x: memref<?x64xf32>, %w: memref<2x4096xi8>, %bias: memref<32xf32>, %y: memref<?x32xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x64xf32>
  %r = memref.alloc(%n) : memref<?x64xf32>
  scf.forall (%t) in (%n) {
    %row = memref.subview %x[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    %out = memref.subview %r[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
        ins(%row : memref<1x64xf32, strided<[64, 1], offset: ?>>) outs(%out : memref<1x64xf32, strided<[64, 1], offset: ?>>) {
    ^bb0(%in: f32, %unused: f32):
      %a = math.absf %in : f32
      linalg.yield %a : f32
    }
  }
  kernel.linear input(%r : memref<?x64xf32>) weights(%w : memref<2x4096xi8>) extras(%bias : memref<32xf32>) outs(%y : memref<?x32xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32, %b: f32):
    %s = arith.addf %p, %b : f32
    kernel.yield %s : f32
  }
  return
}

// -----

// The product writes over what the row is made from: another block may need it yet.
// CHECK-LABEL: func.func @in_place(
// CHECK-NOT:     scf.if
func.func @in_place(%x: memref<?x64xf32>, %w: memref<4x4096xi8>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x64xf32>
  %r = memref.alloc(%n) : memref<?x64xf32>
  scf.forall (%t) in (%n) {
    %row = memref.subview %x[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    %out = memref.subview %r[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    linalg.copy ins(%row : memref<1x64xf32, strided<[64, 1], offset: ?>>) outs(%out : memref<1x64xf32, strided<[64, 1], offset: ?>>)
  }
  kernel.linear input(%r : memref<?x64xf32>) weights(%w : memref<4x4096xi8>) outs(%x : memref<?x64xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// Someone else reads the row.
// CHECK-LABEL: func.func @read_again(
// CHECK-NOT:     scf.if
func.func @read_again(%x: memref<?x64xf32>, %w: memref<4x4096xi8>, %y: memref<?x64xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x64xf32>
  %r = memref.alloc(%n) : memref<?x64xf32>
  scf.forall (%t) in (%n) {
    %row = memref.subview %x[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    %out = memref.subview %r[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    linalg.copy ins(%row : memref<1x64xf32, strided<[64, 1], offset: ?>>) outs(%out : memref<1x64xf32, strided<[64, 1], offset: ?>>)
  }
  kernel.linear input(%r : memref<?x64xf32>) weights(%w : memref<4x4096xi8>) extras(%r : memref<?x64xf32>) outs(%y : memref<?x64xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32, %e: f32):
    %s = arith.addf %p, %e : f32
    kernel.yield %s : f32
  }
  return
}

// -----

// More outputs than a device computes at once: rows would be made again and again.
// CHECK-LABEL: func.func @head(
// CHECK-NOT:     scf.if
func.func @head(%x: memref<?x64xf32>, %w: memref<1025x4096xi8>, %y: memref<?x16400xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x64xf32>
  %r = memref.alloc(%n) : memref<?x64xf32>
  scf.forall (%t) in (%n) {
    %row = memref.subview %x[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    %out = memref.subview %r[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    linalg.copy ins(%row : memref<1x64xf32, strided<[64, 1], offset: ?>>) outs(%out : memref<1x64xf32, strided<[64, 1], offset: ?>>)
  }
  kernel.linear input(%r : memref<?x64xf32>) weights(%w : memref<1025x4096xi8>) outs(%y : memref<?x16400xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}
