// RUN: attune-opt %s --pass-pipeline="builtin.module(gpu.module(kernel-drop-device-code),kernel-to-llvm,kernel-kernel-table)" | FileCheck %s
// RUN: attune-opt %s --pass-pipeline="builtin.module(gpu.module(kernel-drop-device-code))" | FileCheck %s --check-prefix=DROPPED

// CHECK-DAG: llvm.func @attune_device_allocate(i64) -> !llvm.ptr

// DROPPED:      gpu.func @fill
// DROPPED-NEXT:   gpu.return
module attributes {gpu.container_module} {
  gpu.module @device {
    gpu.func @fill(%x: memref<?xi32>, %value: i32) workgroup(%buffer : memref<32xf32, #gpu.address_space<workgroup>>) kernel {
      %i = gpu.thread_id x
      memref.store %value, %x[%i] : memref<?xi32>
      gpu.return
    }
  }
  gpu.module @device_sm_90a {
    gpu.func @own() kernel {
      gpu.return
    }
    gpu.func @large(%n: i32, %map: !llvm.ptr) workgroup(%a : memref<100xi8, #gpu.address_space<workgroup>>, %b : memref<16384xf32, #gpu.address_space<workgroup>> {llvm.align = 1024 : i64}) kernel {
      gpu.return
    }
  }
  // CHECK-LABEL: llvm.func @entry(
  // CHECK:         %[[KERNEL:.*]] = llvm.mlir.constant(0 : i32)
  // CHECK:         llvm.call @attune_device_launch(%[[KERNEL]],
  func.func @entry(%n: index, %value: i32, %map: !llvm.ptr) {
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    %x = memref.alloc(%n) : memref<?xi32>
    gpu.launch_func @device::@fill blocks in (%n, %c1, %c1) threads in (%c64, %c1, %c1) args(%x : memref<?xi32>, %value : i32)
    memref.dealloc %x : memref<?xi32>
    // Of a tensor map, the address is given; a number lies on the stack.
    // CHECK:     llvm.store %{{.*}}, %[[NUMBER:.*]] : i32, !llvm.ptr
    // CHECK:     llvm.store %[[NUMBER]], %{{.*}} : !llvm.ptr, !llvm.ptr
    // CHECK:     llvm.store %[[MAP:.*]], %{{.*}} : !llvm.ptr, !llvm.ptr
    // CHECK:     %[[LARGE:.*]] = llvm.mlir.constant(2 : i32)
    // CHECK:     llvm.call @attune_device_launch(%[[LARGE]],
    gpu.launch_func @device_sm_90a::@large blocks in (%n, %c1, %c1) threads in (%c64, %c1, %c1) args(%value : i32, %map : !llvm.ptr)
    return
  }
}
// CHECK-NOT:     gpu.module
// CHECK:         llvm.mlir.global internal constant @attune_kernel_name_fill("fill\00")
// Two addresses, offset, size and stride; an i32.
// CHECK:         llvm.mlir.global internal constant @attune_kernel_bytes_fill("\08\08\08\08\08\04\00")
// A kernel for one chip says which.
// CHECK:         llvm.mlir.global internal constant @attune_kernel_name_own("own\00")
// CHECK-NEXT:    llvm.mlir.global internal constant @attune_kernel_chip_own("sm_90a\00")
// A tensor map has 128 bytes.
// CHECK:         llvm.mlir.global internal constant @attune_kernel_bytes_large("\04\80\00")
// CHECK:         llvm.mlir.global external constant @attune_kernels()
// CHECK:           llvm.mlir.addressof @attune_kernel_chip_own
// A launch gives all of the block's memory if it is more than 48 KB: 1024 bytes for the first buffer, since the second is aligned.
// CHECK:           llvm.mlir.addressof @attune_kernel_name_large
// CHECK:           %[[SHARED:.*]] = llvm.mlir.constant(66560 : i32)
// CHECK:           llvm.insertvalue %[[SHARED]], %{{.*}}[2, 4]
// CHECK:           %[[DYNAMIC:.*]] = llvm.mlir.constant(66560 : i32)
// CHECK:           llvm.insertvalue %[[DYNAMIC]], %{{.*}}[2, 6]
// CHECK:         llvm.mlir.global external constant @attune_kernel_count(3 : i64)
