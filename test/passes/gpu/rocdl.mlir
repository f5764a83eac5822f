// Kernels in the LLVM dialect as AMD's devices number things; the host's code stays.
// RUN: attune-opt %s --transformer-rocdl | FileCheck %s

module attributes {gpu.container_module} {
  gpu.module @device {
    // CHECK-DAG: llvm.mlir.global internal @__wg_sum_0() {addr_space = 3 : i32{{.*}} : !llvm.array<32 x f32>
    // CHECK:     llvm.func @sum(%{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64)
    // CHECK-SAME:  rocdl.flat_work_group_size = "32,32", rocdl.kernel
    gpu.func @sum(%m: memref<?xf32>, %n: index) workgroup(%buffer : memref<32xf32, #gpu.address_space<workgroup>>)
        kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      %c1 = arith.constant 1 : index
      %zero = arith.constant 0.0 : f32
      // CHECK-DAG: rocdl.workitem.id.x
      // CHECK-DAG: rocdl.workgroup.id.x
      %i = gpu.thread_id x
      %b = gpu.block_id x
      // CHECK-NOT: scf.for
      %sum = scf.for %k = %b to %n step %c1 iter_args(%s = %zero) -> (f32) {
        %x = memref.load %m[%k] : memref<?xf32>
        %next = arith.addf %s, %x : f32
        scf.yield %next : f32
      }
      // CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
      memref.store %sum, %buffer[%i] : memref<32xf32, #gpu.address_space<workgroup>>
      // CHECK: rocdl.barrier
      gpu.barrier
      gpu.return
    }
  }
  // CHECK: func.func @host
  // CHECK:   memref.dim
  func.func @host(%m: memref<?xf32>) -> index {
    %c0 = arith.constant 0 : index
    %size = memref.dim %m, %c0 : memref<?xf32>
    return %size : index
  }
}
