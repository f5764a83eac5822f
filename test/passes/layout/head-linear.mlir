// RUN: attune-opt %s --split-input-file --transformer-assign-layout --transformer-lower-boundaries --canonicalize --transformer-to-kernel --canonicalize --cse | FileCheck %s
// RUN: attune-opt %s --split-input-file --transformer-to-kernel | FileCheck %s --check-prefix=LOGICAL

// A stack of matrices is one view; each head is a product with its own panels (20 rows: 2 panels), all heads in parallel.
// CHECK-LABEL: func.func @head_linear(
// CHECK:           %[[W:.*]] = memref.view %{{.*}} : memref<?xi8> to memref<6x512xi8>
// CHECK:           scf.forall (%[[HEAD:.*]]) in (3) shared_outs(%[[OUT:.*]] = %{{.*}}) -> (tensor<?x3x20xf32>)
// CHECK-DAG:         %[[X:.*]] = tensor.extract_slice %{{.*}}[0, %[[HEAD]], 0] [%{{.*}}, 1, 8] [1, 1, 1] : tensor<?x3x8xf32> to tensor<?x8xf32>
// CHECK-DAG:         %[[FIRST:.*]] = affine.apply #{{.*}}(%[[HEAD]])
// CHECK-DAG:         %[[PANELS:.*]] = memref.subview %[[W]][%[[FIRST]], 0] [2, 512] [1, 1]
// CHECK:             %[[Y:.*]] = kernel.linear input(%[[X]] : tensor<?x8xf32>) weights(%[[PANELS]] : {{.*}}) outs(%{{.*}} : tensor<?x20xf32>) format(<codes = f32>) columns(8)
// CHECK:             tensor.parallel_insert_slice %[[Y]] into %[[OUT]][0, %[[HEAD]], 0] [%{{.*}}, 1, 20]

// Weights without a layout stay as they are.
// LOGICAL-LABEL: func.func @head_linear(
// LOGICAL:         transformer.head_linear
// LOGICAL-NOT:     kernel.linear
transformer.parameter @w : tensor<3x20x8xf32> source "w"
func.func @head_linear(%x: tensor<?x3x8xf32>) -> tensor<?x3x20xf32> {
  %w = transformer.weight @w : tensor<3x20x8xf32>
  %y = transformer.head_linear %x, %w : (tensor<?x3x8xf32>, tensor<3x20x8xf32>) -> tensor<?x3x20xf32>
  return %y : tensor<?x3x20xf32>
}
