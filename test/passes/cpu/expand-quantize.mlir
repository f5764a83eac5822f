// RUN: attune-opt %s --split-input-file --kernel-expand-quantize=cpu=x86-64-v3 --verify-diagnostics | FileCheck %s

// Two sums a block of 32 columns, a scale for two blocks; the last block of 8 columns reads no further.
// CHECK-LABEL: func.func @quantize
// CHECK: scf.for
// CHECK: vector.reduction <maxnumf>
// CHECK: %[[SCALE:.*]] = arith.divf %{{.*}}, %{{.*}} : f32
// CHECK: arith.divf %{{.*}}, %[[SCALE]] : f32
// CHECK: arith.mulf %{{.*}} : vector<8xf32>
// CHECK: arith.trunci %{{.*}} : vector<8xi32> to vector<8xi8>
// CHECK-COUNT-2: vector.reduction <add>
// CHECK-NOT: kernel.quantize
func.func @quantize(%x: memref<?x104xf32>, %c: memref<?x128xi8>, %s: memref<?x2xf32>, %m: memref<?x8xf32>) {
  kernel.quantize ins(%x : memref<?x104xf32>) outs(%c, %s, %m : memref<?x128xi8>, memref<?x2xf32>, memref<?x8xf32>)
  return
}

// -----

// Outliers come out of a copy of the row: while it is copied, the largest magnitude of each class of columns is found, in two vectors of eight lanes. Each time the largest
// lane of both is taken, the first of several, and its place in the copy becomes 0.
// CHECK-LABEL: func.func @outliers
// CHECK: %[[COPY:.*]] = memref.alloca() {{.*}} : memref<128xf32>
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xi32>, vector<8xi32>)
// CHECK: vector.store %{{.*}}, %[[COPY]]
// CHECK: arith.cmpf ogt, {{.*}} : vector<8xf32>
// CHECK: vector.reduction <maxnumf>
// CHECK: arith.cmpf oeq, {{.*}} : vector<8xf32>
// CHECK: %[[PLACE:.*]] = vector.reduction <minui>
// CHECK: %[[COLUMN:.*]] = arith.index_cast %[[PLACE]]
// CHECK: memref.store %{{.*}}, %[[COPY]][%[[COLUMN]]]
// CHECK: arith.cmpi eq, {{.*}} : vector<8xi32>
// CHECK: vector.reduction <minui>
// CHECK: vector.load %[[COPY]]
// CHECK: arith.divf
// CHECK: arith.mulf %{{.*}} : vector<8xf32>
func.func @outliers(%x: memref<?x104xf32>, %c: memref<?x128xi8>, %s: memref<?x2xf32>, %m: memref<?x4xf32>, %o: memref<?x4xf32>) {
  kernel.quantize ins(%x : memref<?x104xf32>) outs(%c, %s, %m : memref<?x128xi8>, memref<?x2xf32>, memref<?x4xf32>) outliers(%o : memref<?x4xf32>)
  return
}

// -----

// One scale for a row: the largest of all blocks first, then codes; the sum of them all is what products with unsigned weights begin with.
// CHECK-LABEL: func.func @rows
// CHECK: %[[LANES:.*]] = scf.for {{.*}} -> (vector<8xf32>)
// CHECK: vector.reduction <maxnumf>
// CHECK: %[[SCALE:.*]] = arith.divf %{{.*}}, %{{.*}} : f32
// CHECK: %[[SUM:.*]] = scf.for {{.*}} -> (vector<8xi32>)
// CHECK-NOT: vector.reduction
// CHECK: scf.yield
// CHECK: vector.reduction <add>
// CHECK: %[[FLOAT:.*]] = arith.sitofp
// CHECK: %[[START:.*]] = arith.mulf %[[FLOAT]], %cst{{.*}} : f32
// CHECK: memref.store %[[START]]
func.func @rows(%x: memref<?x64xf32>, %c: memref<?x64xi8>, %s: memref<?x1xf32>, %m: memref<?x1xf32>) {
  kernel.quantize ins(%x : memref<?x64xf32>) outs(%c, %s, %m : memref<?x64xi8>, memref<?x1xf32>, memref<?x1xf32>)
  return
}

// -----

// One outlier needs no copy of the row: a pass over it finds for each lane the largest magnitude, the largest beside it, and which vector has the former.
// Codes are made of the input, in which the lane that was taken is 0.
// CHECK-LABEL: func.func @one_outlier
// CHECK-NOT: memref.alloca
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xi32>)
// CHECK: vector.reduction <maxnumf>
// CHECK: %[[PLACE:.*]] = vector.reduction <minui>
// CHECK: arith.minui %[[PLACE]]
// CHECK: %[[REST:.*]] = vector.reduction <maxnumf>
// CHECK: arith.divf %[[REST]], %{{.*}} : f32
// CHECK: arith.cmpi eq, {{.*}} : vector<8xi32>
// CHECK: arith.select {{.*}} : vector<8xi1>, vector<8xf32>
// CHECK: arith.trunci
func.func @one_outlier(%x: memref<?x64xf32>, %c: memref<?x64xi8>, %s: memref<?x1xf32>, %m: memref<?x1xf32>, %o: memref<?x2xf32>) {
  kernel.quantize ins(%x : memref<?x64xf32>) outs(%c, %s, %m : memref<?x64xi8>, memref<?x1xf32>, memref<?x1xf32>) outliers(%o : memref<?x2xf32>)
  return
}

// -----

// CHECK-LABEL: func.func @tensors
// CHECK: kernel.quantize
func.func @tensors(%x: tensor<?x32xf32>, %c: tensor<?x32xi8>, %s: tensor<?x1xf32>, %m: tensor<?x1xf32>) -> tensor<?x32xi8> {
  %q:3 = kernel.quantize ins(%x : tensor<?x32xf32>) outs(%c, %s, %m : tensor<?x32xi8>, tensor<?x1xf32>, tensor<?x1xf32>)
      -> tensor<?x32xi8>, tensor<?x1xf32>, tensor<?x1xf32>
  return %q#0 : tensor<?x32xi8>
}

// -----

func.func @unpadded(%x: memref<?x40xf32>, %c: memref<?x40xi8>, %s: memref<?x1xf32>, %m: memref<?x3xf32>) {
  // expected-error @below {{needs codes of 64 columns (40 in whole blocks), got 40}}
  kernel.quantize ins(%x : memref<?x40xf32>) outs(%c, %s, %m : memref<?x40xi8>, memref<?x1xf32>, memref<?x3xf32>)
  return
}
