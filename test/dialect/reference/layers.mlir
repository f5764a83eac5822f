// RUN: attune-reference %s | FileCheck %s
// RUN: attune-opt %s --canonicalize | attune-reference | FileCheck %s
// Layers of a kind: records select parameters, layer indices name taps.

transformer.parameter @scale : tensor<1x1xf32> value dense<3.0> : tensor<1x1xf32>

func.func private @layer(%x: tensor<?x1xf32>, %record: index, %layer: index, %shift: tensor<?x1xf32>) -> tensor<?x1xf32> {
  transformer.tap "x"[%layer], %x : tensor<?x1xf32>
  %w = transformer.weight @scale : tensor<1x1xf32>
  %y = transformer.linear %x, %w : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %r = arith.index_cast %record : index to i32
  %rf = arith.sitofp %r : i32 to f32
  %record_row = tensor.from_elements %rf : tensor<1x1xf32>
  %records = tensor.cast %record_row : tensor<1x1xf32> to tensor<?x1xf32>
  %a = arith.addf %y, %shift : tensor<?x1xf32>
  %z = arith.addf %a, %records : tensor<?x1xf32>
  return %z : tensor<?x1xf32>
}

// x -> 3 x + 10 + record, for records 2, 3, 4: 1 -> 15 -> 58 -> 188.
// CHECK: main tap x[5]: tensor<1x1xf32> {{\[\[}}1]]
// CHECK-NEXT: main tap x[6]: tensor<1x1xf32> {{\[\[}}15]]
// CHECK-NEXT: main tap x[7]: tensor<1x1xf32> {{\[\[}}58]]
// CHECK-NEXT: main tap result: tensor<1x1xf32> {{\[\[}}188]]
// CHECK-NEXT: main: tensor<1x1xf32> {{\[\[}}188]]
func.func @main() -> tensor<?x1xf32> {
  %one = arith.constant dense<1.0> : tensor<1x1xf32>
  %ten = arith.constant dense<10.0> : tensor<1x1xf32>
  %x = tensor.cast %one : tensor<1x1xf32> to tensor<?x1xf32>
  %shift = tensor.cast %ten : tensor<1x1xf32> to tensor<?x1xf32>
  %y = transformer.repeat @layer (%x, %shift) {record = 2 : i64, first = 5 : i64, count = 2 : i64} : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %z = transformer.repeat @layer (%y, %shift) {record = 4 : i64, first = 7 : i64, count = 1 : i64} : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  transformer.tap "result", %z : tensor<?x1xf32>
  return %z : tensor<?x1xf32>
}
