// RUN: attune-opt %s --kernel-to-llvm --kernel-entry-table | FileCheck %s
// Private functions alone: an empty table, not a missing one.

// CHECK-NOT: attune_call_
// CHECK:     @attune_entries() {{.*}} : !llvm.array<0 x struct<(ptr, ptr)>>
// CHECK:     @attune_entry_count(0 : i64)
func.func private @helper(%m: memref<4xf32>) {
  return
}
