// RUN: attune-opt %s --transformer-fuse-linear-split | FileCheck %s
// Linear maps of one input become one product.

!x = tensor<?x8xf32>
!y = tensor<?x4xf32>
!wide = tensor<8x8xf32>
!w = tensor<4x8xf32>
!b = tensor<4xf32>
!q8 = tensor<4x8xf32, #transformer.stored<q8_0>>

transformer.parameter @a : !w source "blk.{}.a" layers [0, 1]
transformer.parameter @b : !w source "blk.{}.b" layers [0, 1]

// CHECK-LABEL: func.func @queries_keys_values(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[Q:.*]]: tensor<8x8xf32>, %[[K:.*]]: tensor<4x8xf32>, %[[V:.*]]: tensor<4x8xf32>)
// CHECK-NEXT:    %[[R:.*]]:3 = transformer.linear_split %[[X]] weights(%[[Q]], %[[K]], %[[V]])
// CHECK-NEXT:    return %[[R]]#0, %[[R]]#1, %[[R]]#2
func.func @queries_keys_values(%x: !x, %wq: !wide, %wk: !w, %wv: !w) -> (!x, !y, !y) {
  %q = transformer.linear %x, %wq : (!x, !wide) -> !x
  %k = transformer.linear %x, %wk : (!x, !w) -> !y
  %v = transformer.linear %x, %wv : (!x, !w) -> !y
  return %q, %k, %v : !x, !y, !y
}

// Results are in the order of the block, not of their uses.
// CHECK-LABEL: func.func @biases(
// CHECK-SAME:    %[[X:.*]]: tensor<?x8xf32>, %[[K:.*]]: tensor<4x8xf32>, %[[KB:.*]]: tensor<4xf32>, %[[V:.*]]: tensor<4x8xf32>, %[[VB:.*]]: tensor<4xf32>)
// CHECK-NEXT:    %[[R:.*]]:2 = transformer.linear_split %[[X]] weights(%[[V]], %[[K]]) biases(%[[VB]], %[[KB]])
// CHECK-NEXT:    return %[[R]]#1, %[[R]]#0
func.func @biases(%x: !x, %wk: !w, %kb: !b, %wv: !w, %vb: !b) -> (!y, !y) {
  %v = transformer.linear %x, %wv bias %vb : (!x, !w, !b) -> !y
  %k = transformer.linear %x, %wk bias %kb : (!x, !w, !b) -> !y
  return %k, %v : !y, !y
}

// Stored alike joins stored alike; a map alone of its kind stays.
// CHECK-LABEL: func.func @storage_types(
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x8xf32>, %[[A:[a-z0-9]*]]: tensor<4x8xf32>, %[[B:[a-z0-9]*]]: tensor<4x8xf32, #transformer.stored<q8_0>>, %[[C:[a-z0-9]*]]: tensor<4x8xf32>, %[[D:[a-z0-9]*]]: tensor<4x8xf32, #transformer.stored<q8_0>>, %[[E:[a-z0-9]*]]: tensor<4x8xf32, #transformer.stored<q6_k>>)
// CHECK-NEXT:    %[[F32:.*]]:2 = transformer.linear_split %[[X]] weights(%[[A]], %[[C]])
// CHECK-NEXT:    %[[Q8:.*]]:2 = transformer.linear_split %[[X]] weights(%[[B]], %[[D]])
// CHECK-NEXT:    %[[Q6:.*]] = transformer.linear %[[X]], %[[E]]
// CHECK-NEXT:    return %[[F32]]#0, %[[Q8]]#0, %[[F32]]#1, %[[Q8]]#1, %[[Q6]]
func.func @storage_types(%x: !x, %wa: !w, %wb: !q8, %wc: !w, %wd: !q8, %we: tensor<4x8xf32, #transformer.stored<q6_k>>) -> (!y, !y, !y, !y, !y) {
  %a = transformer.linear %x, %wa : (!x, !w) -> !y
  %b = transformer.linear %x, %wb : (!x, !q8) -> !y
  %c = transformer.linear %x, %wc : (!x, !w) -> !y
  %d = transformer.linear %x, %wd : (!x, !q8) -> !y
  %e = transformer.linear %x, %we : (!x, tensor<4x8xf32, #transformer.stored<q6_k>>) -> !y
  return %a, %b, %c, %d, %e : !y, !y, !y, !y, !y
}

// A result that is used before the last map: the product stands where the first map stood, and weights move up.
// CHECK-LABEL: func.func @used_between(
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x8xf32>, %[[RECORD:[a-z0-9]*]]: index
// CHECK-NEXT:    %[[A:.*]] = transformer.weight @a[%[[RECORD]]]
// CHECK-NEXT:    %[[B:.*]] = transformer.weight @b[%[[RECORD]]]
// CHECK-NEXT:    %[[R:.*]]:2 = transformer.linear_split %[[X]] weights(%[[A]], %[[B]])
// CHECK-NEXT:    transformer.activation relu %[[R]]#0
// CHECK-NEXT:    return
func.func @used_between(%x: !x, %record: index) -> (!y, !y) {
  %wa = transformer.weight @a[%record] : !w
  %a = transformer.linear %x, %wa : (!x, !w) -> !y
  %r = transformer.activation relu %a : !y
  %wb = transformer.weight @b[%record] : !w
  %b = transformer.linear %x, %wb : (!x, !w) -> !y
  return %r, %b : !y, !y
}

// CHECK-LABEL: func.func @one_with_bias(
// CHECK-NOT:     transformer.linear_split
// CHECK:         return
func.func @one_with_bias(%x: !x, %wk: !w, %kb: !b, %wv: !w) -> (!y, !y) {
  %k = transformer.linear %x, %wk bias %kb : (!x, !w, !b) -> !y
  %v = transformer.linear %x, %wv : (!x, !w) -> !y
  return %k, %v : !y, !y
}

// CHECK-LABEL: func.func @different_inputs(
// CHECK-NOT:     transformer.linear_split
// CHECK:         return
func.func @different_inputs(%x: !x, %z: !x, %wk: !w, %wv: !w) -> (!y, !y) {
  %k = transformer.linear %x, %wk : (!x, !w) -> !y
  %v = transformer.linear %z, %wv : (!x, !w) -> !y
  return %k, %v : !y, !y
}

// The second map's weight depends on the first map's result; the third can still join the first.
// CHECK-LABEL: func.func @weight_computed_later(
// CHECK-SAME:    %[[X:.*]]: tensor<8x8xf32>, %[[A:.*]]: tensor<8x8xf32>, %[[C:.*]]: tensor<8x8xf32>)
// CHECK-NEXT:    %[[R:.*]]:2 = transformer.linear_split %[[X]] weights(%[[A]], %[[C]])
// CHECK-NEXT:    %[[B:.*]] = transformer.linear %[[X]], %[[R]]#0
// CHECK-NEXT:    return %[[B]], %[[R]]#1
func.func @weight_computed_later(%x: !wide, %wa: !wide, %wc: !wide) -> (!wide, !wide) {
  %a = transformer.linear %x, %wa : (!wide, !wide) -> !wide
  %b = transformer.linear %x, %a : (!wide, !wide) -> !wide
  %c = transformer.linear %x, %wc : (!wide, !wide) -> !wide
  return %b, %c : !wide, !wide
}

// Being the weight of another map is not being its input.
// CHECK-LABEL: func.func @input_is_a_weight(
// CHECK-NOT:     transformer.linear_split
// CHECK:         return
func.func @input_is_a_weight(%x: !wide, %w: !wide, %z: !wide) -> (!wide, !wide) {
  %a = transformer.linear %x, %w : (!wide, !wide) -> !wide
  %b = transformer.linear %z, %x : (!wide, !wide) -> !wide
  return %a, %b : !wide, !wide
}

// CHECK-LABEL: func.func @different_blocks(
// CHECK-NOT:     transformer.linear_split
// CHECK:         return
func.func @different_blocks(%x: !x, %wa: !w, %wb: !w, %both: i1) -> !y {
  %a = transformer.linear %x, %wa : (!x, !w) -> !y
  %r = scf.if %both -> !y {
    %b = transformer.linear %x, %wb : (!x, !w) -> !y
    scf.yield %b : !y
  } else {
    scf.yield %a : !y
  }
  return %r : !y
}
