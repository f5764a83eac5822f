// RUN: not attune-opt %s --kernel-expand-linear=cpu=pentium-nine 2>&1 | FileCheck %s

// CHECK: unknown CPU 'pentium-nine': expected native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4, aarch64
func.func @dense(%x: memref<?x8xf32>, %w: memref<1x512xi8>, %y: memref<?x16xf32>) {
  kernel.linear input(%x : memref<?x8xf32>) weights(%w : memref<1x512xi8>) outs(%y : memref<?x16xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}
