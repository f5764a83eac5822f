// RUN: attune-opt %s --pass-pipeline='builtin.module(func.func(kernel-hoist-stack-buffers))' | FileCheck %s

// CHECK-LABEL: func.func @in_loops(
// CHECK-NEXT:    %[[INNER:.*]] = memref.alloca() {alignment = 64 : i64} : memref<4x16xf32>
// CHECK-NEXT:    %[[OUTER:.*]] = memref.alloca() : memref<8xf32>
// CHECK:         scf.for
// CHECK-NEXT:      memref.store %{{.*}}, %[[OUTER]]
// CHECK-NEXT:      scf.for
// CHECK-NEXT:        memref.store %{{.*}}, %[[INNER]]
func.func @in_loops(%n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %outer = memref.alloca() : memref<8xf32>
    memref.store %x, %outer[%c0] : memref<8xf32>
    scf.for %j = %c0 to %n step %c1 {
      %inner = memref.alloca() {alignment = 64 : i64} : memref<4x16xf32>
      memref.store %x, %inner[%c0, %c0] : memref<4x16xf32>
    }
  }
  return
}

// A size that the loop decides cannot be known before it.
// CHECK-LABEL: func.func @dynamic(
// CHECK:         scf.for %[[I:.*]] =
// CHECK-NEXT:      memref.alloca(%[[I]])
func.func @dynamic(%n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %buffer = memref.alloca(%i) : memref<?xf32>
    memref.store %x, %buffer[%c0] : memref<?xf32>
  }
  return
}
