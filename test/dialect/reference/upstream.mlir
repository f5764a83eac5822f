// RUN: attune-reference %s | FileCheck %s
// Upstream operations that stand beside those of the dialect.

// CHECK: reals: tensor<2xf32> [-2.5, 4]
func.func @reals() -> tensor<2xf32> {
  %a = arith.constant dense<[1.0, 8.0]> : tensor<2xf32>
  %b = arith.constant dense<[2.0, -4.0]> : tensor<2xf32>
  %0 = arith.addf %a, %b : tensor<2xf32>
  %1 = arith.mulf %0, %b : tensor<2xf32>
  %2 = arith.subf %a, %1 : tensor<2xf32>
  %3 = arith.divf %2, %b : tensor<2xf32>
  %4 = arith.maximumf %3, %a : tensor<2xf32>
  %5 = arith.minimumf %4, %b : tensor<2xf32>
  %6 = arith.negf %5 : tensor<2xf32>
  %half = arith.constant dense<[-2.5, 0.0]> : tensor<2xf32>
  %7 = arith.addf %6, %half : tensor<2xf32>
  %one = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %8 = arith.addf %7, %one : tensor<2xf32>
  return %8 : tensor<2xf32>
}

// CHECK: integers#0: index 11
// CHECK: integers#1: i32 -2147483648
// CHECK: integers#2: i1 1
// CHECK: integers#3: i8 -1
func.func @integers() -> (index, i32, i1, i8) {
  %c7 = arith.constant 7 : index
  %c3 = arith.constant 3 : index
  %0 = arith.muli %c7, %c3 : index
  %1 = arith.divsi %0, %c3 : index
  %2 = arith.remsi %0, %c7 : index
  %3 = arith.ceildivsi %c7, %c3 : index
  %4 = arith.addi %1, %2 : index
  %5 = arith.addi %4, %3 : index
  %6 = arith.maxsi %5, %c3 : index
  %largest = arith.constant 2147483647 : i32
  %one = arith.constant 1 : i32
  %7 = arith.addi %largest, %one : i32
  %8 = arith.cmpi slt, %c3, %c7 : index
  %9 = arith.constant 255 : i32
  %10 = arith.trunci %9 : i32 to i8
  %c1 = arith.constant 1 : index
  %11 = arith.minsi %6, %c1 : index
  %12 = arith.subi %6, %11 : index
  %13 = arith.addi %12, %11 : index
  %14 = arith.constant 10 : index
  %15 = arith.select %8, %13, %14 : index
  %16 = arith.addi %15, %c1 : index
  return %16, %7, %8, %10 : index, i32, i1, i8
}

// CHECK: shapes#0: tensor<2x3xf32> {{\[\[}}0, 1, 2], [3, 4, 5]]
// CHECK: shapes#1: tensor<6xf32> [0, 1, 2, 3, 4, 5]
// CHECK: shapes#2: tensor<2xf32> [2, 5]
// CHECK: shapes#3: index 3
// CHECK: shapes#4: f32 5
// CHECK: shapes#5: tensor<0x3xf32> []
func.func @shapes() -> (tensor<?x3xf32>, tensor<?xf32>, tensor<2xf32>, index, f32, tensor<?x3xf32>) {
  %x = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<6xf32>
  %d = tensor.cast %x : tensor<6xf32> to tensor<?xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = tensor.expand_shape %d [[0, 1]] output_shape [%c2, 3] : tensor<?xf32> into tensor<?x3xf32>
  %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<?x3xf32> into tensor<?xf32>
  %2 = tensor.extract_slice %0[0, %c2] [2, 1] [1, 1] : tensor<?x3xf32> to tensor<2xf32>
  %3 = tensor.dim %0, %c1 : tensor<?x3xf32>
  %4 = tensor.extract %0[%c1, %c2] : tensor<?x3xf32>
  %5 = tensor.extract_slice %0[0, 0] [%c0, 3] [1, 1] : tensor<?x3xf32> to tensor<?x3xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<?x3xf32>, tensor<?xf32>, tensor<2xf32>, index, f32, tensor<?x3xf32>
}

// 1 + 3 + 5, by a loop that carries a tensor.
// CHECK: loop: tensor<f32> 9
func.func @loop() -> tensor<f32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c6 = arith.constant 6 : index
  %zero = arith.constant dense<0.0> : tensor<f32>
  %0 = scf.for %i = %c1 to %c6 step %c2 iter_args(%sum = %zero) -> tensor<f32> {
    %n = arith.index_cast %i : index to i32
    %x = arith.sitofp %n : i32 to f32
    %t = tensor.from_elements %x : tensor<f32>
    %next = arith.addf %sum, %t : tensor<f32>
    scf.yield %next : tensor<f32>
  }
  return %0 : tensor<f32>
}

// CHECK: constants#0: tensor<3xi32> [-1, 2147483647, 0]
// CHECK: constants#1: tensor<2xi1> [1, 0]
// CHECK: constants#2: tensor<2xf16> [0.0999756, -inf]
// CHECK: constants#3: i1 1
func.func @constants() -> (tensor<3xi32>, tensor<2xi1>, tensor<2xf16>, i1) {
  %0 = arith.constant dense<[-1, 2147483647, 0]> : tensor<3xi32>
  %1 = arith.constant dense<[true, false]> : tensor<2xi1>
  %2 = arith.constant dense<[0.1, 0xFC00]> : tensor<2xf16>
  %3 = arith.constant true
  return %0, %1, %2, %3 : tensor<3xi32>, tensor<2xi1>, tensor<2xf16>, i1
}
