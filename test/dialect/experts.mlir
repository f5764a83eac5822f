// RUN: attune-opt %s | attune-opt | FileCheck %s
// RUN: attune-opt %s --mlir-print-op-generic | attune-opt | FileCheck %s
// RUN: attune-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize --cse | FileCheck %s --check-prefix=SHAPES
// Mixtures of experts in their own syntax, and from the generic form; sizes of results.

// CHECK-LABEL: @route
// SHAPES-LABEL: @route
// SHAPES-SAME: (%[[LOGITS:[^:]*]]: tensor<?x8xf32>
func.func @route(%logits: tensor<?x8xf32>, %bias: tensor<8xf32>) -> (index, index) {
  // CHECK: transformer.route softmax %{{.*}} {renormalize, top_k = 2 : i64} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %0:2 = transformer.route softmax %logits {top_k = 2 : i64, renormalize} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  // CHECK: transformer.route softmax_chosen %{{.*}} {scale = 2.500000e+00 : f64, top_k = 1 : i64}
  %1:2 = transformer.route softmax_chosen %logits {top_k = 1 : i64, scale = 2.5 : f64} : (tensor<?x8xf32>) -> (tensor<?x1xi32>, tensor<?x1xf32>)
  // CHECK: transformer.route sigmoid %{{.*}} bias %{{.*}} {group_score = #transformer<group_score top2_sum>, groups = 4 : i64, top_groups = 2 : i64, top_k = 3 : i64} : (tensor<?x8xf32>, tensor<8xf32>)
  %2:2 = transformer.route sigmoid %logits bias %bias {top_k = 3 : i64, groups = 4 : i64, top_groups = 2 : i64, group_score = #transformer<group_score top2_sum>} : (tensor<?x8xf32>, tensor<8xf32>) -> (tensor<?x3xi32>, tensor<?x3xf32>)
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %0#0, %c0 : tensor<?x2xi32>
  %rows = tensor.dim %2#1, %c0 : tensor<?x3xf32>
  // SHAPES: %[[N:.*]] = tensor.dim %[[LOGITS]]
  // SHAPES: return %[[N]], %[[N]]
  return %tokens, %rows : index, index
}

// CHECK-LABEL: @experts
// SHAPES-LABEL: @experts
// SHAPES-SAME: (%[[X:[^:]*]]: tensor<?x4xf32>
func.func @experts(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>,
                   %inner: tensor<48xf32>, %outer: tensor<32xf32>, %factors: tensor<?x1xf32>) -> index {
  // CHECK: transformer.experts silu %{{.*}}, %{{.*}}, %{{.*}} gate(%{{.*}}) up(%{{.*}}) down(%{{.*}}) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  %0 = transformer.experts silu %x, %e, %w gate(%up) up(%up) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  // CHECK: transformer.experts relu %{{.*}}, %{{.*}}, %{{.*}} up(%{{.*}}, %{{.*}}) down(%{{.*}}, %{{.*}}) {weigh_input}
  %1 = transformer.experts relu %x, %e, %w up(%up, %inner) down(%down, %outer) {weigh_input} : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<48xf32>, tensor<8x4x6xf32>, tensor<32xf32>) -> tensor<?x4xf32>
  // CHECK: transformer.experts quick_gelu %{{.*}}, %{{.*}}, %{{.*}} gate(%{{.*}}, %{{.*}}) up(%{{.*}}) down(%{{.*}}) {limit = 7.000000e+00 : f64, up_offset = 1.000000e+00 : f64}
  %2 = transformer.experts quick_gelu %x, %e, %w gate(%up, %inner) up(%up) down(%down) {limit = 7.0 : f64, up_offset = 1.0 : f64} : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<48xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  // CHECK: transformer.scale_rows %{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<?x1xf32>
  %3 = transformer.scale_rows %2, %factors : tensor<?x4xf32>, tensor<?x1xf32>
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %3, %c0 : tensor<?x4xf32>
  // SHAPES: %[[N:.*]] = tensor.dim %[[X]]
  // SHAPES: return %[[N]]
  return %tokens : index
}

// CHECK-LABEL: @temperature
// SHAPES-LABEL: @temperature
// SHAPES-SAME: (%[[Q:[^:]*]]: tensor<?x2x4xf32>
func.func @temperature(%q: tensor<?x2x4xf32>, %batch: tensor<?x3xi32>) -> index {
  // CHECK: transformer.temperature %{{.*}}, %{{.*}} {floor_scale = 8.192000e+03 : f64, scale = 1.000000e-01 : f64} : tensor<?x2x4xf32>, tensor<?x3xi32>
  %0 = transformer.temperature %q, %batch {floor_scale = 8192.0 : f64, scale = 0.1 : f64} : tensor<?x2x4xf32>, tensor<?x3xi32>
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %0, %c0 : tensor<?x2x4xf32>
  // SHAPES: %[[N:.*]] = tensor.dim %[[Q]]
  // SHAPES: return %[[N]]
  return %tokens : index
}
