// RUN: attune-opt %s --split-input-file --transformer-tile --canonicalize --cse | FileCheck %s

// Blocks of rows and pairs of panels of 16 columns. A block says which matrix its rows meet: matrix e begins at panel 3 e of the weights and at element 40 e of the bias.
// CHECK-LABEL: func.func @grouped(
// CHECK-SAME:      %[[X:[a-z0-9]*]]: tensor<?x8xf32>, %[[W:.*]]: memref<12x512xi8>, %[[B:.*]]: tensor<160xf32>, %[[BLOCKS:.*]]: tensor<?x3xi32>, %[[COUNT:.*]]: tensor<1xi32>,
// CHECK:           %[[N:.*]] = tensor.extract %[[COUNT]]
// CHECK:           %[[BLOCKCOUNT:.*]] = arith.index_cast %[[N]]
// CHECK:           scf.forall (%[[I:.*]], %[[C:.*]]) = (0, 0) to (%[[BLOCKCOUNT]], 40) step (1, 32) shared_outs(%[[O:.*]] =
// CHECK:             %[[E32:.*]] = tensor.extract %[[BLOCKS]][%[[I]], %{{.*}}]
// CHECK:             %[[E:.*]] = arith.index_cast %[[E32]]
// CHECK:             %[[F32:.*]] = tensor.extract %[[BLOCKS]]
// CHECK:             %[[FIRST:.*]] = arith.index_cast %[[F32]]
// CHECK:             %[[R32:.*]] = tensor.extract %[[BLOCKS]]
// CHECK:             %[[ROWS:.*]] = arith.index_cast %[[R32]]
// CHECK-DAG:         %[[PANEL:.*]] = affine.apply #[[PANELOF:.*]]()[%[[E]], %[[C]]]
// CHECK-DAG:         %[[COLUMN:.*]] = affine.apply #[[COLUMNOF:.*]]()[%[[E]], %[[C]]]
// CHECK-DAG:         tensor.extract_slice %[[X]][%[[FIRST]], 0] [%[[ROWS]], 8]
// CHECK-DAG:         memref.subview %[[W]][%[[PANEL]], 0]
// CHECK-DAG:         tensor.extract_slice %[[B]][%[[COLUMN]]]
// CHECK-DAG:         tensor.extract_slice %[[O]][%[[FIRST]], %[[C]]] [%[[ROWS]], %{{.*}}]
// CHECK:             %[[P:.*]] = kernel.linear
// CHECK:             tensor.parallel_insert_slice %[[P]] into %[[O]][%[[FIRST]], %[[C]]] [%[[ROWS]], %{{.*}}]
// CHECK-NOT:       kernel.grouped_linear
func.func @grouped(%x: tensor<?x8xf32>, %w: memref<12x512xi8>, %b: tensor<160xf32>, %blocks: tensor<?x3xi32>, %count: tensor<1xi32>, %o: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %y = kernel.grouped_linear input(%x : tensor<?x8xf32>) blocks(%blocks, %count : tensor<?x3xi32>, tensor<1xi32>) weights(%w : memref<12x512xi8>) extras(%b : tensor<160xf32>)
      outs(%o : tensor<?x40xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %bias: f32):
    %s = arith.addf %p, %bias : f32
    kernel.yield %s : f32
  } -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// -----

// A token at a time; the correction is that of all tokens.
// CHECK-LABEL: func.func @route(
// CHECK-SAME:      %{{.*}}: tensor<?x8xf32>, %[[B:.*]]: tensor<8xf32>
// CHECK:           scf.forall (%{{.*}}) in (%{{.*}}) shared_outs(
// CHECK:             kernel.route sigmoid ins(%{{.*}} : tensor<1x8xf32>) bias(%[[B]] : tensor<8xf32>) outs(%{{.*}}, %{{.*}} : tensor<1x2xi32>, tensor<1x2xf32>)
func.func @route(%l: tensor<?x8xf32>, %b: tensor<8xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  %r:2 = kernel.route sigmoid ins(%l : tensor<?x8xf32>) bias(%b : tensor<8xf32>) outs(%e, %w : tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x2xi32>, tensor<?x2xf32>
  return %r#0, %r#1 : tensor<?x2xi32>, tensor<?x2xf32>
}

// -----

// The order of the choices is made by one loop: it is no tile's.
// CHECK-LABEL: func.func @dispatch(
// CHECK-NOT:       scf.forall
// CHECK:           kernel.dispatch
func.func @dispatch(%c: tensor<?x2xi32>, %p: tensor<?x2xi32>, %s: tensor<?x2xi32>, %b: tensor<?x3xi32>, %n: tensor<1xi32>) -> (tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>) {
  %d:4 = kernel.dispatch ins(%c : tensor<?x2xi32>) outs(%p, %s, %b, %n : tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>) {experts = 8 : i64, rows = 96 : i64}
      -> tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>
  return %d#0, %d#1, %d#2, %d#3 : tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>
}
