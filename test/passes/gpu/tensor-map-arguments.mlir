// RUN: attune-opt %s --split-input-file --verify-diagnostics --pass-pipeline="builtin.module(gpu.module(kernel-tensor-map-arguments))" | FileCheck %s

gpu.module @device_sm_90a {
  // What a copy does not read stays a pointer.
  // CHECK: llvm.func @copied(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<16 x i64>, nvvm.grid_constant}, %{{.*}}: !llvm.ptr<7>, %{{.*}}: !llvm.ptr<3>) attributes {nvvm.kernel}
  llvm.func @copied(%x: !llvm.ptr, %map: !llvm.ptr, %to: !llvm.ptr<7>, %barrier: !llvm.ptr<3>) attributes {nvvm.kernel} {
    %0 = llvm.mlir.constant(0 : i32) : i32
    nvvm.cp.async.bulk.tensor.shared.cluster.global %to, %map, %barrier, box[%0, %0, %0] : !llvm.ptr<7>, !llvm.ptr
    llvm.return
  }
  // CHECK: llvm.func @none(%{{.*}}: !llvm.ptr) attributes {nvvm.kernel}
  llvm.func @none(%x: !llvm.ptr) attributes {nvvm.kernel} {
    llvm.return
  }
}

// -----

gpu.module @device_sm_90a {
  llvm.func @loaded(%x: !llvm.ptr, %to: !llvm.ptr<7>, %barrier: !llvm.ptr<3>) attributes {nvvm.kernel} {
    %0 = llvm.mlir.constant(0 : i32) : i32
    %map = llvm.load %x : !llvm.ptr -> !llvm.ptr
    // expected-error@+1 {{has a tensor map that is no argument of its kernel}}
    nvvm.cp.async.bulk.tensor.shared.cluster.global %to, %map, %barrier, box[%0, %0, %0] : !llvm.ptr<7>, !llvm.ptr
    llvm.return
  }
}
