// RUN: attune-opt %s --split-input-file --verify-diagnostics --kernel-map-to-gpu

func.func @host_access(%x: memref<?xf32>, %y: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{reads or writes memory of the device outside of a kernel}}
  %element = memref.load %x[%c0] : memref<?xf32>
  // expected-error@+1 {{reads or writes memory of the device outside of a kernel}}
  memref.store %element, %y[%c0] : memref<?xf32>
  return
}

// -----

func.func @too_large(%tokens: index, %zero: f32) {
  scf.forall (%t) in (%tokens) {
    // expected-error@+1 {{needs 65536 bytes of a block's memory, which has 49152}}
    %buffer = memref.alloc() : memref<1x16384xf32>
    linalg.fill ins(%zero : f32) outs(%buffer : memref<1x16384xf32>)
  }
  return
}

// -----

func.func @int8(%x: memref<?x32xi8>, %s: memref<?x1xf32>, %m: memref<?x2xf32>, %w: memref<1x544xi8>, %y: memref<?x16xf32>) {
  // expected-error@+1 {{has int8 activations, for which devices have no product yet}}
  kernel.linear input(%x : memref<?x32xi8>) quantized(%s, %m : memref<?x1xf32>, memref<?x2xf32>) weights(%w : memref<1x544xi8>) outs(%y : memref<?x16xf32>)
      format(<codes = i8, group = 32, scale = f16>) columns(32) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}
