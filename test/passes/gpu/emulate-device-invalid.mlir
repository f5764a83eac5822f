// RUN: attune-opt %s --verify-diagnostics --kernel-emulate-device

module attributes {gpu.container_module} {
  gpu.module @device {
    gpu.func @sum(%x: memref<?xf32>) kernel {
      %c0 = arith.constant 0 : index
      %value = memref.load %x[%c0] : memref<?xf32>
      // expected-error@+1 {{is not emulated}}
      %all = gpu.all_reduce add %value {} : (f32) -> f32
      memref.store %all, %x[%c0] : memref<?xf32>
      gpu.return
    }
  }
}
