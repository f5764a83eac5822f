// RUN: attune-opt %s --kernel-to-llvm --reconcile-unrealized-casts | FileCheck %s
// RUN: attune-opt %s --kernel-to-llvm --reconcile-unrealized-casts --kernel-entry-table=cpu=x86-64-v3 | FileCheck %s --check-prefix=TABLE

transformer.parameter @p : tensor<4xf32> source "w"

// A launch stores its arguments in a structure and gives the runtime a function that loads them and calls the body with a range.
// Parameters are gone: they are data for the packer.
// CHECK-NOT:   transformer.parameter
// CHECK:       llvm.func @attune_parallel_for(!llvm.ptr, !llvm.ptr, i64)
// CHECK-LABEL: llvm.func @entry(
// CHECK:         %[[CONTEXT:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(ptr, ptr, i64, i64, i64)>
// CHECK:         %[[COUNT:.*]] = llvm.mlir.constant(4 : index) : i64
// CHECK-COUNT-5: llvm.store
// CHECK:         %[[RANGE:.*]] = llvm.mlir.addressof @body_range
// CHECK:         llvm.call @attune_parallel_for(%[[RANGE]], %[[CONTEXT]], %[[COUNT]])
// CHECK:       llvm.func @_mlir_ciface_entry(
// CHECK-LABEL: llvm.func internal @body(
// CHECK-NOT:   _mlir_ciface_body
// A launch in a loop has one structure for all iterations.
// CHECK-LABEL: llvm.func internal @looped(
// CHECK:         llvm.alloca
// CHECK:         llvm.br
// CHECK-NOT:     llvm.alloca
// CHECK:         llvm.call @attune_parallel_for
// CHECK:         llvm.return

// Another launch of a body has a function of its own, and the same body.
// CHECK-LABEL: llvm.func internal @again(
// CHECK:         llvm.mlir.addressof @body_range_1

// CHECK-LABEL: llvm.func internal @body_range(
// CHECK-SAME:      %[[BEGIN:.*]]: i64, %[[END:.*]]: i64, %{{.*}}: !llvm.ptr)
// CHECK-COUNT-5: llvm.load
// CHECK:         llvm.call @body(%[[BEGIN]], %[[END]],
// CHECK-LABEL: llvm.func internal @body_range_1(
// CHECK:         llvm.call @body(

// Only the public function is an entry: its name, and a function that takes its arguments as an array of pointers.
// TABLE-DAG:   llvm.mlir.global internal constant @attune_name_entry("entry\00")
// TABLE-DAG:   llvm.func internal @attune_call_entry(%{{.*}}: !llvm.ptr)
// TABLE-DAG:   llvm.mlir.global internal constant @attune_entries() {{.*}} : !llvm.array<1 x struct<(ptr, ptr)>>
// TABLE-DAG:   llvm.mlir.global external hidden constant @"attune_code_x86-64-v3"() {{.*}}section = "attune_code"
// TABLE-DAG:   llvm.func internal @entry(
func.func @entry(%m: memref<?xf32>) {
  %n = arith.constant 4 : index
  kernel.launch @body count(%n) args(%m : memref<?xf32>)
  return
}

func.func private @body(%begin: index, %end: index, %m: memref<?xf32>) {
  %zero = arith.constant 0.0 : f32
  memref.store %zero, %m[%begin] : memref<?xf32>
  return
}

func.func private @looped(%m: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  cf.br ^loop(%c0 : index)
^loop(%i: index):
  kernel.launch @looped_body count(%n) args(%m : memref<?xf32>)
  %next = arith.addi %i, %c1 : index
  %more = arith.cmpi ult, %next, %n : index
  cf.cond_br %more, ^loop(%next : index), ^done
^done:
  return
}

func.func private @looped_body(%begin: index, %end: index, %m: memref<?xf32>) {
  return
}

func.func private @again(%m: memref<?xf32>, %n: index) {
  kernel.launch @body count(%n) args(%m : memref<?xf32>)
  return
}
