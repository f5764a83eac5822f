// RUN: attune-opt %s | attune-opt | FileCheck %s
// Every operation of the kernel dialect, on tensors and on memrefs.

// CHECK-LABEL: func.func @quantize(
func.func @quantize(%x: tensor<?x64xf32>, %c: tensor<?x64xi8>, %s: tensor<?x1xf32>, %t: tensor<?x3xf32>, %m: memref<?x128xf32>, %mc: memref<?x128xi8>, %ms: memref<?x2xf32>, %mm: memref<?x8xf32>) {
  // CHECK: %{{.*}}:3 = kernel.quantize ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>) -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>
  %q:3 = kernel.quantize ins(%x : tensor<?x64xf32>) outs(%c, %s, %t : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>) -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>
  // CHECK: kernel.quantize ins(%{{.*}} : memref<?x128xf32>) outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<?x128xi8>, memref<?x2xf32>, memref<?x8xf32>)
  kernel.quantize ins(%m : memref<?x128xf32>) outs(%mc, %ms, %mm : memref<?x128xi8>, memref<?x2xf32>, memref<?x8xf32>)
  return
}

// CHECK-LABEL: func.func @outliers(
func.func @outliers(%x: tensor<?x64xf32>, %c: tensor<?x64xi8>, %s: tensor<?x1xf32>, %t: tensor<?x3xf32>, %o: tensor<?x8xf32>, %w: memref<2x1088xi8>, %y: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK: %[[Q:.*]]:4 = kernel.quantize ins(%{{.*}} : tensor<?x64xf32>) outs(%{{.*}}, %{{.*}}, %{{.*}} : {{.*}}) outliers(%{{.*}} : tensor<?x8xf32>) -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>, tensor<?x8xf32>
  %q:4 = kernel.quantize ins(%x : tensor<?x64xf32>) outs(%c, %s, %t : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>) outliers(%o : tensor<?x8xf32>)
      -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>, tensor<?x8xf32>
  // CHECK: kernel.linear input(%[[Q]]#0 : tensor<?x64xi8>) quantized(%[[Q]]#1, %[[Q]]#2 : tensor<?x1xf32>, tensor<?x3xf32>) outliers(%[[Q]]#3 : tensor<?x8xf32>) weights(
  %r = kernel.linear input(%q#0 : tensor<?x64xi8>) quantized(%q#1, %q#2 : tensor<?x1xf32>, tensor<?x3xf32>) outliers(%q#3 : tensor<?x8xf32>)
      weights(%w : memref<2x1088xi8>) outs(%y : tensor<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  } -> tensor<?x32xf32>
  return %r : tensor<?x32xf32>
}

// CHECK-LABEL: func.func @linear(
func.func @linear(%x: tensor<?x64xf32>, %w: memref<2x1088xi8>, %b: tensor<32xf32>, %e: tensor<?x32xf32>,
                  %c: memref<?x64xi8>, %s: memref<?x1xf32>, %t: memref<?x3xf32>, %u: memref<2x640xi8>, %y: memref<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK:      kernel.linear input(%{{.*}} : tensor<?x64xf32>) weights(%{{.*}} : memref<2x1088xi8>) extras(%{{.*}} : tensor<32xf32>) outs(%{{.*}} : tensor<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(64) {
  // CHECK-NEXT: ^bb0(%[[P:.*]]: f32, %[[E:.*]]: f32):
  // CHECK-NEXT:   %[[S:.*]] = arith.addf %[[P]], %[[E]]
  // CHECK-NEXT:   kernel.yield %[[S]] : f32
  // CHECK-NEXT: } -> tensor<?x32xf32>
  %o = kernel.linear input(%x : tensor<?x64xf32>) weights(%w : memref<2x1088xi8>) extras(%b : tensor<32xf32>) outs(%e : tensor<?x32xf32>)
      format(<codes = i8, group = 32, scale = f16>) columns(64) {
  ^bb0(%p: f32, %bias: f32):
    %r = arith.addf %p, %bias : f32
    kernel.yield %r : f32
  } -> tensor<?x32xf32>
  // CHECK: kernel.linear input(%{{.*}} : memref<?x64xi8>) quantized(%{{.*}}, %{{.*}} : memref<?x1xf32>, memref<?x3xf32>) weights(%{{.*}}, %{{.*}} : memref<2x640xi8>, memref<2x640xi8>) outs(%{{.*}} : memref<?x32xf32>) format(<codes = u4, group = 32, scale = f16, min = true>) columns(64) {
  kernel.linear input(%c : memref<?x64xi8>) quantized(%s, %t : memref<?x1xf32>, memref<?x3xf32>) weights(%u, %u : memref<2x640xi8>, memref<2x640xi8>) outs(%y : memref<?x32xf32>)
      format(<codes = u4, group = 32, scale = f16, min = true>) columns(64) {
  ^bb0(%g: f32, %p: f32):
    %r = arith.mulf %g, %p : f32
    kernel.yield %r : f32
  }
  return %o : tensor<?x32xf32>
}

// CHECK-LABEL: func.func @embed(
func.func @embed(%ids: tensor<?xi32>, %t: memref<1x512xi8>, %e: tensor<?x8xf32>, %m: memref<?xi32>, %y: memref<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: kernel.embed ins(%{{.*}} : tensor<?xi32>) table(%{{.*}} : memref<1x512xi8>) outs(%{{.*}} : tensor<?x8xf32>) format(<codes = f32>) -> tensor<?x8xf32>
  %o = kernel.embed ins(%ids : tensor<?xi32>) table(%t : memref<1x512xi8>) outs(%e : tensor<?x8xf32>) format(<codes = f32>) -> tensor<?x8xf32>
  // CHECK: kernel.embed ins(%{{.*}} : memref<?xi32>) table(%{{.*}} : memref<1x512xi8>) outs(%{{.*}} : memref<?x8xf32>) format(<codes = f32>)
  kernel.embed ins(%m : memref<?xi32>) table(%t : memref<1x512xi8>) outs(%y : memref<?x8xf32>) format(<codes = f32>)
  return %o : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @likeliest(
func.func @likeliest(%l: memref<?x96xf32>, %t: memref<?x1xi32>, %T: memref<?xf32>, %pt: memref<?x1x8xi32>, %pm: memref<?x1xf32>, %ts: memref<?x8xi32>, %v: memref<?x9xf32>) {
  // CHECK: kernel.likeliest ins(%{{.*}} : memref<?x96xf32>) outs(%{{.*}} : memref<?x1xi32>)
  kernel.likeliest ins(%l : memref<?x96xf32>) outs(%t : memref<?x1xi32>)
  // CHECK: kernel.likeliest ins(%{{.*}} : memref<?x96xf32>) temperatures(%{{.*}} : memref<?xf32>) partials(%{{.*}}, %{{.*}} : memref<?x1x8xi32>, memref<?x1xf32>) outs(%{{.*}} : memref<?x8xi32>) values(%{{.*}} : memref<?x9xf32>)
  kernel.likeliest ins(%l : memref<?x96xf32>) temperatures(%T : memref<?xf32>) partials(%pt, %pm : memref<?x1x8xi32>, memref<?x1xf32>) outs(%ts : memref<?x8xi32>) values(%v : memref<?x9xf32>)
  return
}

// CHECK-LABEL: func.func @attention(
func.func @attention(%q: tensor<?x6x8xf32>, %k: tensor<?x3x8xf32>, %batch: tensor<?x3xi32>, %K: memref<?x3x8x16xf16>, %V: memref<?x3x8xf16>, %sinks: tensor<6xf32>, %e: tensor<?x6x8xf32>,
                     %mq: memref<?x6x8xf32>, %mb: memref<?x3xi32>, %parts: memref<4x6x2x10xf32>) -> (tensor<?x6x8xf32>, tensor<?x6x8xf32>) {
  // CHECK: kernel.cache_update %{{.*}}, %{{.*}}, %{{.*}} into %{{.*}}, %{{.*}} : tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x3xi32>, memref<?x3x8x16xf16>, memref<?x3x8xf16>
  kernel.cache_update %k, %k, %batch into %K, %V : tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x3xi32>, memref<?x3x8x16xf16>, memref<?x3x8xf16>
  // CHECK: kernel.attention ins(%{{.*}}, %{{.*}} : tensor<?x6x8xf32>, tensor<?x3xi32>) cache(%{{.*}}, %{{.*}} : memref<?x3x8x16xf16>, memref<?x3x8xf16>) outs(%{{.*}} : tensor<?x6x8xf32>) {mask = #transformer.mask<causal = true>, scale = 1.250000e-01 : f64} -> tensor<?x6x8xf32>
  %o = kernel.attention ins(%q, %batch : tensor<?x6x8xf32>, tensor<?x3xi32>) cache(%K, %V : memref<?x3x8x16xf16>, memref<?x3x8xf16>) outs(%e : tensor<?x6x8xf32>)
      {mask = #transformer.mask<causal = true>, scale = 0.125 : f64} -> tensor<?x6x8xf32>
  // CHECK: kernel.attention {{.*}} sinks(%{{.*}} : tensor<6xf32>) outs({{.*}}) {mask = #transformer.mask<window = 4>, scale = 1.000000e+00 : f64, soft_cap = 5.000000e+01 : f64}
  %p = kernel.attention ins(%q, %batch : tensor<?x6x8xf32>, tensor<?x3xi32>) cache(%K, %V : memref<?x3x8x16xf16>, memref<?x3x8xf16>) sinks(%sinks : tensor<6xf32>) outs(%e : tensor<?x6x8xf32>)
      {mask = #transformer.mask<window = 4>, scale = 1.0 : f64, soft_cap = 50.0 : f64} -> tensor<?x6x8xf32>
  // CHECK: kernel.attention {{.*}} outs(%{{.*}} : memref<?x6x8xf32>) {mask = #transformer.mask<>, normalizer = #transformer.normalizer<sum>, scale = 1.000000e+00 : f64}
  kernel.attention ins(%mq, %mb : memref<?x6x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x3x8x16xf16>, memref<?x3x8xf16>) outs(%mq : memref<?x6x8xf32>)
      {mask = #transformer.mask<>, normalizer = #transformer.normalizer<sum>, scale = 1.0 : f64}
  // CHECK: kernel.attention {{.*}} partials(%{{.*}} : memref<4x6x2x10xf32>) outs(%{{.*}} : memref<?x6x8xf32>)
  kernel.attention ins(%mq, %mb : memref<?x6x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x3x8x16xf16>, memref<?x3x8xf16>) partials(%parts : memref<4x6x2x10xf32>) outs(%mq : memref<?x6x8xf32>)
      {mask = #transformer.mask<>, scale = 1.0 : f64}
  return %o, %p : tensor<?x6x8xf32>, tensor<?x6x8xf32>
}

// CHECK-LABEL: func.func @experts(
func.func @experts(%l: tensor<?x8xf32>, %b: tensor<8xf32>, %i: tensor<?x2xi32>, %f: tensor<?x2xf32>, %l3: tensor<?x3xi32>, %one: tensor<1xi32>, %x: tensor<?x64xf32>, %w: memref<16x4096xi8>,
                   %e: tensor<?x32xf32>, %c: memref<?x64xi8>, %s: memref<?x1xf32>, %t: memref<?x3xf32>, %mb: memref<?x3xi32>, %mn: memref<1xi32>, %u: memref<16x640xi8>, %bias: memref<256xf32>, %outliers: memref<?x8xf32>, %y: memref<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK: %{{.*}}:2 = kernel.route softmax ins(%{{.*}} : tensor<?x8xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x2xi32>, tensor<?x2xf32>) {renormalize} -> tensor<?x2xi32>, tensor<?x2xf32>
  %r:2 = kernel.route softmax ins(%l : tensor<?x8xf32>) outs(%i, %f : tensor<?x2xi32>, tensor<?x2xf32>) {renormalize} -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: kernel.route sigmoid ins(%{{.*}} : tensor<?x8xf32>) bias(%{{.*}} : tensor<8xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x2xi32>, tensor<?x2xf32>) {group_score = #transformer<group_score top2_sum>, groups = 4 : i64, scale = 2.500000e+00 : f64, top_groups = 2 : i64}
  %r2:2 = kernel.route sigmoid ins(%l : tensor<?x8xf32>) bias(%b : tensor<8xf32>) outs(%i, %f : tensor<?x2xi32>, tensor<?x2xf32>)
      {groups = 4 : i64, top_groups = 2 : i64, group_score = #transformer<group_score top2_sum>, scale = 2.5 : f64} -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: %{{.*}}:4 = kernel.dispatch ins(%{{.*}} : tensor<?x2xi32>) outs(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>) {experts = 8 : i64, rows = 96 : i64} -> tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>
  %d:4 = kernel.dispatch ins(%r#0 : tensor<?x2xi32>) outs(%i, %i, %l3, %one : tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>) {experts = 8 : i64, rows = 96 : i64}
      -> tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>
  // CHECK: kernel.grouped_linear input(%{{.*}} : tensor<?x64xf32>) blocks(%{{.*}}#2, %{{.*}}#3 : tensor<?x3xi32>, tensor<1xi32>) weights(%{{.*}} : memref<16x4096xi8>) outs(%{{.*}} : tensor<?x32xf32>) format(<codes = f32>) columns(64) {
  // CHECK-NEXT: ^bb0(%[[P:.*]]: f32):
  // CHECK-NEXT:   kernel.yield %[[P]] : f32
  // CHECK-NEXT: } -> tensor<?x32xf32>
  %o = kernel.grouped_linear input(%x : tensor<?x64xf32>) blocks(%d#2, %d#3 : tensor<?x3xi32>, tensor<1xi32>) weights(%w : memref<16x4096xi8>) outs(%e : tensor<?x32xf32>)
      format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  } -> tensor<?x32xf32>
  // CHECK: kernel.grouped_linear input(%{{.*}} : memref<?x64xi8>) quantized(%{{.*}}, %{{.*}} : memref<?x1xf32>, memref<?x3xf32>) outliers(%{{.*}} : memref<?x8xf32>) blocks(%{{.*}}, %{{.*}} : memref<?x3xi32>, memref<1xi32>) weights(%{{.*}} : memref<16x640xi8>) extras(%{{.*}} : memref<256xf32>) outs(%{{.*}} : memref<?x32xf32>)
  kernel.grouped_linear input(%c : memref<?x64xi8>) quantized(%s, %t : memref<?x1xf32>, memref<?x3xf32>) outliers(%outliers : memref<?x8xf32>) blocks(%mb, %mn : memref<?x3xi32>, memref<1xi32>) weights(%u : memref<16x640xi8>)
      extras(%bias : memref<256xf32>) outs(%y : memref<?x32xf32>) format(<codes = u4, group = 32, scale = f16, min = true>) columns(64) {
  ^bb0(%p: f32, %extra: f32):
    %r1 = arith.addf %p, %extra : f32
    kernel.yield %r1 : f32
  }
  return %o : tensor<?x32xf32>
}

// CHECK-LABEL: func.func @launch(
func.func @launch(%n: index, %m: memref<?xf32>) {
  // CHECK: kernel.launch @body count(%{{.*}}) args(%{{.*}} : memref<?xf32>)
  kernel.launch @body count(%n) args(%m : memref<?xf32>)
  // CHECK: kernel.launch @empty count(%{{.*}})
  kernel.launch @empty count(%n)
  return
}
func.func private @body(%begin: index, %end: index, %m: memref<?xf32>)
func.func private @empty(%begin: index, %end: index)

// A cache of integers has scales beside it.
func.func @scaled_cache(%q: memref<?x6x8xf32>, %k: memref<?x3x8xf32>, %batch: memref<?x3xi32>, %K: memref<?x3x8x16xi8>, %V: memref<?x3x8xi8>, %s: memref<?x3x16xf32>) {
  // CHECK: kernel.cache_update %{{.*}}, %{{.*}}, %{{.*}} into %{{.*}}, %{{.*}} scales(%{{.*}}, %{{.*}} : memref<?x3x16xf32>, memref<?x3x16xf32>) : memref<?x3x8xf32>, {{.*}}, memref<?x3x8x16xi8>, memref<?x3x8xi8>
  kernel.cache_update %k, %k, %batch into %K, %V scales(%s, %s : memref<?x3x16xf32>, memref<?x3x16xf32>)
      : memref<?x3x8xf32>, memref<?x3x8xf32>, memref<?x3xi32>, memref<?x3x8x16xi8>, memref<?x3x8xi8>
  // CHECK: kernel.attention ins({{.*}}) cache(%{{.*}}, %{{.*}} : memref<?x3x8x16xi8>, memref<?x3x8xi8>) scales(%{{.*}}, %{{.*}} : memref<?x3x16xf32>, memref<?x3x16xf32>) outs(
  kernel.attention ins(%q, %batch : memref<?x6x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x3x8x16xi8>, memref<?x3x8xi8>) scales(%s, %s : memref<?x3x16xf32>, memref<?x3x16xf32>)
      outs(%q : memref<?x6x8xf32>) {mask = #transformer.mask<causal = true>, scale = 1.0 : f64}
  return
}
