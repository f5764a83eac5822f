// RUN: attune-opt %s --pass-pipeline="builtin.module(gpu.module(kernel-dynamic-block-memory))" | FileCheck %s
// RUN: attune-opt %s --transformer-nvvm | FileCheck %s --check-prefix=NVVM

module attributes {gpu.container_module} {
    // CHECK:      llvm.mlir.global external @attune_block_memory() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  // NVVM:       llvm.mlir.global external @attune_block_memory()
  gpu.module @device {
    // One variable is for all kernels. Buffers follow each other, where they are aligned.
    // CHECK:      gpu.func @large(%[[X:.*]]: memref<4xf32>) kernel
    // CHECK:        %[[BASE:.*]] = llvm.mlir.addressof @attune_block_memory : !llvm.ptr<3>
    // CHECK:        llvm.getelementptr %[[BASE]][0]
    // CHECK:        %[[A:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<100xi8, #gpu.address_space<workgroup>>
    // CHECK:        llvm.getelementptr %[[BASE]][1024]
    // CHECK:        %[[B:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<16384xf32, #gpu.address_space<workgroup>>
    // CHECK:        memref.store %{{.*}}, %[[B]]
    // NVVM-LABEL: llvm.func @large(
    // NVVM:         llvm.store %{{.*}} : f32, !llvm.ptr<3>
    // NVVM-NOT:     unrealized
    gpu.func @large(%x: memref<4xf32>) workgroup(%a : memref<100xi8, #gpu.address_space<workgroup>>, %b : memref<16384xf32, #gpu.address_space<workgroup>> {llvm.align = 1024 : i64}) kernel {
      %i = gpu.thread_id x
      %v = memref.load %x[%i] : memref<4xf32>
      memref.store %v, %b[%i] : memref<16384xf32, #gpu.address_space<workgroup>>
      gpu.return
    }
    // CHECK:      gpu.func @larger() kernel
    // CHECK:        llvm.mlir.addressof @attune_block_memory : !llvm.ptr<3>
    gpu.func @larger() workgroup(%a : memref<32768xf32, #gpu.address_space<workgroup>>) kernel {
      gpu.return
    }
    // 48 KB can be declared.
    // CHECK:      gpu.func @small() workgroup(%{{.*}} : memref<12288xf32, #gpu.address_space<workgroup>>) kernel
    gpu.func @small() workgroup(%a : memref<12288xf32, #gpu.address_space<workgroup>>) kernel {
      gpu.return
    }
  }
}
