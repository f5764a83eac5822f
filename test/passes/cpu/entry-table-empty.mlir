// RUN: attune-opt %s --kernel-to-llvm --kernel-entry-table=cpu=x86-64-v3 | FileCheck %s
// Private functions alone: an empty table, not a missing one.

// CHECK-NOT: attune_call_
// CHECK:     llvm.mlir.global internal constant @attune_entries() {{.*}} : !llvm.array<0 x struct<(ptr, ptr)>>
// CHECK:     llvm.mlir.global internal constant @attune_cpu("x86-64-v3\00")
// CHECK:     llvm.mlir.global external hidden constant @"attune_code_x86-64-v3"() {{.*}}section = "attune_code"
func.func private @helper(%m: memref<4xf32>) {
  return
}
