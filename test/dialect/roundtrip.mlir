// RUN: attune-opt %s | attune-opt | FileCheck %s
// RUN: attune-opt %s --mlir-print-op-generic | attune-opt | FileCheck %s
// Each operation, attribute and type in its own syntax, and from the generic form.

// CHECK: transformer.parameter @whole : tensor<8x4xf32> source "token_embd.weight"
transformer.parameter @whole : tensor<8x4xf32> source "token_embd.weight"
// CHECK: transformer.parameter @layered : tensor<4x32xf32, #transformer.stored<q4_1>> source "blk.{}.w" layers [0, 2] transposed
transformer.parameter @layered : tensor<4x32xf32, #transformer.stored<q4_1>> source "blk.{}.w" layers [0, 2] transposed
// CHECK: transformer.parameter @literal : tensor<2xf32> value dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
transformer.parameter @literal : tensor<2xf32> value dense<[1.0, 2.0]> : tensor<2xf32>
// CHECK: transformer.parameter @packed : tensor<2xf32, #transformer.stored<mxfp4>> source "w" {offset = 64 : i64, stride = 128 : i64}
transformer.parameter @packed : tensor<2xf32, #transformer.stored<mxfp4>> source "w" {offset = 64 : i64, stride = 128 : i64}

// CHECK-LABEL: @parameters
func.func @parameters(%record: index) {
  // CHECK: transformer.weight @whole : tensor<8x4xf32>
  %0 = transformer.weight @whole : tensor<8x4xf32>
  // CHECK: transformer.weight @layered[%{{.*}}] : tensor<4x32xf32, #transformer.stored<q4_1>>
  %1 = transformer.weight @layered[%record] : tensor<4x32xf32, #transformer.stored<q4_1>>
  return
}

// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: !transformer.cache<2 x 1 x 4 x 6 x bf16>
func.func private @layer(%x: tensor<?x4xf32>, %record: index, %layer: index, %cache: !transformer.cache<2 x 1 x 4 x 6 x bf16>) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}

// CHECK-LABEL: @repeat
func.func @repeat(%x: tensor<?x4xf32>, %cache: !transformer.cache<2 x 1 x 4 x 6 x bf16>) -> tensor<?x4xf32> {
  // CHECK: transformer.repeat @layer(%{{.*}}, %{{.*}}) {count = 2 : i64, first = 1 : i64, record = 0 : i64} : (tensor<?x4xf32>, !transformer.cache<2 x 1 x 4 x 6 x bf16>) -> tensor<?x4xf32>
  %y = transformer.repeat @layer(%x, %cache) {count = 2 : i64, first = 1 : i64, record = 0 : i64} : (tensor<?x4xf32>, !transformer.cache<2 x 1 x 4 x 6 x bf16>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: @embeddings
func.func @embeddings(%ids: tensor<?xi32>, %table: tensor<8x4xf32>, %batch: tensor<?x3xi32>, %x: tensor<?x2x4xf32>) {
  // CHECK: transformer.embed %{{.*}}, %{{.*}} : (tensor<?xi32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %0 = transformer.embed %ids, %table : (tensor<?xi32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  // CHECK: transformer.positions %{{.*}} {offset = 2 : i64} : (tensor<?x3xi32>) -> tensor<?xi32>
  %1 = transformer.positions %batch {offset = 2 : i64} : (tensor<?x3xi32>) -> tensor<?xi32>
  // CHECK: transformer.position interleaved %{{.*}} : (tensor<?x3xi32>) -> tensor<?x4xf32>
  %2 = transformer.position interleaved %batch : (tensor<?x3xi32>) -> tensor<?x4xf32>
  // CHECK: transformer.rotary_table %{{.*}} {frequencies = array<f32: 1.000000e+00, 1.000000e-01>, magnitude = 5.000000e-01 : f64} : (tensor<?x3xi32>) -> tensor<?x2x2xf32>
  %3 = transformer.rotary_table %batch {frequencies = array<f32: 1.0, 0.1>, magnitude = 0.5 : f64} : (tensor<?x3xi32>) -> tensor<?x2x2xf32>
  // CHECK: transformer.rotary half_split %{{.*}}, %{{.*}} : tensor<?x2x4xf32>, tensor<?x2x2xf32>
  %4 = transformer.rotary half_split %x, %3 : tensor<?x2x4xf32>, tensor<?x2x2xf32>
  // CHECK: transformer.gather %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  %5 = transformer.gather %0, %1 : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: @maps
func.func @maps(%x: tensor<?x4xf32>, %heads: tensor<?x2x4xf32>, %w: tensor<4xf32>, %m: tensor<6x4xf32>, %b: tensor<6xf32>) {
  // CHECK: transformer.norm rms %{{.*}} weight %{{.*}} : tensor<4xf32> {eps = 1.000000e-05 : f64, weight_offset = 1.000000e+00 : f64} : tensor<?x4xf32>
  %0 = transformer.norm rms %x weight %w : tensor<4xf32> {eps = 1.0e-5 : f64, weight_offset = 1.0 : f64} : tensor<?x4xf32>
  // CHECK: transformer.norm layer %{{.*}} weight %{{.*}} : tensor<4xf32> bias %{{.*}} : tensor<4xf32> {eps = 0.000000e+00 : f64} : tensor<?x4xf32>
  %1 = transformer.norm layer %x weight %w : tensor<4xf32> bias %w : tensor<4xf32> {eps = 0.0 : f64} : tensor<?x4xf32>
  // CHECK: transformer.norm rms %{{.*}} {eps = 0.000000e+00 : f64} : tensor<?x2x4xf32>
  %2 = transformer.norm rms %heads {eps = 0.0 : f64} : tensor<?x2x4xf32>
  // CHECK: transformer.linear %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
  %3 = transformer.linear %x, %m : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
  // CHECK: transformer.linear %{{.*}}, %{{.*}} bias %{{.*}} : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<?x6xf32>
  %4 = transformer.linear %x, %m bias %b : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<?x6xf32>
  // CHECK: transformer.activation gelu_tanh %{{.*}} : tensor<?x6xf32>
  %5 = transformer.activation gelu_tanh %4 : tensor<?x6xf32>
  // CHECK: transformer.scale %{{.*}} {factor = 2.400000e+01 : f64} : tensor<?x6xf32>
  %6 = transformer.scale %5 {factor = 24.0 : f64} : tensor<?x6xf32>
  // CHECK: transformer.soft_cap %{{.*}} {cap = 3.000000e+01 : f64} : tensor<?x6xf32>
  %7 = transformer.soft_cap %6 {cap = 30.0 : f64} : tensor<?x6xf32>
  return
}

// CHECK-LABEL: @attention_parts
func.func @attention_parts(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %v: tensor<?x1x6xf32>, %batch: tensor<?x3xi32>, %layer: index, %cache: !transformer.cache<2 x 1 x 4 x 6 x bf16>, %sinks: tensor<2xf32>) {
  // CHECK: transformer.cache_update %{{.*}}[%{{.*}}], %{{.*}}, %{{.*}}, %{{.*}} : !transformer.cache<2 x 1 x 4 x 6 x bf16>, tensor<?x1x4xf32>, tensor<?x1x6xf32>, tensor<?x3xi32> -> tensor<?x1x4xbf16>, tensor<?x1x6xbf16>
  %K, %V = transformer.cache_update %cache[%layer], %k, %v, %batch : !transformer.cache<2 x 1 x 4 x 6 x bf16>, tensor<?x1x4xf32>, tensor<?x1x6xf32>, tensor<?x3xi32> -> tensor<?x1x4xbf16>, tensor<?x1x6xbf16>
  // CHECK: transformer.cache_read %{{.*}}[%{{.*}}] : !transformer.cache<2 x 1 x 4 x 6 x bf16> -> tensor<?x1x4xbf16>, tensor<?x1x6xbf16>
  %K2, %V2 = transformer.cache_read %cache[%layer] : !transformer.cache<2 x 1 x 4 x 6 x bf16> -> tensor<?x1x4xbf16>, tensor<?x1x6xbf16>
  // CHECK: transformer.scores %{{.*}}, %{{.*}}, %{{.*}} {scale = 5.000000e-01 : f64} : (tensor<?x2x4xf32>, tensor<?x1x4xbf16>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  %s = transformer.scores %q, %K, %batch {scale = 0.5 : f64} : (tensor<?x2x4xf32>, tensor<?x1x4xbf16>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  // CHECK: transformer.mask %{{.*}}, %{{.*}} {mask = #transformer.mask<causal = true, window = 512, chunk = 8192>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true, window = 512, chunk = 8192>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  // CHECK: transformer.mask %{{.*}}, %{{.*}} {mask = #transformer.mask<>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  %m2 = transformer.mask %s, %batch {mask = #transformer.mask<>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  // CHECK: transformer.softmax %{{.*}} sinks %{{.*}} : tensor<2xf32> : tensor<?x2x?xf32>
  %p = transformer.softmax %m sinks %sinks : tensor<2xf32> : tensor<?x2x?xf32>
  // CHECK: transformer.softmax %{{.*}} : tensor<?x2x?xf32>
  %p2 = transformer.softmax %m2 : tensor<?x2x?xf32>
  // CHECK: transformer.sum_normalize %{{.*}} : tensor<?x2x?xf32>
  %p3 = transformer.sum_normalize %m2 : tensor<?x2x?xf32>
  // CHECK: transformer.weighted_sum %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x2x?xf32>, tensor<?x1x6xbf16>, tensor<?x3xi32>) -> tensor<?x2x6xf32>
  %o = transformer.weighted_sum %p, %V, %batch : (tensor<?x2x?xf32>, tensor<?x1x6xbf16>, tensor<?x3xi32>) -> tensor<?x2x6xf32>
  // CHECK: transformer.tap "attentions"[%{{.*}}], %{{.*}} : tensor<?x2x?xf32>
  transformer.tap "attentions"[%layer], %p : tensor<?x2x?xf32>
  // CHECK: transformer.tap "q", %{{.*}} : tensor<?x2x4xf32>
  transformer.tap "q", %q : tensor<?x2x4xf32>
  return
}

// CHECK-LABEL: @fused
func.func @fused(%x: tensor<?x4xf32>, %q: tensor<?x2x4xf32>, %K: tensor<?x1x4xf16>, %batch: tensor<?x3xi32>, %sinks: tensor<2xf32>,
                 %n: tensor<4xf32>, %w: tensor<6x4xf32>, %wb: tensor<6xf32>, %d: tensor<4x6xf32>) {
  // CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {mask = #transformer.mask<causal = true>, normalizer = #transformer.normalizer<sum>, scale = 1.250000e-01 : f64} : (tensor<?x2x4xf32>, tensor<?x1x4xf16>, tensor<?x1x4xf16>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  %0 = transformer.attention %q, %K, %K, %batch {mask = #transformer.mask<causal = true>, normalizer = #transformer.normalizer<sum>, scale = 0.125 : f64} : (tensor<?x2x4xf32>, tensor<?x1x4xf16>, tensor<?x1x4xf16>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  // CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} sinks(%{{.*}}) {mask = #transformer.mask<>, soft_cap = 5.000000e+01 : f64} : (tensor<?x2x4xf32>
  %1 = transformer.attention %q, %K, %K, %batch sinks(%sinks) {mask = #transformer.mask<>, soft_cap = 50.0 : f64} : (tensor<?x2x4xf32>, tensor<?x1x4xf16>, tensor<?x1x4xf16>, tensor<?x3xi32>, tensor<2xf32>) -> tensor<?x2x4xf32>
  // CHECK: transformer.residual_norm rms %{{.*}}, %{{.*}} weight %{{.*}} : tensor<4xf32> {eps = 1.000000e-05 : f64} : tensor<?x4xf32>
  %2:2 = transformer.residual_norm rms %x, %x weight %n : tensor<4xf32> {eps = 1.0e-5 : f64} : tensor<?x4xf32>
  // CHECK: transformer.residual_norm layer %{{.*}}, %{{.*}} weight %{{.*}} : tensor<4xf32> bias %{{.*}} : tensor<4xf32> {eps = 1.000000e-05 : f64} : tensor<?x4xf32>
  %3:2 = transformer.residual_norm layer %x, %x weight %n : tensor<4xf32> bias %n : tensor<4xf32> {eps = 1.0e-5 : f64} : tensor<?x4xf32>
  // CHECK: transformer.linear_split %{{.*}} weights(%{{.*}}, %{{.*}}) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  %4:2 = transformer.linear_split %x weights(%w, %w) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6x4xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  // CHECK: transformer.linear_split %{{.*}} weights(%{{.*}}) biases(%{{.*}}) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<?x6xf32>
  %5 = transformer.linear_split %x weights(%w) biases(%wb) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<?x6xf32>
  // CHECK: transformer.ffn silu %{{.*}} gate(%{{.*}}) up(%{{.*}}) down(%{{.*}}) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  %6 = transformer.ffn silu %x gate(%w) up(%w) down(%d) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  // CHECK: transformer.ffn relu %{{.*}} up(%{{.*}}, %{{.*}}) down(%{{.*}}, %{{.*}}) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6xf32>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %7 = transformer.ffn relu %x up(%w, %wb) down(%d, %n) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6xf32>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: @relative_bias
func.func @relative_bias(%table: tensor<64xf32>, %s: tensor<?x2x?xf32>, %q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %batch: tensor<?x3xi32>) -> tensor<?x2x4xf32> {
  // CHECK: transformer.distance_bias %{{.*}} {bidirectional, buckets = 32 : i64, max_distance = 128 : i64} : (tensor<64xf32>) -> tensor<2x257xf32>
  %b = transformer.distance_bias %table {buckets = 32 : i64, max_distance = 128 : i64, bidirectional} : (tensor<64xf32>) -> tensor<2x257xf32>
  // CHECK: transformer.relative_bias %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2x?xf32>, tensor<2x257xf32>, tensor<?x3xi32>
  %r = transformer.relative_bias %s, %b, %batch : tensor<?x2x?xf32>, tensor<2x257xf32>, tensor<?x3xi32>
  // CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} bias(%{{.*}}) {mask = #transformer.mask<>}
  %o = transformer.attention %q, %k, %k, %batch bias(%b) {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>, tensor<2x257xf32>) -> tensor<?x2x4xf32>
  return %o : tensor<?x2x4xf32>
}
