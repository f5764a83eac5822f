// RUN: attune-opt %s --split-input-file --kernel-add-limits=cpu=x86-64-v3 | FileCheck %s
// RUN: attune-opt %s --split-input-file --kernel-add-limits=cpu=icelake-server | FileCheck %s --check-prefix=WIDE
// RUN: not attune-opt %s --split-input-file --kernel-add-limits=cpu=warp-drive 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// CHECK-LABEL: func.func private @limit_f32(
// CHECK-SAME:    kernel.work = {batchAt = -1 : i64, bytesOfRow = 0 : i64, isInt8 = 0 : i64, kind = "limit", name = "x86-64-v3", operationsOfRow = 1920000 : i64, rowsAt = -1 : i64}
// CHECK:         scf.for
// CHECK-COUNT-12:  vector<8xf32>
// CHECK-LABEL: func.func private @limit_int8(
// CHECK-SAME:    isInt8 = 1 : i64, {{.*}}operationsOfRow = 7680000 : i64
// CHECK:         scf.for
// CHECK-COUNT-12:  llvm.x86.avx2.pmadd.ub.sw
// CHECK:         llvm.store volatile
// CHECK-LABEL: func.func private @limit_read(
// CHECK-SAME:    bytesOfRow = 4096 : i64, {{.*}}operationsOfRow = 0 : i64
// CHECK:         scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c256
// CHECK-COUNT-8:   llvm.load %{{.*}} {alignment = 1 : i64} : !llvm.ptr -> vector<8xi32>
// CHECK:         llvm.store volatile

// WIDE-LABEL: func.func private @limit_int8(
// WIDE-SAME:    operationsOfRow = 15360000 : i64
// WIDE-COUNT-12: llvm.x86.avx512.vpdpbusd.512

// UNKNOWN: unknown CPU 'warp-drive'
func.func private @body(%begin: index, %end: index)
func.func @profiled(%n: index) {
  kernel.launch @body count(%n) {kernel.work = {kind = "loop", name = ""}}
  return
}

// -----

// No work was noted: nobody could ask.
// CHECK-LABEL: func.func @plain(
// CHECK-NOT:   limit
// CHECK:       return
// CHECK-NOT:   limit
func.func private @body(%begin: index, %end: index)
func.func @plain(%n: index) {
  kernel.launch @body count(%n)
  return
}
