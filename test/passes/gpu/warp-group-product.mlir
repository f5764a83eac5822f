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

// The device chooses. A step is 64 columns, four products of 16. Inputs have two buffers, weights three stages, of two of
// which the first work item begins to copy before the loop; in it, it copies two steps ahead, if there is such a step.
// CHECK-LABEL: func.func @single(
// CHECK:         gpu.launch {{.*}} function(@single_linear_few_0)
// CHECK:         %[[HAS:.*]] = func.call @attune_device_has_warp_groups() : () -> i32
// CHECK:         %[[CHOICE:.*]] = arith.cmpi ne, %[[HAS]], %{{.*}} : i32
// CHECK:         scf.if %[[CHOICE]]
// CHECK:           %[[MAP:.*]] = func.call @attune_device_panel_map(%{{.*}}, %{{.*}}, %{{.*}}, %c8_i32{{.*}}, %c64_i32{{.*}}) : (i64, i64, i64, i32, i32) -> !llvm.ptr
// CHECK:           gpu.launch {{.*}} threads({{.*}}) in (%{{.*}} = %c128{{.*}}, {{.*}}) module(@device_sm_90a) function(@single_linear_sm_90a_1) workgroup(%{{.*}} : memref<2x64x64xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<3x8x64x16xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<3xi64, #gpu.address_space<workgroup>>)
// CHECK:             scf.if
// CHECK-COUNT-3:       nvvm.mbarrier.init
// CHECK:               nvvm.fence.mbarrier.init
// CHECK:             scf.for
// CHECK:               scf.if
// CHECK:                 nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c16384_i32{{.*}} : !llvm.ptr<3>, i32
// CHECK:                 nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[MAP]], %{{.*}}, box[%{{.*}}, %{{.*}}, %{{.*}}]{{ *}}: !llvm.ptr<7>, !llvm.ptr
// CHECK:                 nvvm.mbarrier.arrive.expect_tx
// CHECK:                 nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK:               vector.store
// CHECK:               scf.for
// CHECK:                 nvvm.fence.proxy
// CHECK-NEXT:            gpu.barrier
// CHECK:                 %[[IS_THERE:.*]] = arith.cmpi ult
// CHECK:                 scf.if %[[IS_THERE]]
// CHECK:                   nvvm.mbarrier.arrive.expect_tx
// CHECK:                   nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK:                 nvvm.mbarrier.try_wait.parity
// CHECK:                 nvvm.wgmma.fence.aligned
// CHECK-COUNT-4:         nvvm.wgmma.mma_async %{{.*}}, <m = 64, n = 128, k = 16>, D[<f32>, <one>], A[<bf16>, <one>, <row>], B[<bf16>, <one>, <row>]
// CHECK-NOT:             nvvm.wgmma.mma_async
// CHECK:                 nvvm.wgmma.commit.group.sync.aligned
// CHECK:                 vector.store
// CHECK:                 nvvm.wgmma.wait.group.sync.aligned 0
// CHECK:                 scf.yield
// CHECK:               gpu.barrier
// CHECK-NOT:         cp.async.shared
// CHECK:         else
// CHECK:           gpu.launch {{.*}} module(@device) function(@single_linear_2)
func.func @single(%x: memref<?x256xf32>, %w: memref<8x8192xi8>, %y: memref<?x128xf32>) {
  kernel.linear input(%x : memref<?x256xf32>) weights(%w : memref<8x8192xi8>) outs(%y : memref<?x128xf32>) format(<codes = bf16>) columns(256) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// Two weights share a tile: one product still, of 64 outputs of each, which come by a copy each. Two steps are on
// their way from the beginning.
// CHECK-LABEL: func.func @gated(
// CHECK:         %[[GATE_MAP:.*]] = func.call @attune_device_panel_map(%{{.*}}, %{{.*}}, %{{.*}}, %c4_i32{{.*}}, %c64_i32{{.*}})
// CHECK:         %[[UP_MAP:.*]] = func.call @attune_device_panel_map(
// CHECK:         gpu.launch {{.*}} function(@gated_linear_sm_90a_4) workgroup(%{{.*}} : memref<2x64x64xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<3x8x64x16xbf16, #gpu.address_space<workgroup>>, %{{.*}} : memref<3xi64, #gpu.address_space<workgroup>>)
// CHECK:           nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c16384_i32{{.*}}
// CHECK:           nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[GATE_MAP]],
// CHECK:           nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[UP_MAP]],
// CHECK-COUNT-1:   nvvm.mbarrier.arrive.expect_tx
// CHECK-COUNT-2:   nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK-NOT:       nvvm.cp.async.bulk.tensor.shared.cluster.global
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
