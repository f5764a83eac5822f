// RUN: attune-opt %s --kernel-emulate-device | FileCheck %s

module attributes {gpu.container_module} {
  gpu.module @device {
    gpu.func @multiply(%rows: !llvm.ptr<3>, %weights: !llvm.ptr<1>, %zero: f32, %out: memref<4xf32>) kernel {
      nvvm.cp.async.shared.global %rows, %weights, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
      nvvm.cp.async.commit.group
      nvvm.cp.async.wait.group 0
      %a = nvvm.ldmatrix %rows {num = 4 : i32, layout = #nvvm.mma_layout<col>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
      %a0 = llvm.extractvalue %a[0] : !llvm.struct<(i32, i32, i32, i32)>
      %d = nvvm.mma.sync A[%a0, %a0, %a0, %a0] B[%a0, %a0] C[%zero, %zero, %zero, %zero]
          {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<bf16>,
           multiplicandBPtxType = #nvvm.mma_type<bf16>, shape = #nvvm.shape<m = 16, n = 8, k = 16>}
          : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
      %d0 = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
      %c0 = arith.constant 0 : index
      memref.store %d0, %out[%c0] : memref<4xf32>
      gpu.return
    }
  }
  // CHECK-LABEL: func.func private @device_multiply(
  // CHECK-NOT:     nvvm.
  // CHECK:         call @attune_item_copy_async
  // CHECK:         call @attune_item_copy_commit() : () -> ()
  // CHECK:         call @attune_item_copy_wait
  // CHECK:         call @attune_item_load_matrix(%{{.*}}, %c4{{.*}}, %c1{{.*}}, %{{.*}}) : (!llvm.ptr, i32, i32, !llvm.ptr) -> ()
  // CHECK:         call @attune_item_mma_m16n8k16_bf16({{.*}}) : (!llvm.ptr, !llvm.ptr, !llvm.ptr) -> ()
}
