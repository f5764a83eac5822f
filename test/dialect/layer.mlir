// RUN: attune-opt %s | attune-opt | FileCheck %s
// A decoder as the Builder emits it: plain operations, one layer kind, an entry.

!cache = !transformer.cache<2 x 1 x 4 x 4 x f32>

transformer.parameter @token_embd : tensor<10x8xf32> source "token_embd.weight"
transformer.parameter @layer.norm : tensor<8xf32> source "blk.{}.attn_norm.weight" layers [0, 1]
transformer.parameter @layer.q : tensor<8x8xf32> source "blk.{}.attn_q.weight" layers [0, 1]
transformer.parameter @layer.k : tensor<4x8xf32, #transformer.stored<q8_0>> source "blk.{}.attn_k.weight" layers [0, 1]
transformer.parameter @layer.v : tensor<4x8xf32> source "blk.{}.attn_v.weight" layers [0, 1]
transformer.parameter @layer.o : tensor<8x8xf32> source "blk.{}.attn_output.weight" layers [0, 1]

// CHECK-LABEL: func.func private @layer
func.func private @layer(%x: tensor<?x8xf32>, %record: index, %layer: index, %batch: tensor<?x3xi32>, %angles: tensor<?x2x2xf32>, %cache: !cache) -> tensor<?x8xf32> {
  %wn = transformer.weight @layer.norm[%record] : tensor<8xf32>
  %wq = transformer.weight @layer.q[%record] : tensor<8x8xf32>
  %wk = transformer.weight @layer.k[%record] : tensor<4x8xf32, #transformer.stored<q8_0>>
  %wv = transformer.weight @layer.v[%record] : tensor<4x8xf32>
  %wo = transformer.weight @layer.o[%record] : tensor<8x8xf32>
  // CHECK: transformer.norm rms
  %n = transformer.norm rms %x weight %wn : tensor<8xf32> {eps = 1.0e-5 : f64} : tensor<?x8xf32>
  %q = transformer.linear %n, %wq : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %k = transformer.linear %n, %wk : (tensor<?x8xf32>, tensor<4x8xf32, #transformer.stored<q8_0>>) -> tensor<?x4xf32>
  %v = transformer.linear %n, %wv : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x8xf32>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%tokens, 2, 4] : tensor<?x8xf32> into tensor<?x2x4xf32>
  %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%tokens, 1, 4] : tensor<?x4xf32> into tensor<?x1x4xf32>
  %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [%tokens, 1, 4] : tensor<?x4xf32> into tensor<?x1x4xf32>
  %qr = transformer.rotary half_split %qh, %angles : tensor<?x2x4xf32>, tensor<?x2x2xf32>
  %kr = transformer.rotary half_split %kh, %angles : tensor<?x1x4xf32>, tensor<?x2x2xf32>
  %K, %V = transformer.cache_update %cache[%layer], %kr, %vh, %batch : !cache, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32> -> tensor<?x1x4xf32>, tensor<?x1x4xf32>
  %s = transformer.scores %qr, %K, %batch {scale = 0.5 : f64} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  // CHECK: #transformer.mask<causal = true>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x2x?xf32>
  transformer.tap "attentions"[%layer], %p : tensor<?x2x?xf32>
  %o = transformer.weighted_sum %p, %V, %batch : (tensor<?x2x?xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  %of = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x4xf32> into tensor<?x8xf32>
  %y = transformer.linear %of, %wo : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %z = arith.addf %x, %y : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @step
func.func @step(%ids: tensor<?xi32>, %batch: tensor<?x3xi32>, %rows: tensor<?xi32>, %cache: !cache) -> tensor<?x10xf32> {
  %table = transformer.weight @token_embd : tensor<10x8xf32>
  %x = transformer.embed %ids, %table : (tensor<?xi32>, tensor<10x8xf32>) -> tensor<?x8xf32>
  %angles = transformer.rotary_table %batch {frequencies = array<f32: 1.0, 0.1>} : (tensor<?x3xi32>) -> tensor<?x2x2xf32>
  // CHECK: transformer.repeat @layer
  %y = transformer.repeat @layer (%x, %batch, %angles, %cache) {record = 0 : i64, first = 0 : i64, count = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x3xi32>, tensor<?x2x2xf32>, !cache) -> tensor<?x8xf32>
  %g = transformer.gather %y, %rows : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %logits = transformer.linear %g, %table : (tensor<?x8xf32>, tensor<10x8xf32>) -> tensor<?x10xf32>
  return %logits : tensor<?x10xf32>
}
