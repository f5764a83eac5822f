// RUN: attune-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: @identities
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: return %[[X]]
func.func @identities(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = transformer.activation identity %x : tensor<?x4xf32>
  %1 = transformer.scale %0 {factor = 1.0 : f64} : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: @scales
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: %[[Y:.*]] = transformer.scale %[[X]] {factor = 6.000000e+00 : f64}
// CHECK-NEXT: return %[[Y]]
func.func @scales(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = transformer.scale %x {factor = 2.0 : f64} : tensor<?x4xf32>
  %1 = transformer.scale %0 {factor = 3.0 : f64} : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// 3 * (2 q . k * 0.5) is a scale of 3.
// CHECK-LABEL: @scores
// CHECK-SAME: (%[[Q:.*]]: tensor<?x2x4xf32>, %[[K:.*]]: tensor<?x1x4xf16>, %[[BATCH:.*]]: tensor<?x3xi32>)
// CHECK-NEXT: %[[S:.*]] = transformer.scores %[[Q]], %[[K]], %[[BATCH]] {scale = 3.000000e+00 : f64}
// CHECK-NEXT: return %[[S]]
func.func @scores(%q: tensor<?x2x4xf32>, %K: tensor<?x1x4xf16>, %batch: tensor<?x3xi32>) -> tensor<?x2x?xf32> {
  %scaled = transformer.scale %q {factor = 2.0 : f64} : tensor<?x2x4xf32>
  %s = transformer.scores %scaled, %K, %batch {scale = 0.5 : f64} : (tensor<?x2x4xf32>, tensor<?x1x4xf16>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  %r = transformer.scale %s {factor = 3.0 : f64} : tensor<?x2x?xf32>
  return %r : tensor<?x2x?xf32>
}

// -----

// Scores that are wanted as they are keep their scale.
// CHECK-LABEL: @scores_used_twice
// CHECK: %[[S:.*]] = transformer.scores %{{.*}} : (
// CHECK: %[[R:.*]] = transformer.scale %[[S]]
// CHECK: return %[[S]], %[[R]]
func.func @scores_used_twice(%q: tensor<?x2x4xf32>, %K: tensor<?x1x4xf16>, %batch: tensor<?x3xi32>) -> (tensor<?x2x?xf32>, tensor<?x2x?xf32>) {
  %s = transformer.scores %q, %K, %batch : (tensor<?x2x4xf32>, tensor<?x1x4xf16>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  %r = transformer.scale %s {factor = 3.0 : f64} : tensor<?x2x?xf32>
  return %s, %r : tensor<?x2x?xf32>, tensor<?x2x?xf32>
}

// -----

// CHECK-LABEL: @masks
// CHECK-SAME: (%[[S:.*]]: tensor<?x2x?xf32>, %[[BATCH:.*]]: tensor<?x3xi32>)
// CHECK-NEXT: %[[M:.*]] = transformer.mask %[[S]], %[[BATCH]] {mask = #transformer.mask<causal = true, window = 4, chunk = 16>}
// CHECK-NEXT: return %[[M]]
func.func @masks(%s: tensor<?x2x?xf32>, %batch: tensor<?x3xi32>) -> tensor<?x2x?xf32> {
  %0 = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %1 = transformer.mask %0, %batch {mask = #transformer.mask<window = 8, chunk = 16>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %2 = transformer.mask %1, %batch {mask = #transformer.mask<window = 4>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  return %2 : tensor<?x2x?xf32>
}

// -----

// Chunks that differ, batches that differ, and a mask without conditions (it hides keys past the count) stay.
// CHECK-LABEL: @masks_that_stay
// CHECK-COUNT-4: transformer.mask
func.func @masks_that_stay(%s: tensor<?x2x?xf32>, %a: tensor<?x3xi32>, %b: tensor<?x3xi32>) -> (tensor<?x2x?xf32>, tensor<?x2x?xf32>) {
  %0 = transformer.mask %s, %a {mask = #transformer.mask<chunk = 4>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %1 = transformer.mask %0, %a {mask = #transformer.mask<chunk = 6>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %2 = transformer.mask %s, %a {mask = #transformer.mask<>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %3 = transformer.mask %2, %b {mask = #transformer.mask<>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  return %1, %3 : tensor<?x2x?xf32>, tensor<?x2x?xf32>
}

// -----

func.func private @layer(%x: tensor<?x4xf32>, %record: index, %layer: index) -> tensor<?x4xf32>
// CHECK-LABEL: func.func @runs
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: %[[Y:.*]] = transformer.repeat @layer(%[[X]]) {count = 5 : i64, first = 3 : i64, record = 1 : i64}
// CHECK-NEXT: return %[[Y]]
func.func @runs(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = transformer.repeat @layer(%x) {count = 2 : i64, first = 3 : i64, record = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = transformer.repeat @layer(%0) {count = 3 : i64, first = 5 : i64, record = 3 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// Runs that leave out a record or have something between them stay.
func.func private @layer(%x: tensor<?x4xf32>, %record: index, %layer: index) -> tensor<?x4xf32>
// CHECK-LABEL: func.func @runs_that_stay
// CHECK-COUNT-3: transformer.repeat
func.func @runs_that_stay(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = transformer.repeat @layer(%x) {count = 2 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = transformer.repeat @layer(%0) {count = 3 : i64, first = 2 : i64, record = 3 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  transformer.tap "between", %1 : tensor<?x4xf32>
  %2 = transformer.repeat @layer(%1) {count = 1 : i64, first = 5 : i64, record = 6 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}
