// RUN: attune-opt %s --kernel-map-to-gpu=matrix-type=bf16 | FileCheck %s
// RUN: attune-opt %s --kernel-map-to-gpu | FileCheck %s --check-prefix=F32
// RUN: not attune-opt %s --kernel-map-to-gpu=matrix-type=f64 2>&1 | FileCheck %s --check-prefix=BAD

// Many rows: tiles in bf16, two of each, and products of matrix units. Weights in bf16 are copied as they are.
// CHECK-LABEL: func.func @copied(
// CHECK:         gpu.launch {{.*}} function(@copied_linear_few_0)
// CHECK-NOT:       nvvm
// CHECK:         gpu.launch {{.*}} function(@copied_linear_1) workgroup(%{{.*}} : memref<2x64x40xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<2x32x136xbf16, #gpu.address_space<workgroup>>)
// CHECK:           nvvm.cp.async.shared.global
// CHECK:           nvvm.cp.async.commit.group
// CHECK:           arith.truncf %{{.*}} : vector<8xf32> to vector<8xbf16>
// CHECK:           scf.for
// CHECK:             nvvm.cp.async.wait.group 0
// CHECK-NEXT:        gpu.barrier
// CHECK:             nvvm.ldmatrix
// CHECK-COUNT-16:    nvvm.mma.sync
// CHECK-NOT:         nvvm.mma.sync
// CHECK:             vector.store
// CHECK:             scf.yield

// What units of matrices do is asked for.
// F32-NOT: nvvm

// BAD: matrix-type is 'f64', expected f16 or bf16
func.func @copied(%x: memref<?x64xf32>, %w: memref<2x2048xi8>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x64xf32>) weights(%w : memref<2x2048xi8>) outs(%y : memref<?x32xf32>) format(<codes = bf16>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// Weights of another type are rounded on the way.
// CHECK-LABEL: func.func @rounded(
// CHECK:         gpu.launch {{.*}} function(@rounded_linear_3)
// CHECK-NOT:       nvvm.cp.async.shared.global
// CHECK:           arith.truncf %{{.*}} : vector<4xf32> to vector<4xbf16>
// CHECK:           nvvm.mma.sync
func.func @rounded(%x: memref<?x64xf32>, %w: memref<2x4096xi8>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x64xf32>) weights(%w : memref<2x4096xi8>) outs(%y : memref<?x32xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// Two weights that are dequantised share one tile each between steps: two would be more memory than a block has.
// CHECK-LABEL: func.func @gated(
// CHECK:         gpu.launch {{.*}} function(@gated_linear_5) workgroup(%{{.*}} : memref<2x64x40xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<1x128x40xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<1x128x40xbf16, #gpu.address_space<workgroup>>)
// CHECK:           scf.for
// CHECK:             nvvm.cp.async.wait.group 0
// CHECK-NEXT:        gpu.barrier
// CHECK:             nvvm.mma.sync
// CHECK:             gpu.barrier
// CHECK:             vector.store
// CHECK:             scf.yield
func.func @gated(%x: memref<?x64xf32>, %gate: memref<2x1088xi8>, %up: memref<2x1088xi8>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x64xf32>) weights(%gate, %up : memref<2x1088xi8>, memref<2x1088xi8>) outs(%y : memref<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(64) {
  ^bb0(%g: f32, %u: f32):
    %p = arith.mulf %g, %u : f32
    kernel.yield %p : f32
  }
  return
}
