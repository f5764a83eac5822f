// RUN: attune-opt %s --split-input-file --transformer-assign-layout --transformer-lower-boundaries --canonicalize --transformer-to-kernel --canonicalize --cse | FileCheck %s
// RUN: attune-opt %s --split-input-file --transformer-assign-layout --transformer-lower-boundaries --canonicalize --transformer-to-kernel=quantize-activations --canonicalize --cse | FileCheck %s --check-prefix=INT8

// A product with weights that are a view of the packed weights: one record of this layer, hence offset + record * stride.
// With int8 activations, block-quantised weights take codes, scales and sums of the input.
// CHECK-LABEL: func.func @linear(
// CHECK-SAME:      %[[RECORD:[a-z0-9]*]]: index, %{{.*}}, %[[WEIGHTS:.*]]: memref<?xi8> {kernel.role = "weights"
// CHECK-DAG:       %[[STRIDE:.*]] = arith.constant 2432 : index
// CHECK-DAG:       %[[OFFSET:.*]] = arith.constant 256 : index
// CHECK:           %[[DISTANCE:.*]] = arith.muli %[[RECORD]], %[[STRIDE]]
// CHECK:           %[[SHIFT:.*]] = arith.addi %[[DISTANCE]], %[[OFFSET]]
// CHECK:           %[[W:.*]] = memref.view %[[WEIGHTS]][%[[SHIFT]]][] : memref<?xi8> to memref<2x1088xi8>
// CHECK:           kernel.linear input(%{{.*}} : tensor<?x64xf32>) weights(%[[W]] : memref<2x1088xi8>) outs(%{{.*}} : tensor<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(64) {
// CHECK-NEXT:      ^bb0(%[[P:.*]]: f32):
// CHECK-NEXT:        kernel.yield %[[P]] : f32
// INT8-LABEL: func.func @linear(
// INT8:            %[[Q:.*]]:4 = kernel.quantize ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>) outliers(%{{.*}} : tensor<?x8xf32>)
// INT8:            kernel.linear input(%[[Q]]#0 : tensor<?x64xi8>) quantized(%[[Q]]#1, %[[Q]]#2 : tensor<?x1xf32>, tensor<?x3xf32>) outliers(%[[Q]]#3 : tensor<?x8xf32>) weights(
transformer.parameter @before : tensor<64xf32> source "blk.{}.before" layers [0, 1]
transformer.parameter @w : tensor<32x64xf32, #transformer.stored<q8_0>> source "blk.{}.w" layers [0, 1]
func.func @linear(%x: tensor<?x64xf32>, %record: index) -> tensor<?x32xf32> {
  %w = transformer.weight @w[%record] : tensor<32x64xf32, #transformer.stored<q8_0>>
  %y = transformer.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32, #transformer.stored<q8_0>>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// Weights in floating point keep f32 activations. A bias is an extra, a residual another; a vector is read as it lies.
// CHECK-LABEL: func.func @dense(
// CHECK:           %[[B:.*]] = bufferization.to_tensor %{{.*}} restrict : memref<16xf32>
// CHECK:           kernel.linear input(%{{.*}} : tensor<?x8xf32>) weights({{.*}}) extras(%[[B]], %[[R:.*]] : tensor<16xf32>, tensor<?x16xf32>)
// CHECK-NEXT:      ^bb0(%[[P:.*]]: f32, %[[BIAS:.*]]: f32, %[[RESIDUAL:.*]]: f32):
// CHECK-NEXT:        %[[S:.*]] = arith.addf %[[P]], %[[BIAS]]
// CHECK-NEXT:        %[[T:.*]] = arith.addf %[[S]], %[[RESIDUAL]]
// CHECK-NEXT:        kernel.yield %[[T]]
// CHECK-NOT:       arith.addf
// CHECK:           return
// INT8-LABEL: func.func @dense(
// INT8-NOT:        kernel.quantize
// INT8:            return
transformer.parameter @w : tensor<16x8xf32, #transformer.stored<bf16>> source "w"
transformer.parameter @b : tensor<16xf32> source "b"
func.func @dense(%x: tensor<?x8xf32>, %r: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %w = transformer.weight @w : tensor<16x8xf32, #transformer.stored<bf16>>
  %b = transformer.weight @b : tensor<16xf32>
  %y = transformer.linear %x, %w bias %b : (tensor<?x8xf32>, tensor<16x8xf32, #transformer.stored<bf16>>, tensor<16xf32>) -> tensor<?x16xf32>
  %z = arith.addf %r, %y : tensor<?x16xf32>
  return %z : tensor<?x16xf32>
}

// -----

// A product that something else reads too keeps its own result, and the addition stays.
// CHECK-LABEL: func.func @product_used_twice(
// CHECK:           kernel.linear
// CHECK-NOT:       extras
// CHECK:           arith.addf {{.*}} : tensor<?x8xf32>
transformer.parameter @w : tensor<8x8xf32> source "w"
func.func @product_used_twice(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %w = transformer.weight @w : tensor<8x8xf32>
  %y = transformer.linear %x, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z = arith.addf %x, %y : tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// The sum of a residual norm joins the product before it; the norm stays, for linalg.
// CHECK-LABEL: func.func @residual_norm(
// CHECK:           %[[Z:.*]] = kernel.linear {{.*}} extras(%{{.*}} : tensor<?x8xf32>)
// CHECK:           transformer.norm rms %[[Z]]
// CHECK-NOT:       residual_norm
transformer.parameter @w : tensor<8x8xf32> source "w"
transformer.parameter @n : tensor<8xf32> source "n"
func.func @residual_norm(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %w = transformer.weight @w : tensor<8x8xf32>
  %n = transformer.weight @n : tensor<8xf32>
  %y = transformer.linear %x, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z, %r = transformer.residual_norm rms %x, %y weight %n : tensor<8xf32> {eps = 1.0e-5 : f64} : tensor<?x8xf32>
  return %z, %r : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Weights that lie one after another are one product over all panels, of which the results are slices.
// CHECK-LABEL: func.func @contiguous(
// CHECK:           %[[W:.*]] = memref.view {{.*}} : memref<?xi8> to memref<3x512xi8>
// CHECK:           %[[P:.*]] = kernel.linear {{.*}} weights(%[[W]] : memref<3x512xi8>) outs(%{{.*}} : tensor<?x48xf32>)
// CHECK-DAG:       tensor.extract_slice %[[P]][0, 0] [%{{.*}}, 32] [1, 1]
// CHECK-DAG:       tensor.extract_slice %[[P]][0, 32] [%{{.*}}, 16] [1, 1]
// CHECK-NOT:       kernel.linear
transformer.parameter @q : tensor<32x8xf32> source "blk.{}.q" layers [0, 1]
transformer.parameter @k : tensor<16x8xf32> source "blk.{}.k" layers [0, 1]
func.func @contiguous(%x: tensor<?x8xf32>, %record: index) -> (tensor<?x32xf32>, tensor<?x16xf32>) {
  %q = transformer.weight @q[%record] : tensor<32x8xf32>
  %k = transformer.weight @k[%record] : tensor<16x8xf32>
  %0, %1 = transformer.linear_split %x weights(%q, %k) : (tensor<?x8xf32>, tensor<32x8xf32>, tensor<16x8xf32>) -> (tensor<?x32xf32>, tensor<?x16xf32>)
  return %0, %1 : tensor<?x32xf32>, tensor<?x16xf32>
}

// -----

// 20 rows end within a panel: the next weight is no continuation. Two products.
// CHECK-LABEL: func.func @partial_panel(
// CHECK:           kernel.linear {{.*}} outs(%{{.*}} : tensor<?x20xf32>)
// CHECK:           kernel.linear {{.*}} outs(%{{.*}} : tensor<?x16xf32>)
transformer.parameter @q : tensor<20x8xf32> source "q"
transformer.parameter @k : tensor<16x8xf32> source "k"
func.func @partial_panel(%x: tensor<?x8xf32>) -> (tensor<?x20xf32>, tensor<?x16xf32>) {
  %q = transformer.weight @q : tensor<20x8xf32>
  %k = transformer.weight @k : tensor<16x8xf32>
  %0, %1 = transformer.linear_split %x weights(%q, %k) : (tensor<?x8xf32>, tensor<20x8xf32>, tensor<16x8xf32>) -> (tensor<?x20xf32>, tensor<?x16xf32>)
  return %0, %1 : tensor<?x20xf32>, tensor<?x16xf32>
}

// -----

// Each bias joins the product of its own weight.
// CHECK-LABEL: func.func @split_with_biases(
// CHECK-COUNT-2:   kernel.linear {{.*}} extras(%{{.*}} : tensor<16xf32>)
transformer.parameter @q : tensor<16x8xf32> source "q"
transformer.parameter @k : tensor<16x8xf32> source "k"
transformer.parameter @qb : tensor<16xf32> source "qb"
transformer.parameter @kb : tensor<16xf32> source "kb"
func.func @split_with_biases(%x: tensor<?x8xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %q = transformer.weight @q : tensor<16x8xf32>
  %k = transformer.weight @k : tensor<16x8xf32>
  %qb = transformer.weight @qb : tensor<16xf32>
  %kb = transformer.weight @kb : tensor<16xf32>
  %0, %1 = transformer.linear_split %x weights(%q, %k) biases(%qb, %kb) : (tensor<?x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>, tensor<16xf32>, tensor<16xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>)
  return %0, %1 : tensor<?x16xf32>, tensor<?x16xf32>
}

// -----

// Gate and up are one operation with two weights, the activation and the product of both in its epilogue.
// CHECK-LABEL: func.func @gated(
// CHECK:           %[[H:.*]] = kernel.linear input({{.*}}) weights(%{{.*}}, %{{.*}} : memref<1x512xi8>, memref<1x512xi8>)
// CHECK-NEXT:      ^bb0(%[[G:.*]]: f32, %[[U:.*]]: f32):
// CHECK-NEXT:        %[[A:.*]] = arith.maximumf %[[G]]
// CHECK-NEXT:        %[[M:.*]] = arith.mulf %[[A]], %[[U]]
// CHECK-NEXT:        kernel.yield %[[M]]
// CHECK:           kernel.linear input(%[[H]]
transformer.parameter @gate : tensor<16x8xf32> source "g"
transformer.parameter @up : tensor<16x8xf32> source "u"
transformer.parameter @down : tensor<8x16xf32> source "d"
func.func @gated(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %g = transformer.weight @gate : tensor<16x8xf32>
  %u = transformer.weight @up : tensor<16x8xf32>
  %d = transformer.weight @down : tensor<8x16xf32>
  %y = transformer.ffn relu %x gate(%g) up(%u) down(%d) : (tensor<?x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>, tensor<8x16xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Gate and up in different formats are two products, and the elementwise product stays.
// CHECK-LABEL: func.func @different_formats(
// CHECK:           %[[A:.*]] = kernel.linear {{.*}} format(<codes = f32>)
// CHECK:             arith.maximumf
// CHECK:           %[[U:.*]] = kernel.linear {{.*}} format(<codes = bf16>)
// CHECK:           %[[H:.*]] = arith.mulf %[[A]], %[[U]] : tensor<?x16xf32>
// CHECK:           kernel.linear input(%[[H]]
transformer.parameter @gate : tensor<16x8xf32> source "g"
transformer.parameter @up : tensor<16x8xf32, #transformer.stored<bf16>> source "u"
transformer.parameter @down : tensor<8x16xf32> source "d"
func.func @different_formats(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %g = transformer.weight @gate : tensor<16x8xf32>
  %u = transformer.weight @up : tensor<16x8xf32, #transformer.stored<bf16>>
  %d = transformer.weight @down : tensor<8x16xf32>
  %y = transformer.ffn relu %x gate(%g) up(%u) down(%d) : (tensor<?x8xf32>, tensor<16x8xf32>, tensor<16x8xf32, #transformer.stored<bf16>>, tensor<8x16xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @plain_ffn(
// CHECK:           %[[H:.*]] = kernel.linear {{.*}} extras(%{{.*}} : tensor<16xf32>) outs(%{{.*}} : tensor<?x16xf32>)
// CHECK-NEXT:      ^bb0(%[[P:.*]]: f32, %[[B:.*]]: f32):
// CHECK-NEXT:        %[[S:.*]] = arith.addf %[[P]], %[[B]]
// CHECK-NEXT:        arith.maximumf %[[S]]
// CHECK:           kernel.linear input(%[[H]]
transformer.parameter @up : tensor<16x8xf32> source "u"
transformer.parameter @bias : tensor<16xf32> source "b"
transformer.parameter @down : tensor<8x16xf32> source "d"
func.func @plain_ffn(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %u = transformer.weight @up : tensor<16x8xf32>
  %b = transformer.weight @bias : tensor<16xf32>
  %d = transformer.weight @down : tensor<8x16xf32>
  %y = transformer.ffn relu %x up(%u, %b) down(%d) : (tensor<?x8xf32>, tensor<16x8xf32>, tensor<16xf32>, tensor<8x16xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// The memory of the cache is layers x (keys, values) of as many rows as fit: 2 layers x 3 heads x (4 + 4) x 2 bytes are 96 bytes a row.
// CHECK-LABEL: func.func @attention(
// CHECK-SAME:      %[[CACHE:[a-z0-9]*]]: memref<?xi8> {kernel.role = "cache"}
// CHECK-DAG:       %[[ROW:.*]] = arith.constant 96 : index
// CHECK:           %[[BYTES:.*]] = memref.dim %[[CACHE]]
// CHECK:           %[[ROWS:.*]] = arith.divui %[[BYTES]], %[[ROW]]
// CHECK:           %[[K:.*]] = memref.view %[[CACHE]][%{{.*}}][%{{.*}}] : memref<?xi8> to memref<?x3x4x16xf16>
// CHECK:           %[[V:.*]] = memref.view %[[CACHE]][%{{.*}}][%[[ROWS]]] : memref<?xi8> to memref<?x3x4xf16>
// CHECK:           kernel.cache_update %{{.*}}, %{{.*}}, %[[B:.*]] into %[[K]], %[[V]]
// CHECK:           kernel.attention ins(%{{.*}}, %[[B]] : {{.*}}) cache(%[[K]], %[[V]] : {{.*}}) outs(%{{.*}} : tensor<?x6x4xf32>)
// CHECK-SAME:        {mask = #transformer.mask<causal = true>, scale = 5.000000e-01 : f64}
!cache = !transformer.cache<2 x 3 x 4 x 4 x f16>
!q = tensor<?x6x4xf32>
!kv = tensor<?x3x4xf32>
!rows = tensor<?x3x4xf16>
!b = tensor<?x3xi32>
func.func @attention(%q: !q, %k: !kv, %v: !kv, %batch: !b, %layer: index, %cache: !cache) -> !q {
  %K, %V = transformer.cache_update %cache[%layer], %k, %v, %batch : !cache, !kv, !kv, !b -> !rows, !rows
  %o = transformer.attention %q, %K, %V, %batch {mask = #transformer.mask<causal = true>, scale = 0.5 : f64} : (!q, !rows, !rows, !b) -> !q
  return %o : !q
}

// -----

// Where no text is continued, rows have one scale each and one outlier beside their codes; where one is, beside others that are not, scales for blocks and four.
// INT8-LABEL: func.func @encoder(
// INT8:            kernel.quantize {{.*}} outs({{.*}} : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>) outliers(%{{.*}} : tensor<?x2xf32>)
transformer.parameter @w : tensor<32x64xf32, #transformer.stored<q8_0>> source "w"
!cache = !transformer.cache<1 x 1 x 4 x 4 x f32>
func.func @encoder(%x: tensor<?x64xf32>, %q: tensor<?x1x4xf32>, %batch: tensor<?x3xi32>, %layer: index, %cache: !cache) -> (tensor<?x32xf32>, tensor<?x1x4xf32>) {
  %w = transformer.weight @w : tensor<32x64xf32, #transformer.stored<q8_0>>
  %y = transformer.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32, #transformer.stored<q8_0>>) -> tensor<?x32xf32>
  %K, %V = transformer.cache_update %cache[%layer], %q, %q, %batch : !cache, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32> -> tensor<?x1x4xf32>, tensor<?x1x4xf32>
  %o = transformer.attention %q, %K, %V, %batch {mask = #transformer.mask<>, scale = 0.5 : f64} : (tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x1x4xf32>
  return %y, %o : tensor<?x32xf32>, tensor<?x1x4xf32>
}

// -----

// INT8-LABEL: func.func @encoder_of_a_decoder(
// INT8:            kernel.quantize {{.*}} outs({{.*}} : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>) outliers(%{{.*}} : tensor<?x8xf32>)
transformer.parameter @w : tensor<32x64xf32, #transformer.stored<q8_0>> source "w"
!cache = !transformer.cache<1 x 1 x 4 x 4 x f32>
func.func @encoder_of_a_decoder(%x: tensor<?x64xf32>, %q: tensor<?x1x4xf32>, %batch: tensor<?x3xi32>, %layer: index, %cache: !cache) -> (tensor<?x32xf32>, tensor<?x1x4xf32>) {
  %w = transformer.weight @w : tensor<32x64xf32, #transformer.stored<q8_0>>
  %y = transformer.linear %x, %w : (tensor<?x64xf32>, tensor<32x64xf32, #transformer.stored<q8_0>>) -> tensor<?x32xf32>
  %K, %V = transformer.cache_update %cache[%layer], %q, %q, %batch : !cache, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32> -> tensor<?x1x4xf32>, tensor<?x1x4xf32>
  %o = transformer.attention %q, %K, %V, %batch {mask = #transformer.mask<>, scale = 0.5 : f64} : (tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x1x4xf32>
  %p = transformer.attention %o, %K, %V, %batch {mask = #transformer.mask<causal = true>, scale = 0.5 : f64} : (tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x1x4xf32>
  return %y, %p : tensor<?x32xf32>, tensor<?x1x4xf32>
}

// -----

// Integers are followed by the scales of the keys and of the values: 3 heads x (4 + 8 + 2 scales of 4 bytes) in 2 layers are 120 bytes a row.
// CHECK-LABEL: func.func @scaled_cache(
// CHECK-DAG:       arith.constant 120 : index
// CHECK:           %[[K:.*]] = memref.view {{.*}} to memref<?x3x4x16xi8>
// CHECK:           %[[V:.*]] = memref.view {{.*}} to memref<?x3x8xi8>
// CHECK:           %[[KS:.*]] = memref.view {{.*}} to memref<?x3x16xf32>
// CHECK:           %[[VS:.*]] = memref.view {{.*}} to memref<?x3x16xf32>
// CHECK:           kernel.cache_update %{{.*}}, %{{.*}}, %{{.*}} into %[[K]], %[[V]] scales(%[[KS]], %[[VS]] :
// CHECK:           kernel.attention ins({{.*}}) cache(%[[K]], %[[V]] : {{.*}}) scales(%[[KS]], %[[VS]] :
!scaled = !transformer.cache<2 x 3 x 4 x 8 x i8>
func.func @scaled_cache(%q: tensor<?x6x4xf32>, %k: tensor<?x3x4xf32>, %v: tensor<?x3x8xf32>, %batch: tensor<?x3xi32>, %layer: index, %cache: !scaled) -> tensor<?x6x8xf32> {
  %K, %V = transformer.cache_update %cache[%layer], %k, %v, %batch : !scaled, tensor<?x3x4xf32>, tensor<?x3x8xf32>, tensor<?x3xi32> -> tensor<?x3x4xf32>, tensor<?x3x8xf32>
  %o = transformer.attention %q, %K, %V, %batch {mask = #transformer.mask<causal = true>, scale = 0.5 : f64}
      : (tensor<?x6x4xf32>, tensor<?x3x4xf32>, tensor<?x3x8xf32>, tensor<?x3xi32>) -> tensor<?x6x8xf32>
  return %o : tensor<?x6x8xf32>
}

// -----

// CHECK-LABEL: func.func @embed(
// CHECK:           kernel.embed ins(%{{.*}} : tensor<?xi32>) table(%{{.*}} : memref<1x512xi8>) outs(%{{.*}} : tensor<?x8xf32>) format(<codes = f32>)
transformer.parameter @table : tensor<10x8xf32> source "t"
func.func @embed(%ids: tensor<?xi32>) -> tensor<?x8xf32> {
  %t = transformer.weight @table : tensor<10x8xf32>
  %x = transformer.embed %ids, %t : (tensor<?xi32>, tensor<10x8xf32>) -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

// Weights with one scale for a row take rows of activations with one scale and one sum, in every model.
// CHECK-LABEL: func.func @whole_rows(
// CHECK:           kernel.linear input(%{{.*}} : tensor<?x48xf32>) weights({{.*}} : memref<2x1088xi8>) {{.*}} format(<codes = u8, scale = f32, zero = 128>) columns(48)
// INT8-LABEL: func.func @whole_rows(
// INT8:            kernel.quantize {{.*}} outs({{.*}} : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xf32>) outliers(%{{.*}} : tensor<?x8xf32>)
transformer.parameter @w : tensor<32x48xf32, #transformer.stored<int8>> source "w"
func.func @whole_rows(%x: tensor<?x48xf32>) -> tensor<?x32xf32> {
  %w = transformer.weight @w : tensor<32x48xf32, #transformer.stored<int8>>
  %y = transformer.linear %x, %w : (tensor<?x48xf32>, tensor<32x48xf32, #transformer.stored<int8>>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// A matrix that is no parameter has no packed form: the linear map stays, and what follows says so.
// CHECK-LABEL: func.func @computed_weight(
// CHECK:           transformer.linear
func.func @computed_weight(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  %y = transformer.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
