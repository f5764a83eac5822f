// RUN: attune-opt %s --split-input-file --verify-diagnostics --kernel-emulate-device | FileCheck %s

module attributes {gpu.container_module} {
  gpu.module @device_sm_90a {
    gpu.func @copy(%map: !llvm.ptr, %to: !llvm.ptr<7>, %barrier: !llvm.ptr<3>, %k: i32) kernel {
      %0 = arith.constant 0 : i32
      %1 = arith.constant 1 : i32
      %bytes = arith.constant 4096 : i32
      nvvm.mbarrier.init %barrier, %1 : !llvm.ptr<3>, i32
      nvvm.fence.mbarrier.init
      nvvm.mbarrier.arrive.expect_tx %barrier, %bytes : !llvm.ptr<3>, i32
      nvvm.cp.async.bulk.tensor.shared.cluster.global %to, %map, %barrier, box[%0, %k, %1] : !llvm.ptr<7>, !llvm.ptr
      nvvm.mbarrier.try_wait.parity %barrier, %0, %bytes : !llvm.ptr<3>, i32, i32
      gpu.return
    }
  }
  // CHECK-LABEL: func.func private @device_sm_90a_copy(
  // CHECK-SAME:    %[[MAP:.*]]: !llvm.ptr, %[[TO:.*]]: !llvm.ptr<7>, %[[BARRIER:.*]]: !llvm.ptr<3>, %[[K:.*]]: i32)
  // CHECK-NOT:     nvvm.
  // CHECK:         %[[AT:.*]] = llvm.addrspacecast %[[BARRIER]] : !llvm.ptr<3> to !llvm.ptr
  // CHECK:         call @attune_item_mbarrier_init(%[[AT]], %c1_i32) : (!llvm.ptr, i32) -> ()
  // CHECK:         call @attune_item_mbarrier_fence() : () -> ()
  // CHECK:         call @attune_item_mbarrier_expect(%{{.*}}, %c4096_i32) : (!llvm.ptr, i32) -> ()
  // CHECK:         call @attune_item_copy_tensor(%{{.*}}, %{{.*}}, %{{.*}}, %c0_i32, %[[K]], %c1_i32) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i32, i32, i32) -> ()
  // CHECK:         call @attune_item_mbarrier_wait(%{{.*}}, %c0_i32) : (!llvm.ptr, i32) -> ()
}

// -----

module attributes {gpu.container_module} {
  gpu.module @device_sm_90a {
    gpu.func @plane(%map: !llvm.ptr, %to: !llvm.ptr<7>, %barrier: !llvm.ptr<3>) kernel {
      %0 = arith.constant 0 : i32
      // expected-error@+1 {{is not emulated: not a tile of three dimensions for one block}}
      nvvm.cp.async.bulk.tensor.shared.cluster.global %to, %map, %barrier, box[%0, %0] : !llvm.ptr<7>, !llvm.ptr
      gpu.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.module @device_sm_90a {
    gpu.func @state(%barrier: !llvm.ptr<3>) kernel {
      %0 = arith.constant 0 : i32
      // expected-error@+1 {{is not emulated: it has a predicate or a result}}
      %state = nvvm.mbarrier.arrive.expect_tx %barrier, %0 : !llvm.ptr<3>, i32 -> i64
      gpu.return
    }
  }
}
