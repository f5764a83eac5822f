// RUN: attune-opt %s --pass-pipeline="builtin.module(gpu.module(kernel-opencl-memory))" | FileCheck %s
// RUN: attune-opt %s --pass-pipeline="builtin.module(gpu.module(kernel-opencl-memory,kernel-opencl-private-memory))" | FileCheck %s --check-prefix=UNNAMED

module attributes {gpu.container_module} {
  // CHECK: gpu.module @device
  gpu.module @device {
    // CHECK: memref.global "private" constant @table : memref<4xf32, 2> = dense<
    memref.global "private" constant @table : memref<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
    // CHECK: memref.global "private" @rows_block_0 : memref<8x8xf32, 3> = uninitialized {alignment = 64 : i64}
    // CHECK: memref.global "private" @rows_block_1 : memref<3xi8, 3> = uninitialized {alignment = 64 : i64}
    // CHECK: gpu.func @rows(%[[M:.*]]: memref<?x4xf32, 1>, %{{.*}}: index) kernel attributes {known_block_size
    gpu.func @rows(%m: memref<?x4xf32>, %i: index)
        workgroup(%a : memref<8x8xf32, #gpu.address_space<workgroup>> {llvm.align = 16 : i64}, %b : memref<3xi8, #gpu.address_space<workgroup>>)
        kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      %c0 = arith.constant 0 : index
      // CHECK-DAG: %[[A:.*]] = memref.get_global @rows_block_0 : memref<8x8xf32, 3>
      // CHECK-DAG: %[[B:.*]] = memref.get_global @rows_block_1 : memref<3xi8, 3>
      // CHECK-DAG: %[[TABLE:.*]] = memref.get_global @table : memref<4xf32, 2>
      %table = memref.get_global @table : memref<4xf32>
      // A view lies where its source lies.
      // CHECK: %[[ROW:.*]] = memref.subview %[[A]][%{{.*}}, 0] [1, 8] [1, 1] : memref<8x8xf32, 3> to memref<8xf32, strided<[1], offset: ?>, 3>
      %row = memref.subview %a[%i, 0] [1, 8] [1, 1]
          : memref<8x8xf32, #gpu.address_space<workgroup>> to memref<8xf32, strided<[1], offset: ?>, #gpu.address_space<workgroup>>
      // CHECK: memref.load %[[TABLE]]
      %x = memref.load %table[%i] : memref<4xf32>
      // CHECK: memref.store %{{.*}}, %[[ROW]]
      memref.store %x, %row[%i] : memref<8xf32, strided<[1], offset: ?>, #gpu.address_space<workgroup>>
      // CHECK: memref.store %{{.*}}, %[[M]]
      memref.store %x, %m[%i, %c0] : memref<?x4xf32>
      %byte = arith.constant 1 : i8
      memref.store %byte, %b[%c0] : memref<3xi8, #gpu.address_space<workgroup>>
      // CHECK: %[[OWN:.*]] = memref.alloca() : memref<4xf32, #gpu.address_space<private>>
      // CHECK: memref.subview %[[OWN]][%{{.*}}] [1] [1] {{.*}} to memref<1xf32, strided<[1], offset: ?>, #gpu.address_space<private>>
      // Only a work item's own memory loses its space again.
      // UNNAMED: memref.get_global @rows_block_0 : memref<8x8xf32, 3>
      // UNNAMED: %[[OWN:.*]] = memref.alloca() : memref<4xf32>
      // UNNAMED: memref.subview %[[OWN]][%{{.*}}] [1] [1] : memref<4xf32> to memref<1xf32, strided<[1], offset: ?>>
      %own = memref.alloca() : memref<4xf32>
      %part = memref.subview %own[%i] [1] [1] : memref<4xf32> to memref<1xf32, strided<[1], offset: ?>>
      memref.store %x, %part[%c0] : memref<1xf32, strided<[1], offset: ?>>
      gpu.return
    }
  }
}
