// RUN: attune-opt %s --split-input-file --kernel-map-to-gpu | FileCheck %s

// A loop over tokens: a block for each; a reduction to one number goes through the block's memory.
// CHECK-LABEL: func.func @rows(
// CHECK:         %[[TOKENS:.*]] = memref.dim
// CHECK:         gpu.launch blocks(%{{.*}}, %{{.*}}, %{{.*}}) in (%{{.*}} = %[[TOKENS]], {{.*}} module(@device) function(@rows_rows_0) workgroup(%[[SUM:.*]] : memref<1xf32, #gpu.address_space<workgroup>>, %[[PARTS:.*]] : memref<64xf32, #gpu.address_space<workgroup>>)
// CHECK:           scf.for
// CHECK:             arith.mulf
// CHECK:           memref.store %{{.*}}, %[[PARTS]]
// CHECK:           gpu.barrier
// CHECK:           memref.store %{{.*}}, %[[SUM]]
// CHECK:           gpu.barrier
// CHECK:           scf.for
// CHECK:             memref.load %[[SUM]]
// CHECK:             memref.store
// CHECK:           gpu.terminator
func.func @rows(%x: memref<?x64xf32>, %y: memref<?x64xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %tokens = memref.dim %x, %c0 : memref<?x64xf32>
  scf.forall (%t) in (%tokens) {
    %row = memref.subview %x[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    %out = memref.subview %y[%t, 0] [1, 64] [1, 1] : memref<?x64xf32> to memref<1x64xf32, strided<[64, 1], offset: ?>>
    %sum = memref.alloc() : memref<1xf32>
    linalg.fill ins(%zero : f32) outs(%sum : memref<1xf32>)
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
        ins(%row : memref<1x64xf32, strided<[64, 1], offset: ?>>) outs(%sum : memref<1xf32>) {
    ^bb0(%in: f32, %so_far: f32):
      %square = arith.mulf %in, %in : f32
      %next = arith.addf %so_far, %square : f32
      linalg.yield %next : f32
    }
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
        ins(%row, %sum : memref<1x64xf32, strided<[64, 1], offset: ?>>, memref<1xf32>) outs(%out : memref<1x64xf32, strided<[64, 1], offset: ?>>) {
    ^bb0(%in: f32, %all: f32, %unused: f32):
      %share = arith.divf %in, %all : f32
      linalg.yield %share : f32
    }
  }
  return
}

// -----

// An operation that no loop holds: a work item for each output, and none past the end. A copy is one too.
// CHECK-LABEL: func.func @elements(
// CHECK:         gpu.launch
// CHECK:           %[[INSIDE:.*]] = arith.cmpi ult
// CHECK:           scf.if %[[INSIDE]]
// CHECK:             math.absf
func.func @elements(%x: memref<?x8xf32>, %y: memref<?x8xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<?x8xf32>) outs(%y : memref<?x8xf32>) {
  ^bb0(%in: f32, %unused: f32):
    %size = math.absf %in : f32
    linalg.yield %size : f32
  }
  // CHECK:       gpu.launch
  // CHECK-NOT:   memref.copy
  memref.copy %y, %x : memref<?x8xf32> to memref<?x8xf32>
  return
}

// -----

// A product: few rows, or tiles.
// CHECK-LABEL: func.func @product(
// CHECK:         %[[FEW:.*]] = arith.cmpi ule, %{{.*}}, %c8{{.*}} : index
// CHECK:         scf.if %[[FEW]]
// CHECK:           gpu.launch {{.*}} function(@product_linear_few_0)
// CHECK:         } else {
// CHECK:           gpu.launch {{.*}} function(@product_linear_1)
// CHECK-NOT:     kernel.linear
func.func @product(%x: memref<?x64xf32>, %w: memref<2x4096xi8>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x64xf32>) weights(%w : memref<2x4096xi8>) outs(%y : memref<?x32xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// A block for each row: its work items read eight elements at a time, then agree on the largest and on the first place that has it.
// CHECK-LABEL: func.func @likeliest(
// CHECK:         gpu.launch blocks({{.*}}) threads({{.*}} = %c1024{{.*}} function(@likeliest_likeliest_0) workgroup(%{{.*}} : memref<1024xf32, #gpu.address_space<workgroup>>, %{{.*}} : memref<1024xi32, #gpu.address_space<workgroup>>)
// CHECK:           scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c8192
// CHECK-COUNT-8:     memref.load
// CHECK:             arith.cmpf ogt
// CHECK:           arith.maxnumf
// CHECK:           arith.cmpf oeq
// CHECK:           arith.minsi
// CHECK-NOT:     kernel.likeliest
func.func @likeliest(%logits: memref<?x96xf32>, %tokens: memref<?x1xi32>) {
  kernel.likeliest ins(%logits : memref<?x96xf32>) outs(%tokens : memref<?x1xi32>)
  return
}

// -----

// Several: a block for each slice sorts it and leaves the best and the slice's mass, a block for each row joins these.
// CHECK-LABEL: func.func @candidates(
// CHECK:         gpu.launch blocks({{.*}} = %c3, {{.*}}) threads({{.*}} = %c1024{{.*}} function(@candidates_likeliest_slice_0) workgroup(%[[LOGITS:.*]] : memref<2048xf32, #gpu.address_space<workgroup>>, %[[TOKENS:.*]] : memref<2048xi32, #gpu.address_space<workgroup>>, %{{.*}} : memref<1024xf32, #gpu.address_space<workgroup>>)
// CHECK:           gpu.barrier
// CHECK:           scf.if
// CHECK-COUNT-2:     memref.store %{{.*}}, %[[LOGITS]]
// CHECK-COUNT-2:     memref.store %{{.*}}, %[[TOKENS]]
// CHECK:           gpu.barrier
// CHECK:           memref.store %{{.*}} : memref<?x3x4xi32>
// CHECK-COUNT-2:   math.exp
// CHECK:           memref.store %{{.*}} : memref<?x3xf32>
// CHECK:         gpu.launch {{.*}}threads({{.*}} = %c1024{{.*}} function(@candidates_likeliest_combine_1)
// CHECK:           math.exp
// CHECK:           memref.store %{{.*}} : memref<?x4xi32>
// CHECK:           memref.store %{{.*}} : memref<?x5xf32>
// CHECK-NOT:     kernel.likeliest
func.func @candidates(%logits: memref<?x6000xf32>, %temperatures: memref<?xf32>, %pt: memref<?x3x4xi32>, %pm: memref<?x3xf32>, %tokens: memref<?x4xi32>, %values: memref<?x5xf32>) {
  kernel.likeliest ins(%logits : memref<?x6000xf32>) temperatures(%temperatures : memref<?xf32>) partials(%pt, %pm : memref<?x3x4xi32>, memref<?x3xf32>)
    outs(%tokens : memref<?x4xi32>) values(%values : memref<?x5xf32>)
  return
}

// -----

// A number that a size depends on is read by the runtime.
// CHECK-LABEL: func.func @size(
// CHECK:         call @attune_device_read
// CHECK-NOT:     memref.load
func.func @size(%batch: memref<?x3xi32>) -> index {
  %c0 = arith.constant 0 : index
  %count = memref.load %batch[%c0, %c0] : memref<?x3xi32>
  %size = arith.index_cast %count : i32 to index
  return %size : index
}
