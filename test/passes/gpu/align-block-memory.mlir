// RUN: attune-opt %s --pass-pipeline="builtin.module(gpu.module(kernel-align-block-memory))" | FileCheck %s

module attributes {gpu.container_module} {
  gpu.module @device {
    // CHECK: gpu.func @buffers() workgroup(%{{.*}} : memref<10xf32, #gpu.address_space<workgroup>> {llvm.align = 16 : i64}, %{{.*}} : memref<3xi8, #gpu.address_space<workgroup>> {llvm.align = 16 : i64})
    gpu.func @buffers() workgroup(%a : memref<10xf32, #gpu.address_space<workgroup>>, %b : memref<3xi8, #gpu.address_space<workgroup>>) kernel {
      gpu.return
    }
    // What a warp group multiplies lies in patterns of 1024 bytes.
    // CHECK: gpu.func @multiplied(%{{.*}}: i64) workgroup(%{{.*}} : memref<64x64xbf16, #gpu.address_space<workgroup>> {llvm.align = 1024 : i64})
    gpu.func @multiplied(%a: i64) workgroup(%tile : memref<64x64xbf16, #gpu.address_space<workgroup>>) kernel {
      %zero = llvm.mlir.zero : !llvm.struct<(f32, f32, f32, f32)>
      %d = nvvm.wgmma.mma_async %a, %a, %zero, <m = 64, n = 8, k = 16>, D[<f32>, <one>], A[<bf16>, <one>, <row>], B[<bf16>, <one>, <row>] : !llvm.struct<(f32, f32, f32, f32)> -> !llvm.struct<(f32, f32, f32, f32)>
      gpu.return
    }
    // A kernel without buffers stays as it is.
    // CHECK: gpu.func @none() kernel
    gpu.func @none() kernel {
      gpu.return
    }
  }
}
