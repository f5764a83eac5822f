// RUN: attune-opt %s --split-input-file --transformer-assign-layout --transformer-lower-boundaries --canonicalize --transformer-to-kernel --canonicalize --cse | FileCheck %s
// RUN: attune-opt %s --split-input-file --transformer-assign-layout --transformer-lower-boundaries --canonicalize --transformer-to-kernel=quantize-activations --canonicalize --cse | FileCheck %s --check-prefix=INT8

// Choices are ordered by expert, rows gathered in that order, gate and up are one product, down another, and the results are summed up by token.
// With int8 activations rows are quantised once and gathered as codes, scales, sums and outliers.
// CHECK-LABEL: func.func @experts(
// CHECK-SAME:      %[[LOGITS:[a-z0-9]*]]: memref<?x4xf32>
// CHECK:           %[[R:.*]]:2 = kernel.route softmax ins(%{{.*}} : tensor<?x4xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x2xi32>, tensor<?x2xf32>) {renormalize}
// CHECK:           %[[D:.*]]:4 = kernel.dispatch ins(%[[R]]#0 : tensor<?x2xi32>) outs({{.*}} : tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>) {experts = 4 : i64, rows = 96 : i64}
// CHECK:           %[[G:.*]] = linalg.generic {{.*}} ins(%[[D]]#1 : tensor<?x2xi32>) outs(%{{.*}} : tensor<?x2x32xf32>)
// CHECK:           %[[ROWS:.*]] = tensor.collapse_shape %[[G]]
// CHECK:           %[[H:.*]] = kernel.grouped_linear input(%[[ROWS]] : tensor<?x32xf32>) blocks(%[[D]]#2, %[[D]]#3 : tensor<?x3xi32>, tensor<1xi32>) weights(%{{.*}}, %{{.*}} : memref<8x544xi8>, memref<8x544xi8>) outs({{.*}}) format(<codes = i8, group = 32, scale = f16>) columns(32) {
// CHECK-NEXT:      ^bb0(%[[GATE:.*]]: f32, %[[UP:.*]]: f32):
// CHECK:             arith.mulf %{{.*}}, %[[UP]]
// CHECK:           %[[Y:.*]] = kernel.grouped_linear input(%[[H]] : tensor<?x24xf32>) {{.*}} weights(%{{.*}} : memref<8x1536xi8>)
// CHECK:           linalg.generic {{.*}} iterator_types = ["parallel", "reduction", "parallel"]} ins(%[[D]]#0, %[[R]]#1
// CHECK:             tensor.extract %[[Y]]
// INT8-LABEL: func.func @experts(
// INT8:            %[[Q:.*]]:4 = kernel.quantize ins(%{{.*}} : tensor<?x32xf32>)
// INT8:            tensor.extract %[[Q]]#0
// INT8:            tensor.extract %[[Q]]#1
// INT8:            tensor.extract %[[Q]]#2
// INT8:            tensor.extract %[[Q]]#3
// INT8:            kernel.grouped_linear input(%{{.*}} : tensor<?x32xi8>) quantized({{.*}}) outliers(
// INT8-NOT:        kernel.quantize
// INT8:            kernel.grouped_linear input(%{{.*}} : tensor<?x24xf32>)
transformer.parameter @gate : tensor<4x24x32xf32, #transformer.stored<q8_0>> source "gate"
transformer.parameter @up : tensor<4x24x32xf32, #transformer.stored<q8_0>> source "up"
transformer.parameter @down : tensor<4x32x24xf32> source "down"
func.func @experts(%l: tensor<?x4xf32>, %x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %e, %w = transformer.route softmax %l {top_k = 2 : i64, renormalize} : (tensor<?x4xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %gate = transformer.weight @gate : tensor<4x24x32xf32, #transformer.stored<q8_0>>
  %up = transformer.weight @up : tensor<4x24x32xf32, #transformer.stored<q8_0>>
  %down = transformer.weight @down : tensor<4x32x24xf32>
  %y = transformer.experts silu %x, %e, %w gate(%gate) up(%up) down(%down) : (tensor<?x32xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<4x24x32xf32, #transformer.stored<q8_0>>, tensor<4x24x32xf32, #transformer.stored<q8_0>>, tensor<4x32x24xf32>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// A limit and an offset join the epilogue, behind the biases, which are extras.
// CHECK-LABEL: func.func @limited(
// CHECK:           kernel.grouped_linear {{.*}} extras(%{{.*}}, %{{.*}} : tensor<16xf32>, tensor<16xf32>)
// CHECK-NEXT:      ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32, %[[GB:.*]]: f32, %[[UB:.*]]: f32):
// CHECK-NEXT:        %[[GATE:.*]] = arith.addf %[[G]], %[[GB]]
// CHECK-NEXT:        %[[UP:.*]] = arith.addf %[[U]], %[[UB]]
// CHECK-NEXT:        %[[GL:.*]] = arith.minimumf %[[GATE]]
// CHECK-NEXT:        %[[UL:.*]] = arith.maximumf %[[UP]]
// CHECK-NEXT:        %[[UM:.*]] = arith.minimumf %[[UL]]
// CHECK-NEXT:        %[[UO:.*]] = arith.addf %[[UM]]
// CHECK-NEXT:        %[[M:.*]] = arith.mulf %[[GL]], %[[UO]]
// CHECK-NEXT:        kernel.yield %[[M]]
// CHECK:           kernel.grouped_linear {{.*}} extras(%{{.*}} : tensor<16xf32>)
transformer.parameter @inner : tensor<2x8x8xf32> source "inner"
transformer.parameter @gate_bias : tensor<16xf32> source "gate_bias"
transformer.parameter @up_bias : tensor<16xf32> source "up_bias"
func.func @limited(%x: tensor<?x8xf32>, %e: tensor<?x1xi32>, %w: tensor<?x1xf32>) -> tensor<?x8xf32> {
  %m = transformer.weight @inner : tensor<2x8x8xf32>
  %gb = transformer.weight @gate_bias : tensor<16xf32>
  %ub = transformer.weight @up_bias : tensor<16xf32>
  %y = transformer.experts identity %x, %e, %w gate(%m, %gb) up(%m, %ub) down(%m, %ub) {limit = 7.0 : f64, up_offset = 1.0 : f64} : (tensor<?x8xf32>, tensor<?x1xi32>, tensor<?x1xf32>, tensor<2x8x8xf32>, tensor<16xf32>, tensor<2x8x8xf32>, tensor<16xf32>, tensor<2x8x8xf32>, tensor<16xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Weights on the input multiply the gathered rows, and no longer the results. Gate and up that are stored in different ways are two products.
// CHECK-LABEL: func.func @weighed(
// CHECK:           linalg.generic
// CHECK:             arith.mulf
// CHECK:           kernel.grouped_linear {{.*}} format(<codes = f32>)
// CHECK:           kernel.grouped_linear {{.*}} format(<codes = f16>)
// CHECK:           linalg.generic {{.*}} outs(%{{.*}} : tensor<?x8xf32>)
// CHECK:             arith.mulf
// CHECK:           kernel.grouped_linear
// CHECK:           linalg.generic {{.*}} "reduction"
// CHECK-NOT:         arith.mulf
// CHECK:           return
transformer.parameter @a : tensor<2x8x8xf32> source "a"
transformer.parameter @b : tensor<2x8x8xf32, #transformer.stored<f16>> source "b"
func.func @weighed(%x: tensor<?x8xf32>, %e: tensor<?x1xi32>, %w: tensor<?x1xf32>) -> tensor<?x8xf32> {
  %a = transformer.weight @a : tensor<2x8x8xf32>
  %b = transformer.weight @b : tensor<2x8x8xf32, #transformer.stored<f16>>
  %y = transformer.experts relu %x, %e, %w gate(%a) up(%b) down(%a) {weigh_input} : (tensor<?x8xf32>, tensor<?x1xi32>, tensor<?x1xf32>, tensor<2x8x8xf32>, tensor<2x8x8xf32, #transformer.stored<f16>>, tensor<2x8x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Weights without a packed form stay.
// CHECK-LABEL: func.func @unpacked(
// CHECK:           transformer.experts
// CHECK-NOT:       kernel.
func.func @unpacked(%x: tensor<?x8xf32>, %e: tensor<?x1xi32>, %w: tensor<?x1xf32>, %m: tensor<2x8x8xf32>) -> tensor<?x8xf32> {
  %y = transformer.experts relu %x, %e, %w up(%m) down(%m) : (tensor<?x8xf32>, tensor<?x1xi32>, tensor<?x1xf32>, tensor<2x8x8xf32>, tensor<2x8x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
