// RUN: attune-opt %s --split-input-file --allow-unregistered-dialect --kernel-plan-workspace --canonicalize | FileCheck %s

// Two buffers of 32 bytes a token, since the third takes the place of the first, which is dead by then. Tokens are rounded up to 16.
// CHECK-LABEL: func.func @entry(
// CHECK-SAME:      %[[W:[a-z0-9]*]]: memref<?xi8> {kernel.role = "workspace", transformer.name = "workspace"}) attributes {kernel.workspace_fixed = 0 : i64, kernel.workspace_per_token = 64 : i64}
// CHECK-DAG:       %[[ZERO:.*]] = arith.constant 0 : index
// CHECK:           %[[SIXTEENS:.*]] = arith.ceildivui
// CHECK:           %[[A:.*]] = memref.view %[[W]][%[[ZERO]]]
// CHECK:           %[[SECOND:.*]] = arith.muli %[[SIXTEENS]], %c512
// CHECK:           %[[B:.*]] = memref.view %[[W]][%[[SECOND]]]
// CHECK:           "use"(%[[A]], %[[B]])
// CHECK:           %[[C:.*]] = memref.view %[[W]][%[[ZERO]]]
// CHECK:           "use"(%[[B]], %[[C]])
func.func @entry(%batch: memref<?x3xi32> {transformer.name = "batch"}) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %batch, %c0 : memref<?x3xi32>
  %a = memref.alloc(%tokens) : memref<?x8xf32>
  %b = memref.alloc(%tokens) : memref<?x8xf32>
  "use"(%a, %b) : (memref<?x8xf32>, memref<?x8xf32>) -> ()
  %c = memref.alloc(%tokens) : memref<?x8xf32>
  "use"(%b, %c) : (memref<?x8xf32>, memref<?x8xf32>) -> ()
  return
}

// -----

// Buffers of fixed size come first, each at a cache line.
// CHECK-LABEL: func.func @fixed(
// CHECK-SAME:      attributes {kernel.workspace_fixed = 64 : i64, kernel.workspace_per_token = 4 : i64}
// CHECK:           memref.view %{{.*}}[%c0][] : memref<?xi8> to memref<10xi8>
// CHECK:           memref.view %{{.*}}[%c64][%{{.*}}] : memref<?xi8> to memref<?xf32>
func.func @fixed(%batch: memref<?x3xi32> {transformer.name = "batch"}) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %batch, %c0 : memref<?x3xi32>
  %a = memref.alloc() : memref<10xi8>
  %b = memref.alloc(%tokens) : memref<?xf32>
  "use"(%a, %b) : (memref<10xi8>, memref<?xf32>) -> ()
  return
}

// -----

// The part of a function that is called lies behind the caller's: 32 + 64 bytes a token.
// CHECK-LABEL: func.func @caller(
// CHECK-SAME:      kernel.workspace_per_token = 96 : i64
// CHECK:           %[[TOKENS:.*]] = arith.muli %{{.*}}, %c16
// CHECK:           %[[BEGIN:.*]] = arith.muli %{{.*}}, %c512
// CHECK:           %[[REST:.*]] = memref.view %{{.*}}[%[[BEGIN]]][%{{.*}}] : memref<?xi8> to memref<?xi8>
// CHECK:           call @callee(%{{.*}}, %[[TOKENS]], %[[REST]])
// CHECK-LABEL: func.func private @callee(
// CHECK-SAME:      %{{.*}}: index {kernel.role = "tokens", transformer.name = "tokens"}, %[[W:.*]]: memref<?xi8> {kernel.role = "workspace"
// CHECK:           memref.view %[[W]][%c0]
func.func @caller(%batch: memref<?x3xi32> {transformer.name = "batch"}) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %batch, %c0 : memref<?x3xi32>
  %a = memref.alloc(%tokens) : memref<?x8xf32>
  func.call @callee(%a) : (memref<?x8xf32>) -> ()
  "use"(%a) : (memref<?x8xf32>) -> ()
  return
}
func.func private @callee(%x: memref<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %x, %c0 : memref<?x8xf32>
  %a = memref.alloc(%tokens) : memref<?x16xf32>
  "use"(%a) : (memref<?x16xf32>) -> ()
  return
}

// -----

// Two dynamic dimensions: not a known function of tokens, so allocated and freed.
// CHECK-LABEL: func.func @scores(
// CHECK-SAME:      kernel.workspace_per_token = 0 : i64
// CHECK:           %[[A:.*]] = memref.alloc(
// CHECK:           memref.dealloc %[[A]]
// CHECK-NEXT:      return
func.func @scores(%batch: memref<?x3xi32> {transformer.name = "batch"}, %keys: index) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %batch, %c0 : memref<?x3xi32>
  %a = memref.alloc(%tokens, %keys) : memref<?x?xf32>
  "use"(%a) : (memref<?x?xf32>) -> ()
  return
}

// -----

// Buffers of several rows a token: the factor of their size counts.
// CHECK-LABEL: func.func @rows(
// CHECK-SAME:      attributes {kernel.workspace_fixed = 0 : i64, kernel.workspace_per_token = 288 : i64}
func.func @rows(%batch: memref<?x3xi32> {transformer.name = "batch"}) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %tokens = memref.dim %batch, %c0 : memref<?x3xi32>
  %three = arith.muli %tokens, %c3 : index
  %two = affine.apply affine_map<()[s0] -> (s0 * 2)>()[%tokens]
  %a = memref.alloc(%three) : memref<?x8xf32>
  %b = memref.alloc(%two) : memref<?x8xf32>
  // Two rows a token, counted where they have become one dimension.
  %c = memref.alloc(%tokens) : memref<?x2x8xf32>
  %rows = memref.collapse_shape %c [[0, 1], [2]] : memref<?x2x8xf32> into memref<?x8xf32>
  %four = memref.dim %rows, %c0 : memref<?x8xf32>
  %d = memref.alloc(%four) : memref<?x8xf32>
  "use"(%a, %b, %rows, %d) : (memref<?x8xf32>, memref<?x8xf32>, memref<?x8xf32>, memref<?x8xf32>) -> ()
  return
}

// -----

// Blocks of 3 rows, of which the last may be padded: a token alone has 3 rows.
// CHECK-LABEL: func.func @blocks(
// CHECK-SAME:      attributes {kernel.workspace_fixed = 0 : i64, kernel.workspace_per_token = 96 : i64}
func.func @blocks(%batch: memref<?x3xi32> {transformer.name = "batch"}) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %batch, %c0 : memref<?x3xi32>
  %rows = affine.apply affine_map<()[s0] -> ((s0 ceildiv 3) * 3)>()[%tokens]
  %a = memref.alloc(%rows) : memref<?x8xf32>
  "use"(%a) : (memref<?x8xf32>) -> ()
  return
}
