// RUN: attune-opt %s --kernel-emulate-device | FileCheck %s

module attributes {gpu.container_module} {
  // CHECK-DAG: func.func private @attune_item_barrier()
  // CHECK-DAG: func.func private @attune_item_thread_id(i32) -> i64
  // CHECK-DAG: func.func private @attune_item_shared() -> !llvm.ptr
  gpu.module @device {
    gpu.func @twice(%x: memref<?xf32>) workgroup(%buffer : memref<32xf32, #gpu.address_space<workgroup>>) kernel {
      %i = gpu.thread_id x
      %value = memref.load %x[%i] : memref<?xf32>
      memref.store %value, %buffer[%i] : memref<32xf32, #gpu.address_space<workgroup>>
      gpu.barrier
      gpu.return
    }
  }
  // The kernel stays, and has a copy for one work item.
  // CHECK:       gpu.func @twice
  // CHECK:       func.func private @device_twice(%[[X:.*]]: memref<?xf32>) attributes {kernel.emulated, kernel.shared_bytes = 128 : i64}
  // CHECK:         call @attune_item_shared()
  // CHECK:         %[[BUFFER:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<32xf32>
  // CHECK:         %[[I:.*]] = arith.index_cast %{{.*}} : i64 to index
  // CHECK:         memref.load %[[X]][%[[I]]]
  // CHECK:         memref.store %{{.*}}, %[[BUFFER]][%[[I]]] : memref<32xf32>
  // CHECK:         call @attune_item_barrier()
  // CHECK-NEXT:    return
}
