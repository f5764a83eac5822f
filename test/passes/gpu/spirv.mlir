// Kernels in the LLVM dialect as OpenCL calls and numbers things; the host's code stays.
// RUN: attune-opt %s --transformer-spirv | FileCheck %s

module attributes {gpu.container_module} {
  gpu.module @device {
    // CHECK-DAG: llvm.func spir_funccc @_Z12get_local_idj(i32) -> i64
    // CHECK-DAG: llvm.func spir_funccc @_Z12get_group_idj(i32) -> i64
    // CHECK-DAG: llvm.func spir_funccc @_Z7barrierj(i32)
    // CHECK-DAG: llvm.mlir.global private @sum_block_0() {addr_space = 3 : i32, alignment = 64 : i64} : !llvm.array<32 x f32>
    // A memref is two addresses, offset, size and stride; no argument stands for the block's memory.
    // CHECK:     llvm.func spir_kernelcc @sum(%{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64)
    // CHECK-SAME:  reqd_work_group_size = array<i32: 32, 1, 1>
    gpu.func @sum(%m: memref<?xbf16>, %n: index) workgroup(%buffer : memref<32xf32, #gpu.address_space<workgroup>>)
        kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      %c1 = arith.constant 1 : index
      %zero = arith.constant 0.0 : f32
      %i = gpu.thread_id x
      %b = gpu.block_id x
      // CHECK-NOT: scf.for
      %sum = scf.for %k = %b to %n step %c1 iter_args(%s = %zero) -> (f32) {
        // OpenCL has no bf16: bits move.
        // CHECK: %[[LOADED:.*]] = llvm.load %{{.*}} : !llvm.ptr<1> -> bf16
        // CHECK: llvm.bitcast %[[LOADED]] : bf16 to i16
        %x = memref.load %m[%k] : memref<?xbf16>
        %wide = arith.extf %x : bf16 to f32
        %next = arith.addf %s, %wide : f32
        scf.yield %next : f32
      }
      // CHECK: llvm.alloca %{{.*}} x f32 : (i64) -> !llvm.ptr{{$}}
      // CHECK: llvm.store %{{.*}} : f32, !llvm.ptr{{$}}
      // CHECK: llvm.load %{{.*}} : !llvm.ptr -> f32
      %own = memref.alloca() : memref<4xf32>
      memref.store %sum, %own[%i] : memref<4xf32>
      %own_sum = memref.load %own[%b] : memref<4xf32>
      // CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
      memref.store %own_sum, %buffer[%i] : memref<32xf32, #gpu.address_space<workgroup>>
      // CHECK: llvm.call spir_funccc @_Z7barrierj
      gpu.barrier
      gpu.return
    }
  }
  // CHECK: func.func @host
  func.func @host(%x: index) -> index {
    // CHECK: arith.addi
    %y = arith.addi %x, %x : index
    return %y : index
  }
}
