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

// CHECK-LABEL: func.func @reduction(
// CHECK:           scf.for {{.*}} step %c16
// CHECK:             vector.multi_reduction <add>, %{{.*}}, %{{.*}} [1] : vector<1x16xf32> to vector<1xf32>
func.func @reduction(%x: tensor<1x32xf32>, %e: tensor<1xf32>) -> tensor<1xf32> {
  %a = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<1x32xf32>) outs(%e : tensor<1xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.addf %in, %out : f32
    linalg.yield %m : f32
  } -> tensor<1xf32>
  return %a : tensor<1xf32>
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
