// RUN: attune-opt %s --pass-pipeline="builtin.module(gpu.module(kernel-align-block-memory))" | FileCheck %s

module attributes {gpu.container_module} {
  gpu.module @device {
    // CHECK: gpu.func @buffers() workgroup(%{{.*}} : memref<10xf32, #gpu.address_space<workgroup>> {llvm.align = 16 : i64}, %{{.*}} : memref<3xi8, #gpu.address_space<workgroup>> {llvm.align = 16 : i64})
    gpu.func @buffers() workgroup(%a : memref<10xf32, #gpu.address_space<workgroup>>, %b : memref<3xi8, #gpu.address_space<workgroup>>) kernel {
      gpu.return
    }
    // A kernel without buffers stays as it is.
    // CHECK: gpu.func @none() kernel
    gpu.func @none() kernel {
      gpu.return
    }
  }
}
