// RUN: attune-opt %s --transformer-vectorize --canonicalize --cse | FileCheck %s
// RUN: attune-opt %s --transformer-vectorize=width=4 --canonicalize --cse | FileCheck %s --check-prefix=NARROW

#all = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: func.func @loop(
// CHECK:           scf.for %{{.*}} = %{{.*}} to %c48 step %c16
// CHECK:             vector.transfer_read {{.*}} vector<1x16xf32>
// CHECK:             arith.mulf %{{.*}} : vector<1x16xf32>
// CHECK:             vector.transfer_write
// NARROW-LABEL: func.func @loop(
// NARROW:          scf.for %{{.*}} = %{{.*}} to %c48 step %c4
// NARROW:            arith.mulf %{{.*}} : vector<1x4xf32>
func.func @loop(%x: tensor<1x48xf32>, %e: tensor<1x48xf32>) -> tensor<1x48xf32> {
  %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x48xf32>) outs(%e : tensor<1x48xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.mulf %in, %in : f32
    linalg.yield %m : f32
  } -> tensor<1x48xf32>
  return %a : tensor<1x48xf32>
}

// The largest power of two that divides 12 is 4.
// CHECK-LABEL: func.func @power_of_two(
// CHECK:           scf.for %{{.*}} = %{{.*}} to %c12 step %c4
// CHECK:             math.exp %{{.*}} : vector<1x4xf32>
func.func @power_of_two(%x: tensor<1x12xf32>, %e: tensor<1x12xf32>) -> tensor<1x12xf32> {
  %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x12xf32>) outs(%e : tensor<1x12xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = math.exp %in : f32
    linalg.yield %m : f32
  } -> tensor<1x12xf32>
  return %a : tensor<1x12xf32>
}

// Each lane sums every 16th element, from zero; the lanes are added at the end, in any order.
// CHECK-LABEL: func.func @reduction(
// CHECK-SAME:      %{{.*}}: tensor<1x32xf32>, %[[E:.*]]: tensor<1xf32>)
// CHECK:           %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<1x16xf32>
// CHECK:           %[[START:.*]] = vector.transfer_write %[[ZERO]]
// CHECK:           %[[SUMS:.*]] = scf.for {{.*}} step %c16 iter_args(%{{.*}} = %[[START]]) -> (tensor<1x16xf32>) {
// CHECK:             arith.addf %{{.*}} : vector<1x16xf32>
// CHECK:           }
// CHECK-DAG:       vector.transfer_read %[[SUMS]]
// CHECK-DAG:       %[[BEFORE:.*]] = vector.transfer_read %[[E]]
// CHECK:           %[[FIRST:.*]] = vector.extract %[[BEFORE]][0]
// CHECK:           vector.reduction <add>, %{{.*}}, %[[FIRST]] fastmath<reassoc> : vector<16xf32> into f32
func.func @reduction(%x: tensor<1x32xf32>, %e: tensor<1xf32>) -> tensor<1xf32> {
  %a = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<1x32xf32>) outs(%e : tensor<1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.addf %in, %out : f32
    linalg.yield %m : f32
  } -> tensor<1xf32>
  return %a : tensor<1xf32>
}

// A row of one vector is no loop. Rows of several heads are summed one by one.
// CHECK-LABEL: func.func @short_reduction(
// CHECK-NOT:       scf.for
// CHECK:           vector.reduction <maximumf>, %{{.*}}, %{{.*}} : vector<8xf32> into f32
func.func @short_reduction(%x: tensor<1x8xf32>, %e: tensor<1xf32>) -> tensor<1xf32> {
  %a = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<1x8xf32>) outs(%e : tensor<1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.maximumf %in, %out : f32
    linalg.yield %m : f32
  } -> tensor<1xf32>
  return %a : tensor<1xf32>
}

// CHECK-LABEL: func.func @heads(
// CHECK:           scf.for {{.*}} to %c3 step %c1
// CHECK:             scf.for {{.*}} to %c64 step %c16
// CHECK:               arith.addf %{{.*}} : vector<1x1x16xf32>
// CHECK:             vector.reduction <add>, %{{.*}} : vector<16xf32> into f32
func.func @heads(%x: tensor<1x3x64xf32>, %e: tensor<1x3xf32>) -> tensor<1x3xf32> {
  %a = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>],
                       iterator_types = ["parallel", "parallel", "reduction"]} ins(%x : tensor<1x3x64xf32>) outs(%e : tensor<1x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.addf %in, %out : f32
    linalg.yield %m : f32
  } -> tensor<1x3xf32>
  return %a : tensor<1x3xf32>
}

// An odd extent, a dynamic one, and functions that are calls stay loops.
// CHECK-LABEL: func.func @odd(
// CHECK-NEXT:      linalg.generic
func.func @odd(%x: tensor<1x9xf32>, %e: tensor<1x9xf32>) -> tensor<1x9xf32> {
  %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x9xf32>) outs(%e : tensor<1x9xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.mulf %in, %in : f32
    linalg.yield %m : f32
  } -> tensor<1x9xf32>
  return %a : tensor<1x9xf32>
}

// CHECK-LABEL: func.func @dynamic(
// CHECK-NEXT:      linalg.generic
func.func @dynamic(%x: tensor<1x?xf32>, %e: tensor<1x?xf32>) -> tensor<1x?xf32> {
  %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x?xf32>) outs(%e : tensor<1x?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.mulf %in, %in : f32
    linalg.yield %m : f32
  } -> tensor<1x?xf32>
  return %a : tensor<1x?xf32>
}

// CHECK-LABEL: func.func @sine(
// CHECK-NEXT:      linalg.generic
func.func @sine(%x: tensor<1x16xf32>, %e: tensor<1x16xf32>) -> tensor<1x16xf32> {
  %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<1x16xf32>) outs(%e : tensor<1x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = math.sin %in : f32
    linalg.yield %m : f32
  } -> tensor<1x16xf32>
  return %a : tensor<1x16xf32>
}
