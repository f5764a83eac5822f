// RUN: attune-opt %s --split-input-file --verify-diagnostics --kernel-emulate-device | FileCheck %s

module attributes {gpu.container_module} {
  gpu.module @device_sm_90a {
    gpu.func @multiply(%a: i64, %b: i64, %out: memref<4xf32>) kernel {
      %zero = llvm.mlir.zero : !llvm.struct<(f32, f32, f32, f32)>
      nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
      nvvm.wgmma.fence.aligned
      %d = nvvm.wgmma.mma_async %a, %b, %zero, <m = 64, n = 8, k = 16>, D[<f32>, <one>], A[<bf16>, <one>, <row>], B[<bf16>, <one>, <row>] : !llvm.struct<(f32, f32, f32, f32)> -> !llvm.struct<(f32, f32, f32, f32)>
      nvvm.wgmma.commit.group.sync.aligned
      nvvm.wgmma.wait.group.sync.aligned 0
      %d1 = llvm.extractvalue %d[1] : !llvm.struct<(f32, f32, f32, f32)>
      %c0 = arith.constant 0 : index
      memref.store %d1, %out[%c0] : memref<4xf32>
      gpu.return
    }
  }
  // CHECK-LABEL: func.func private @device_sm_90a_multiply(
  // CHECK-SAME:    %[[A:.*]]: i64, %[[B:.*]]: i64, %{{.*}}: memref<4xf32>)
  // CHECK-NOT:     nvvm.
  // CHECK:         call @attune_item_proxy_fence() : () -> ()
  // CHECK:         call @attune_item_wgmma_fence() : () -> ()
  // CHECK:         call @attune_item_wgmma_bf16(%[[A]], %[[B]], %c8{{.*}}, %c1{{.*}}, %{{.*}}) : (i64, i64, i32, i32, !llvm.ptr) -> ()
  // CHECK:         call @attune_item_wgmma_commit() : () -> ()
  // CHECK:         call @attune_item_wgmma_wait(%c0{{.*}}) : (i32) -> ()
}

// -----

module attributes {gpu.container_module} {
  gpu.module @device_sm_90a {
    gpu.func @negated(%a: i64, %b: i64) kernel {
      %zero = llvm.mlir.zero : !llvm.struct<(f32, f32, f32, f32)>
      // expected-error@+1 {{is not emulated: not f16 or bf16 added to f32 sums, with A along its columns}}
      %d = nvvm.wgmma.mma_async %a, %b, %zero, <m = 64, n = 8, k = 16>, D[<f32>, <one>], A[<bf16>, <neg>, <row>], B[<bf16>, <one>, <row>] : !llvm.struct<(f32, f32, f32, f32)> -> !llvm.struct<(f32, f32, f32, f32)>
      gpu.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.module @device_sm_90a {
    gpu.func @fence() kernel {
      // expected-error@+1 {{is not emulated: not of the block's memory}}
      nvvm.fence.proxy {kind = #nvvm.proxy_kind<alias>}
      gpu.return
    }
  }
}
