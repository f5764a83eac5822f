// RUN: not attune-reference %s --cache-rows=4 2>&1 | FileCheck %s
// What only shows while a program runs ends it with the operation's name and place; the next function still runs.

!cache = !transformer.cache<1 x 1 x 1 x 1 x f32>

transformer.parameter @layered : tensor<1xf32> source "w.{}" layers [0, 1]

// 8 embedding rows, an id of 8.
// CHECK: error: loc("{{.*}}errors.mlir":[[@LINE+4]]:8): 'transformer.embed' entry 1 is 8, expected 0 to 7 (the table's rows)
func.func @id_out_of_range() -> tensor<2x1xf32> {
  %ids = arith.constant dense<[7, 8]> : tensor<2xi32>
  %table = arith.constant dense<0.0> : tensor<8x1xf32>
  %x = transformer.embed %ids, %table : (tensor<2xi32>, tensor<8x1xf32>) -> tensor<2x1xf32>
  return %x : tensor<2x1xf32>
}

// CHECK: 'transformer.gather' entry 0 is -1, expected 0 to 1 (the table's rows)
func.func @row_out_of_range() -> tensor<1x1xf32> {
  %x = arith.constant dense<0.0> : tensor<2x1xf32>
  %rows = arith.constant dense<-1> : tensor<1xi32>
  %y = transformer.gather %x, %rows : (tensor<2x1xf32>, tensor<1xi32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// CHECK: 'transformer.scores' row 1 of the batch has keys up to row 4 of a table of 3
func.func @keys_past_the_table() -> tensor<2x1x?xf32> {
  %q = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<3x1x1xf32>
  %batch = arith.constant dense<[[0, 0, 3], [1, 2, 2]]> : tensor<2x3xi32>
  %s = transformer.scores %q, %k, %batch : (tensor<2x1x1xf32>, tensor<3x1x1xf32>, tensor<2x3xi32>) -> tensor<2x1x?xf32>
  return %s : tensor<2x1x?xf32>
}

// CHECK: 'transformer.positions' row 0 of the batch has a negative entry
func.func @negative_position() -> tensor<1xi32> {
  %batch = arith.constant dense<[[-1, 0, 1]]> : tensor<1x3xi32>
  %p = transformer.positions %batch : (tensor<1x3xi32>) -> tensor<1xi32>
  return %p : tensor<1xi32>
}

// CHECK: 'transformer.linear' input has size 2, expected 3 (the weight's input size)
func.func @dynamic_sizes_differ() -> tensor<1x?xf32> {
  %x = arith.constant dense<0.0> : tensor<1x2xf32>
  %w = arith.constant dense<0.0> : tensor<4x3xf32>
  %xd = tensor.cast %x : tensor<1x2xf32> to tensor<?x?xf32>
  %wd = tensor.cast %w : tensor<4x3xf32> to tensor<?x?xf32>
  %y = transformer.linear %xd, %wd : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<1x?xf32>
  return %y : tensor<1x?xf32>
}

// CHECK: 'tensor.cast' expected a value of type tensor<3xf32>, got reals of shape [2]
func.func @wrong_cast() -> tensor<3xf32> {
  %x = arith.constant dense<0.0> : tensor<2xf32>
  %0 = tensor.cast %x : tensor<2xf32> to tensor<?xf32>
  %1 = tensor.cast %0 : tensor<?xf32> to tensor<3xf32>
  return %1 : tensor<3xf32>
}

// CHECK: 'transformer.cache_update' first key + position is 4, expected 0 to 3 (the cache's rows)
func.func @cache_full(%cache: !cache) -> tensor<?x1x1xf32> {
  %c0 = arith.constant 0 : index
  %x = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %batch = arith.constant dense<[[4, 0, 4]]> : tensor<1x3xi32>
  %K, %V = transformer.cache_update %cache[%c0], %x, %x, %batch : !cache, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x3xi32> -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
  return %V : tensor<?x1x1xf32>
}

// CHECK: 'transformer.cache_update' layer is 1, expected 0 to 0 (the cache's layers)
func.func @layer_out_of_range(%cache: !cache) -> tensor<?x1x1xf32> {
  %c1 = arith.constant 1 : index
  %x = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %batch = arith.constant dense<[[0, 0, 1]]> : tensor<1x3xi32>
  %K, %V = transformer.cache_update %cache[%c1], %x, %x, %batch : !cache, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x3xi32> -> tensor<?x1x1xf32>, tensor<?x1x1xf32>
  return %V : tensor<?x1x1xf32>
}

// CHECK: 'transformer.weight' record is 2, expected 0 to 1 (the records of the parameter)
func.func @record_out_of_range() -> tensor<1xf32> {
  %c2 = arith.constant 2 : index
  %w = transformer.weight @layered[%c2] : tensor<1xf32>
  return %w : tensor<1xf32>
}

// CHECK: 'transformer.weight' names @layered, whose value is in a file that was not given
func.func @no_file() -> tensor<1xf32> {
  %c0 = arith.constant 0 : index
  %w = transformer.weight @layered[%c0] : tensor<1xf32>
  return %w : tensor<1xf32>
}

// CHECK: 'scf.if' has no meaning in the reference interpreter
func.func @unsupported() -> f32 {
  %true = arith.constant true
  %a = arith.constant 1.0 : f32
  %0 = scf.if %true -> f32 {
    scf.yield %a : f32
  } else {
    scf.yield %a : f32
  }
  return %0 : f32
}

// CHECK: 'func.func' @recursive is called inside 64 other calls
func.func @recursive() -> f32 {
  %0 = call @recursive() : () -> f32
  return %0 : f32
}

func.func private @elsewhere() -> f32
// CHECK: 'func.func' @elsewhere has no body
func.func @external() -> f32 {
  %0 = call @elsewhere() : () -> f32
  return %0 : f32
}

// CHECK: 'arith.constant' a tensor has more than 1073741824 elements
func.func @huge() -> tensor<65536x65536xf32> {
  %x = arith.constant dense<0.0> : tensor<65536x65536xf32>
  return %x : tensor<65536x65536xf32>
}

// CHECK: 'arith.divsi' divides by zero or overflows
func.func @divide() -> index {
  %c0 = arith.constant 0 : index
  %0 = arith.divsi %c0, %c0 : index
  return %0 : index
}

// CHECK: 'tensor.extract_slice' a slice's index is 4, expected 0 to 3 (the tensor's dimension)
func.func @slice() -> tensor<2xf32> {
  %x = arith.constant dense<0.0> : tensor<4xf32>
  %c3 = arith.constant 3 : index
  %0 = tensor.extract_slice %x[%c3] [2] [1] : tensor<4xf32> to tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK: 'tensor.expand_shape' a dimension has size -2
func.func @negative_size() -> tensor<?x?xf32> {
  %x = arith.constant dense<0.0> : tensor<4xf32>
  %d = tensor.cast %x : tensor<4xf32> to tensor<?xf32>
  %n = arith.constant -2 : index
  %0 = tensor.expand_shape %d [[0, 1]] output_shape [%n, %n] : tensor<?xf32> into tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK: last: f32 1
func.func @last() -> f32 {
  %a = arith.constant 1.0 : f32
  return %a : f32
}
