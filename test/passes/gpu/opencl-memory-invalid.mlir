// RUN: attune-opt %s --pass-pipeline="builtin.module(gpu.module(kernel-opencl-memory))" --verify-diagnostics

module attributes {gpu.container_module} {
  gpu.module @device {
    gpu.func @heap(%x: f32, %i: index) kernel {
      // expected-error @+1 {{makes memory within a kernel, which has no form for OpenCL}}
      %m = memref.alloc() : memref<4xf32>
      memref.store %x, %m[%i] : memref<4xf32>
      gpu.return
    }
  }
}
