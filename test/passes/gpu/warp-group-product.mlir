// RUN: attune-opt %s --kernel-map-to-gpu="matrix-type=bf16 warp-groups" | FileCheck %s
// RUN: attune-opt %s --kernel-map-to-gpu="matrix-type=bf16 warp-groups" --gpu-kernel-outlining | FileCheck %s --check-prefix=MODULES
// RUN: attune-opt %s --kernel-map-to-gpu=matrix-type=bf16 | FileCheck %s --check-prefix=NONE
// RUN: attune-opt %s --kernel-map-to-gpu=warp-groups | FileCheck %s --check-prefix=NONE

// Kernels for one chip have a module of their own.
// MODULES:     gpu.module @device {
// MODULES-NOT:   wgmma
// MODULES:       gpu.func @single_linear_2(
// MODULES-NOT:   wgmma
// MODULES:     gpu.module @device_sm_90a {
// MODULES:       gpu.func @single_linear_sm_90a_1(

// NONE-NOT: wgmma
// NONE-NOT: attune_device_has_warp_groups

// The device chooses. A step is 64 columns, four products of 16; its tiles fill what a block has of memory.
// CHECK-LABEL: func.func @single(
// CHECK:         gpu.launch {{.*}} function(@single_linear_few_0)
// CHECK:         %[[HAS:.*]] = func.call @attune_device_has_warp_groups() : () -> i32
// CHECK:         %[[CHOICE:.*]] = arith.cmpi ne, %[[HAS]], %{{.*}} : i32
// CHECK:         scf.if %[[CHOICE]]
// CHECK:           gpu.launch {{.*}} threads({{.*}}) in (%{{.*}} = %c128{{.*}}, {{.*}}) module(@device_sm_90a) function(@single_linear_sm_90a_1) workgroup(%{{.*}} : memref<2x64x64xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<2x128x64xbf16, #gpu.address_space<workgroup>>)
// CHECK:             nvvm.cp.async.shared.global
// CHECK:             nvvm.cp.async.commit.group
// CHECK:             scf.for
// CHECK:               nvvm.cp.async.wait.group 0
// CHECK-NEXT:          nvvm.fence.proxy
// CHECK-NEXT:          gpu.barrier
// CHECK:               nvvm.wgmma.fence.aligned
// CHECK-COUNT-4:       nvvm.wgmma.mma_async %{{.*}}, <m = 64, n = 128, k = 16>, D[<f32>, <one>], A[<bf16>, <one>, <row>], B[<bf16>, <one>, <row>]
// CHECK-NOT:           nvvm.wgmma.mma_async
// CHECK:               nvvm.wgmma.commit.group.sync.aligned
// CHECK:               vector.store
// CHECK:               nvvm.wgmma.wait.group.sync.aligned 0
// CHECK:               scf.yield
// CHECK:         else
// CHECK:           gpu.launch {{.*}} module(@device) function(@single_linear_2)
func.func @single(%x: memref<?x128xf32>, %w: memref<8x4096xi8>, %y: memref<?x128xf32>) {
  kernel.linear input(%x : memref<?x128xf32>) weights(%w : memref<8x4096xi8>) outs(%y : memref<?x128xf32>) format(<codes = bf16>) columns(128) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// Two weights share a tile: one product still, of 64 outputs of each.
// CHECK-LABEL: func.func @gated(
// CHECK:         gpu.launch {{.*}} function(@gated_linear_sm_90a_4) workgroup(%{{.*}} : memref<2x64x64xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<2x128x64xbf16, #gpu.address_space<workgroup>>)
// CHECK-COUNT-4:   nvvm.wgmma.mma_async %{{.*}}, <m = 64, n = 128, k = 16>
// CHECK:           %[[GATE:.*]] = llvm.extractvalue %[[SUMS:.*]][0]
// CHECK:           %[[UP:.*]] = llvm.extractvalue %[[SUMS]][32]
// CHECK:           arith.mulf %[[GATE]], %[[UP]]
func.func @gated(%x: memref<?x128xf32>, %gate: memref<8x4096xi8>, %up: memref<8x4096xi8>, %y: memref<?x128xf32>) {
  kernel.linear input(%x : memref<?x128xf32>) weights(%gate, %up : memref<8x4096xi8>, memref<8x4096xi8>) outs(%y : memref<?x128xf32>) format(<codes = bf16>) columns(128) {
  ^bb0(%g: f32, %u: f32):
    %p = arith.mulf %g, %u : f32
    kernel.yield %p : f32
  }
  return
}

// Weights of another type go through registers, for which there is no such kernel.
// CHECK-LABEL: func.func @rounded(
// CHECK-NOT:     attune_device_has_warp_groups
// CHECK-NOT:     wgmma
func.func @rounded(%x: memref<?x64xf32>, %w: memref<2x4096xi8>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x64xf32>) weights(%w : memref<2x4096xi8>) outs(%y : memref<?x32xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}
