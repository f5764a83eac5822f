// RUN: attune-opt %s --kernel-outline-parallel | FileCheck %s
// RUN: attune-opt %s --kernel-outline-parallel --transformer-kernels=cpu=x86-64-v3 --transformer-llvm=cpu=x86-64-v3 | FileCheck %s --check-prefix=TABLE

// What a launch costs for each row: the panels of all columns, though a tile has those of 16.
// CHECK-LABEL: func.func @linear(
// CHECK:         kernel.launch @linear_parallel
// CHECK-SAME:      args(%{{[a-z0-9]*}}, %{{[a-z0-9]*}}, {{.*}} : memref<6x4096xi8>, memref<?x96xf32>,
// CHECK-SAME:      kernel.work = {bytesOfRow = 640 : i64, kind = "linear", name = "", operationsOfRow = 12288 : i64, rows = 1 : i64, weightBytes = 24576 : i64, weightBytesOfRow = 24576 : i64}
// TABLE-DAG:   llvm.mlir.global internal constant @{{.*}}("linear\00")
func.func @linear(%x: memref<?x64xf32>, %w: memref<6x4096xi8>, %o: memref<?x96xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x64xf32>
  scf.forall (%j) = (0) to (96) step (16) {
    %panel = affine.apply affine_map<(d0) -> (d0 floordiv 16)>(%j)
    %weight = memref.subview %w[%panel, 0] [1, 4096] [1, 1] : memref<6x4096xi8> to memref<1x4096xi8, strided<[4096, 1], offset: ?>>
    %out = memref.subview %o[0, %j] [%n, 16] [1, 1] : memref<?x96xf32> to memref<?x16xf32, strided<[96, 1], offset: ?>>
    kernel.linear input(%x : memref<?x64xf32>) weights(%weight : memref<1x4096xi8, strided<[4096, 1], offset: ?>>)
        outs(%out : memref<?x16xf32, strided<[96, 1], offset: ?>>) format(<codes = f32>) columns(64) {
    ^bb0(%product: f32):
      kernel.yield %product : f32
    }
  }
  return
}

// A row of the table for each token.
// CHECK-LABEL: func.func @embed(
// CHECK:         kernel.launch @embed_parallel
// CHECK-SAME:      kernel.work = {bytesOfRow = 36 : i64, kind = "embed", name = "", operationsOfRow = 8 : i64, rows = {{[0-9]}} : i64, weightBytes = 1024 : i64, weightBytesOfRow = 32 : i64}
func.func @embed(%ids: memref<?xi32>, %t: memref<2x512xi8>, %o: memref<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %ids, %c0 : memref<?xi32>
  scf.forall (%i) in (%n) {
    %id = memref.subview %ids[%i] [1] [1] : memref<?xi32> to memref<1xi32, strided<[1], offset: ?>>
    %out = memref.subview %o[%i, 0] [1, 8] [1, 1] : memref<?x8xf32> to memref<1x8xf32, strided<[8, 1], offset: ?>>
    kernel.embed ins(%id : memref<1xi32, strided<[1], offset: ?>>) table(%t : memref<2x512xi8>) outs(%out : memref<1x8xf32, strided<[8, 1], offset: ?>>) format(<codes = f32>)
  }
  return
}

// A loop of its own kind; without rows nothing is counted for them.
// CHECK-LABEL: func.func @plain(
// CHECK:         kernel.launch @plain_parallel
// CHECK-SAME:      kernel.work = {kind = "loop", name = "", weightBytes = 32 : i64, weightBytesOfRow = 32 : i64}
// TABLE-DAG:   llvm.mlir.global internal constant @{{.*}}("loop\00")
// TABLE-DAG:   llvm.mlir.global external hidden constant @"attune_work_x86-64-v3"() {{.*}}section = "attune_work"} : !llvm.array<6 x struct<
func.func @plain(%m: memref<8xf32>) {
  %x = arith.constant 2.0 : f32
  scf.forall (%i) in (8) {
    memref.store %x, %m[%i] : memref<8xf32>
  }
  return
}
