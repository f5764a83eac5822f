// How many launches one token costs: on a device seven for a layer of llama, whatever else is added to the compiler.
// RUN: attune-opt %s --transformer-layout --transformer-linalg --transformer-vectors --transformer-buffers | FileCheck %s --check-prefix=CPU --implicit-check-not=linalg.copy
// RUN: attune-opt %s --transformer-layout --transformer-linalg --transformer-device-tiles --transformer-device-buffers --transformer-device-kernels | FileCheck %s

// CHECK-LABEL: func.func private @layer(
// CHECK-NOT:     launch_func
// The norm is done in each block of the product of q, k and v.
// CHECK:         scf.if
// CHECK:           gpu.launch_func {{.*}}@device::@layer_linear_few_
// CHECK-NOT:       launch_func
// CHECK:         } else {
// CHECK:           gpu.launch_func {{.*}}@device::@layer_rows_
// CHECK:           gpu.launch_func {{.*}}@device::@layer_linear_
// CHECK:         }
// CHECK-NOT:     launch_func
// Rotations of q and k, and the cache.
// CHECK:         gpu.launch_func {{.*}}@device::@layer_rows_
// CHECK-NOT:     launch_func
// CHECK:         scf.if
// CHECK:           gpu.launch_func {{.*}}@device::@layer_attention_slice_
// CHECK-NOT:       launch_func
// CHECK:           gpu.launch_func {{.*}}@device::@layer_attention_combine_
// CHECK-NOT:       launch_func
// CHECK:         } else {
// CHECK:           gpu.launch_func {{.*}}@device::@layer_attention_
// CHECK:         }
// CHECK-NOT:     launch_func
// Output and what is added to it.
// CHECK:         scf.if
// CHECK:           gpu.launch_func {{.*}}@device::@layer_linear_few_
// CHECK-NOT:       launch_func
// CHECK:         } else {
// CHECK:           gpu.launch_func {{.*}}@device::@layer_linear_
// CHECK:         }
// CHECK-NOT:     launch_func
// Norm, gate and up; down and what is added to it.
// CHECK:         scf.if
// CHECK:           gpu.launch_func {{.*}}@device::@layer_linear_few_
// CHECK:           gpu.launch_func {{.*}}@device::@layer_linear_few_
// CHECK-NOT:       launch_func
// CHECK:         } else {
// CHECK:           gpu.launch_func {{.*}}@device::@layer_rows_
// CHECK:           gpu.launch_func {{.*}}@device::@layer_linear_
// CHECK:           gpu.launch_func {{.*}}@device::@layer_linear_
// CHECK:         }
// CHECK-NOT:     launch_func
// CHECK-LABEL: func.func @step(
// CHECK:         gpu.launch_func {{.*}}@device::@step_likeliest_
// CHECK-NOT:     launch_func
// Two more for a sampler that chooses among several tokens, in an entry of their own.
// CHECK-LABEL: func.func @step_candidates(
// CHECK:         gpu.launch_func {{.*}}@device::@step_candidates_likeliest_slice_
// CHECK-NOT:     launch_func
// CHECK:         gpu.launch_func {{.*}}@device::@step_candidates_likeliest_combine_
// CHECK-NOT:     launch_func

// The processor: norm; q, k and v; the halves of two rotations; cache; attention; output; norm; gate and up; down. Nothing is copied between them.
// CPU-LABEL: func.func private @layer(
// CPU-NOT:     {{(copy|kernel.launch)}}
// CPU-COUNT-12: kernel.launch
// CPU-NOT:     {{(copy|kernel.launch)}}
// CPU:         return
// CPU-LABEL: func.func @step(
// CPU-COUNT-2: kernel.launch
// CPU:         func.call @layer
// CPU-COUNT-2: kernel.launch
// CPU-NOT:     kernel.launch
// CPU:         return

transformer.parameter @embedding : tensor<320x64xf32> source "model.embed_tokens.weight"
transformer.parameter @final_norm : tensor<64xf32> source "model.norm.weight"
transformer.parameter @head : tensor<320x64xf32> source "lm_head.weight"
transformer.parameter @layer.attention.norm_before : tensor<64xf32> source "model.layers.{}.input_layernorm.weight" layers [0, 1]
transformer.parameter @layer.attention.query : tensor<64x64xf32> source "model.layers.{}.self_attn.q_proj.weight" layers [0, 1]
transformer.parameter @layer.attention.key : tensor<16x64xf32> source "model.layers.{}.self_attn.k_proj.weight" layers [0, 1]
transformer.parameter @layer.attention.value : tensor<16x64xf32> source "model.layers.{}.self_attn.v_proj.weight" layers [0, 1]
transformer.parameter @layer.attention.output : tensor<64x64xf32> source "model.layers.{}.self_attn.o_proj.weight" layers [0, 1]
transformer.parameter @layer.feed_forward.norm_before : tensor<64xf32> source "model.layers.{}.post_attention_layernorm.weight" layers [0, 1]
transformer.parameter @layer.feed_forward.gate : tensor<96x64xf32> source "model.layers.{}.mlp.gate_proj.weight" layers [0, 1]
transformer.parameter @layer.feed_forward.up : tensor<96x64xf32> source "model.layers.{}.mlp.up_proj.weight" layers [0, 1]
transformer.parameter @layer.feed_forward.down : tensor<64x96xf32> source "model.layers.{}.mlp.down_proj.weight" layers [0, 1]

func.func private @layer(%arg0: tensor<?x64xf32>, %arg1: index, %arg2: index, %arg3: tensor<?x3xi32>, %arg4: tensor<?x2x4xf32>, %arg5: !transformer.cache<2 x 2 x 8 x 8 x f32>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %0 = transformer.weight @layer.attention.norm_before[%arg1] : tensor<64xf32>
  %1 = transformer.norm rms %arg0 weight %0 : tensor<64xf32> {eps = 1.000000e-03 : f64} : tensor<?x64xf32>
  %2 = transformer.weight @layer.attention.query[%arg1] : tensor<64x64xf32>
  %3 = transformer.weight @layer.attention.key[%arg1] : tensor<16x64xf32>
  %4 = transformer.weight @layer.attention.value[%arg1] : tensor<16x64xf32>
  %5:3 = transformer.linear_split %1 weights(%2, %3, %4) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>) -> (tensor<?x64xf32>, tensor<?x16xf32>, tensor<?x16xf32>)
  %dim = tensor.dim %5#0, %c0 : tensor<?x64xf32>
  %expanded = tensor.expand_shape %5#0 [[0], [1, 2]] output_shape [%dim, 8, 8] : tensor<?x64xf32> into tensor<?x8x8xf32>
  %dim_0 = tensor.dim %5#1, %c0 : tensor<?x16xf32>
  %expanded_1 = tensor.expand_shape %5#1 [[0], [1, 2]] output_shape [%dim_0, 2, 8] : tensor<?x16xf32> into tensor<?x2x8xf32>
  %dim_2 = tensor.dim %5#2, %c0 : tensor<?x16xf32>
  %expanded_3 = tensor.expand_shape %5#2 [[0], [1, 2]] output_shape [%dim_2, 2, 8] : tensor<?x16xf32> into tensor<?x2x8xf32>
  %6 = transformer.rotary half_split %expanded, %arg4 : tensor<?x8x8xf32>, tensor<?x2x4xf32>
  %7 = transformer.rotary half_split %expanded_1, %arg4 : tensor<?x2x8xf32>, tensor<?x2x4xf32>
  %key_rows, %value_rows = transformer.cache_update %arg5[%arg2], %7, %expanded_3, %arg3 : !transformer.cache<2 x 2 x 8 x 8 x f32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x3xi32> -> tensor<?x2x8xf32>, tensor<?x2x8xf32>
  %8 = transformer.attention %6, %key_rows, %value_rows, %arg3 {mask = #transformer.mask<causal = true>, scale = 0.35355339059327373 : f64} : (tensor<?x8x8xf32>, tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?x3xi32>) -> tensor<?x8x8xf32>
  %collapsed = tensor.collapse_shape %8 [[0], [1, 2]] : tensor<?x8x8xf32> into tensor<?x64xf32>
  %9 = transformer.weight @layer.attention.output[%arg1] : tensor<64x64xf32>
  %10 = transformer.linear %collapsed, %9 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %11 = transformer.weight @layer.feed_forward.norm_before[%arg1] : tensor<64xf32>
  %sum, %result = transformer.residual_norm rms %arg0, %10 weight %11 : tensor<64xf32> {eps = 1.000000e-03 : f64} : tensor<?x64xf32>
  %12 = transformer.weight @layer.feed_forward.gate[%arg1] : tensor<96x64xf32>
  %13 = transformer.weight @layer.feed_forward.up[%arg1] : tensor<96x64xf32>
  %14 = transformer.weight @layer.feed_forward.down[%arg1] : tensor<64x96xf32>
  %15 = transformer.ffn silu %result gate(%12) up(%13) down(%14) : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>, tensor<64x96xf32>) -> tensor<?x64xf32>
  %16 = arith.addf %sum, %15 : tensor<?x64xf32>
  return %16 : tensor<?x64xf32>
}

func.func @step(%arg0: tensor<?xi32> {transformer.name = "input_ids"}, %arg1: tensor<?x3xi32> {transformer.name = "batch"}, %arg2: tensor<?xi32> {transformer.name = "output_rows"}, %arg3: !transformer.cache<2 x 2 x 8 x 8 x f32> {transformer.name = "cache"}) -> (tensor<?x320xf32> {transformer.name = "logits"}) {
  %0 = transformer.weight @embedding : tensor<320x64xf32>
  %1 = transformer.embed %arg0, %0 : (tensor<?xi32>, tensor<320x64xf32>) -> tensor<?x64xf32>
  %2 = transformer.rotary_table %arg1 {frequencies = array<f32: 1.000000e+00, 0.00470075384, 1.76776681E-4, 6.64786967E-6>} : (tensor<?x3xi32>) -> tensor<?x2x4xf32>
  %3 = transformer.repeat @layer(%1, %arg1, %2, %arg3) {count = 2 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x2x4xf32>, !transformer.cache<2 x 2 x 8 x 8 x f32>) -> tensor<?x64xf32>
  %4 = transformer.gather %3, %arg2 : (tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  %5 = transformer.weight @final_norm : tensor<64xf32>
  %6 = transformer.norm rms %4 weight %5 : tensor<64xf32> {eps = 1.000000e-03 : f64} : tensor<?x64xf32>
  %7 = transformer.weight @head : tensor<320x64xf32>
  %8 = transformer.linear %6, %7 : (tensor<?x64xf32>, tensor<320x64xf32>) -> tensor<?x320xf32>
  return %8 : tensor<?x320xf32>
}
