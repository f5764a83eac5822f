// RUN: attune-opt %s --split-input-file --verify-diagnostics --kernel-expand-linear=cpu=x86-64-v3

func.func @unpadded(%x: memref<?x40xi8>, %s: memref<?x1xf32>, %m: memref<?x3xf32>, %w: memref<1x576xi8>, %y: memref<?x16xf32>) {
  // expected-error @below {{needs int8 input of 64 columns (40 in whole blocks), got 40}}
  kernel.linear input(%x : memref<?x40xi8>) quantized(%s, %m : memref<?x1xf32>, memref<?x3xf32>) weights(%w : memref<1x576xi8>)
      outs(%y : memref<?x16xf32>) format(<codes = u4, group = 32, scale = f16, zero = 8>) columns(40) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @columns_apart(%x: memref<?x8xf32, strided<[16, 2]>>, %w: memref<1x512xi8>, %y: memref<?x16xf32>) {
  // expected-error @below {{needs rows whose elements are adjacent}}
  kernel.linear input(%x : memref<?x8xf32, strided<[16, 2]>>) weights(%w : memref<1x512xi8>) outs(%y : memref<?x16xf32>)
      format(<codes = f32>) columns(8) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @not_elementwise(%x: memref<?x8xf32>, %w: memref<1x512xi8>, %y: memref<?x16xf32>, %m: memref<f32>) {
  kernel.linear input(%x : memref<?x8xf32>) weights(%w : memref<1x512xi8>) outs(%y : memref<?x16xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32):
    // expected-error @below {{in an epilogue, which takes elementwise operations}}
    %v = memref.load %m[] : memref<f32>
    %s = arith.addf %p, %v : f32
    kernel.yield %s : f32
  }
  return
}
