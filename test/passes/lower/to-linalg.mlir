// RUN: attune-opt %s --transformer-to-linalg --canonicalize | FileCheck %s
// What the kernels do not cover becomes linalg on tensors.

// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[PER_PAIR:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>

// The sum of squares, its inverse root, then the row times the weight plus its offset.
// CHECK-LABEL: func.func @rms_norm(
// CHECK-SAME:      %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8xf32>)
// CHECK:           %[[SQUARES:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%[[X]]
// CHECK:           %[[INVERSE:.*]] = linalg.generic {{.*}} ins(%[[SQUARES]]
// CHECK:             arith.divf %{{.*}}, %{{.*}}
// CHECK-NEXT:        arith.addf
// CHECK-NEXT:        math.rsqrt
// CHECK:           linalg.generic {indexing_maps = [#[[ALL]], #[[ROW]], #[[COLUMN]], #[[ALL]]], {{.*}} ins(%[[X]], %[[INVERSE]], %[[W]]
// CHECK-NEXT:      ^bb0(%[[E:.*]]: f32, %[[I:.*]]: f32, %[[G:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT:        %[[N:.*]] = arith.mulf %[[E]], %[[I]]
// CHECK-NEXT:        %[[FACTOR:.*]] = arith.addf %[[G]], %{{.*}}
// CHECK-NEXT:        arith.mulf %[[N]], %[[FACTOR]]
func.func @rms_norm(%x: tensor<?x8xf32>, %w: tensor<8xf32>) -> tensor<?x8xf32> {
  %y = transformer.norm rms %x weight %w : tensor<8xf32> {eps = 1.0e-5 : f64, weight_offset = 1.0 : f64} : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// The mean first, since squares are of distances from it; of each head by itself where there are heads.
// CHECK-LABEL: func.func @layer_norm(
// CHECK-SAME:      %[[X:.*]]: tensor<?x2x8xf32>)
// CHECK:           linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[X]] : tensor<?x2x8xf32>) outs(%{{.*}} : tensor<?x2xf32>)
// CHECK:           %[[MEAN:.*]] = linalg.generic
// CHECK:             arith.divf
// CHECK:           linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[X]], %[[MEAN]]
// CHECK:             arith.subf
// CHECK:           math.rsqrt
// CHECK:           linalg.generic {{.*}} ins(%[[X]], %{{.*}}, %[[MEAN]]
// CHECK:             arith.subf
// CHECK-NEXT:        arith.mulf
func.func @layer_norm(%x: tensor<?x2x8xf32>) -> tensor<?x2x8xf32> {
  %y = transformer.norm layer %x {eps = 1.0e-5 : f64} : tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}

// CHECK-LABEL: func.func @elementwise(
// CHECK:           linalg.generic
// CHECK:             math.exp
// CHECK:           linalg.generic
// CHECK:             arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK:           linalg.generic
// CHECK:             arith.addf %{{.*}}, %{{.*}} : f32
func.func @elementwise(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = transformer.activation silu %x : tensor<?x8xf32>
  %b = transformer.scale %a {factor = 2.0 : f64} : tensor<?x8xf32>
  %c = arith.addf %b, %x : tensor<?x8xf32>
  return %c : tensor<?x8xf32>
}

// cap * tanh(x / cap)
// CHECK-LABEL: func.func @soft_cap(
// CHECK-DAG:       %[[CAP:.*]] = arith.constant 5.000000e+01 : f32
// CHECK-DAG:       %[[INVERSE:.*]] = arith.constant 2.000000e-02 : f32
// CHECK:             %[[S:.*]] = arith.mulf %{{.*}}, %[[INVERSE]]
// CHECK-NEXT:        %[[T:.*]] = math.tanh %[[S]]
// CHECK-NEXT:        arith.mulf %[[T]], %[[CAP]]
func.func @soft_cap(%s: tensor<?x2x?xf32>) -> tensor<?x2x?xf32> {
  %c = transformer.soft_cap %s {cap = 50.0 : f64} : tensor<?x2x?xf32>
  return %c : tensor<?x2x?xf32>
}

// CHECK-LABEL: func.func @gather(
// CHECK-SAME:      %[[X:.*]]: tensor<?x8xf32>, %[[ROWS:.*]]: tensor<?xi32>)
// CHECK:           linalg.generic {{.*}} ins(%[[ROWS]]
// CHECK:             %[[ROW:.*]] = arith.index_cast %{{.*}} : i32 to index
// CHECK:             tensor.extract %[[X]][%[[ROW]], %{{.*}}]
func.func @gather(%x: tensor<?x8xf32>, %rows: tensor<?xi32>) -> tensor<?x8xf32> {
  %g = transformer.gather %x, %rows : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %g : tensor<?x8xf32>
}

// Position is the first column of the batch.
// CHECK-LABEL: func.func @positions(
// CHECK-SAME:      %[[BATCH:.*]]: tensor<?x3xi32>)
// CHECK-DAG:       %[[ZERO:.*]] = arith.constant 0 : index
// CHECK-DAG:       %[[TWO:.*]] = arith.constant 2 : i32
// CHECK:             %[[TOKEN:.*]] = linalg.index 0
// CHECK-NEXT:        %[[P:.*]] = tensor.extract %[[BATCH]][%[[TOKEN]], %[[ZERO]]]
// CHECK-NEXT:        arith.addi %[[P]], %[[TWO]]
func.func @positions(%batch: tensor<?x3xi32>) -> tensor<?xi32> {
  %p = transformer.positions %batch {offset = 2 : i64} : (tensor<?x3xi32>) -> tensor<?xi32>
  return %p : tensor<?xi32>
}

// Frequencies 1, 1, 1/100, 1/100 of base 10000; interleaved: sine and cosine in turn.
// CHECK-LABEL: func.func @sinusoids(
// CHECK-DAG:       %[[PHASES:.*]] = arith.constant dense<[0.000000e+00, 1.000000e+00, 0.000000e+00, 1.000000e+00]>
// CHECK-DAG:       %[[FREQUENCIES:.*]] = arith.constant dense<[1.000000e+00, 1.000000e+00, 1.000000e-02, 1.000000e-02]> : tensor<4xf64>
// CHECK:           linalg.generic {{.*}} ins(%[[FREQUENCIES]], %[[PHASES]]
// CHECK-DAG:         %[[COS:.*]] = math.cos %{{.*}} : f64
// CHECK-DAG:         %[[SIN:.*]] = math.sin %{{.*}} : f64
// CHECK:             %[[V:.*]] = arith.select %{{.*}}, %[[COS]], %[[SIN]]
// CHECK-NEXT:        arith.truncf %[[V]] : f64 to f32
func.func @sinusoids(%batch: tensor<?x3xi32>) -> tensor<?x4xf32> {
  %s = transformer.position interleaved %batch : (tensor<?x3xi32>) -> tensor<?x4xf32>
  return %s : tensor<?x4xf32>
}

// Cosines (0) and sines (1) of each pair, times the magnitude.
// CHECK-LABEL: func.func @rotary_table(
// CHECK:             %[[WHICH:.*]] = linalg.index 1
// CHECK:             %[[IS_SINE:.*]] = arith.cmpi eq, %[[WHICH]], %{{.*}}
// CHECK-DAG:         %[[SIN:.*]] = math.sin
// CHECK-DAG:         %[[COS:.*]] = math.cos
// CHECK:             %[[V:.*]] = arith.select %[[IS_SINE]], %[[SIN]], %[[COS]]
// CHECK-NEXT:        arith.mulf %[[V]], %{{.*}}
func.func @rotary_table(%batch: tensor<?x3xi32>) -> tensor<?x2x2xf32> {
  %a = transformer.rotary_table %batch {frequencies = array<f32: 1.0, 0.1>, magnitude = 2.0 : f64} : (tensor<?x3xi32>) -> tensor<?x2x2xf32>
  return %a : tensor<?x2x2xf32>
}

// Pairs are slices: d and d + pairs, or 2d and 2d + 1. What does not rotate (elements 4 and 5) stays.
// CHECK-LABEL: func.func @rotary(
// CHECK-SAME:      %[[X:.*]]: tensor<?x2x6xf32>
// CHECK:           %[[A:.*]] = tensor.extract_slice %[[X]][0, 0, 0] [%{{.*}}, 2, 2] [1, 1, 1]
// CHECK:           %[[B:.*]] = tensor.extract_slice %[[X]][0, 0, 2] [%{{.*}}, 2, 2] [1, 1, 1]
// CHECK:           %[[FIRST:.*]] = linalg.generic {indexing_maps = {{.*}}#[[PER_PAIR]], #[[PER_PAIR]]{{.*}} ins(%[[A]], %[[B]]
// CHECK:             arith.subf
// CHECK:           %[[SECOND:.*]] = linalg.generic {{.*}} ins(%[[B]], %[[A]]
// CHECK:             arith.addf
// CHECK:           %[[ONE:.*]] = tensor.insert_slice %[[FIRST]] into %[[X]][0, 0, 0]
// CHECK:           tensor.insert_slice %[[SECOND]] into %[[ONE]][0, 0, 2]
// CHECK:           tensor.extract_slice %[[X]][0, 0, 0] [%{{.*}}, 2, 2] [1, 1, 2]
// CHECK:           tensor.extract_slice %[[X]][0, 0, 1] [%{{.*}}, 2, 2] [1, 1, 2]
func.func @rotary(%x: tensor<?x2x6xf32>, %angles: tensor<?x2x2xf32>) -> (tensor<?x2x6xf32>, tensor<?x2x6xf32>) {
  %h = transformer.rotary half_split %x, %angles : tensor<?x2x6xf32>, tensor<?x2x2xf32>
  %i = transformer.rotary interleaved %x, %angles : tensor<?x2x6xf32>, tensor<?x2x2xf32>
  return %h, %i : tensor<?x2x6xf32>, tensor<?x2x6xf32>
}

// Scores have a column for each key of the longest sequence; columns past a token's own keys are 0. Keys lie transposed, 16 side by side.
// CHECK-LABEL: func.func @attention_in_parts(
// CHECK-SAME:      %[[Q:[a-z0-9]*]]: tensor<?x4x8xf32>, %[[K:[a-z0-9]*]]: memref<?x2x8x16xf16>, %[[V:[a-z0-9]*]]: memref<?x2x8xf16>
// CHECK:           %[[MOST:.*]] = scf.for {{.*}} iter_args
// CHECK:             arith.maxui
// CHECK:           tensor.empty(%{{.*}}, %[[MOST]]) : tensor<?x4x?xf32>
// CHECK:             %[[EXISTS:.*]] = arith.cmpi slt
// CHECK:             %[[DOT:.*]] = scf.for
// CHECK:               memref.load %[[K]]
// CHECK:               arith.extf %{{.*}} : f16 to f32
// CHECK:             %[[SCALED:.*]] = arith.mulf %[[DOT]]
// CHECK:             arith.select %[[EXISTS]], %[[SCALED]], %{{.*}}
// The mask: hidden scores are minus infinity.
// CHECK:             arith.select %{{.*}}, %{{.*}}, %cst{{.*}} : f32
// The softmax: the row's maximum, exponentials with 0 for hidden keys, the sum; a row that sees no key is zeros.
// CHECK:           linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK:             arith.maximumf
// CHECK:             math.exp
// CHECK:             arith.select
// CHECK:           linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK:             arith.addf
// CHECK:             arith.cmpf oeq
// CHECK:             arith.divf
// CHECK-NEXT:        arith.select
// CHECK:             scf.for
// CHECK:               memref.load %[[V]]
func.func @attention_in_parts(%q: tensor<?x4x8xf32>, %keys: memref<?x2x8x16xf16>, %values: memref<?x2x8xf16>, %batch: tensor<?x3xi32>) -> tensor<?x4x8xf32> {
  %K = builtin.unrealized_conversion_cast %keys : memref<?x2x8x16xf16> to tensor<?x2x8xf16>
  %V = builtin.unrealized_conversion_cast %values : memref<?x2x8xf16> to tensor<?x2x8xf16>
  %s = transformer.scores %q, %K, %batch {scale = 0.5 : f64} : (tensor<?x4x8xf32>, tensor<?x2x8xf16>, tensor<?x3xi32>) -> tensor<?x4x?xf32>
  %m = transformer.mask %s, %batch {mask = #transformer.mask<causal = true>} : tensor<?x4x?xf32>, tensor<?x3xi32>
  %p = transformer.softmax %m : tensor<?x4x?xf32>
  %o = transformer.weighted_sum %p, %V, %batch : (tensor<?x4x?xf32>, tensor<?x2x8xf16>, tensor<?x3xi32>) -> tensor<?x4x8xf32>
  return %o : tensor<?x4x8xf32>
}

// A plain sum instead: no exponential, and hidden scores count as 0.
// CHECK-LABEL: func.func @sum_normalize(
// CHECK:             arith.cmpf oeq
// CHECK:             arith.select
// CHECK-NOT:       math.exp
// CHECK:             arith.divf
func.func @sum_normalize(%s: tensor<?x2x?xf32>) -> tensor<?x2x?xf32> {
  %p = transformer.sum_normalize %s : tensor<?x2x?xf32>
  return %p : tensor<?x2x?xf32>
}

// A sink takes part in maximum and sum.
// CHECK-LABEL: func.func @sinks(
// CHECK-SAME:      %{{.*}}: tensor<?x2x?xf32>, %[[SINKS:.*]]: tensor<2xf32>)
// CHECK:           linalg.generic {{.*}} ins(%{{.*}}, %[[SINKS]]
// CHECK:             arith.maximumf
// CHECK:           linalg.generic {{.*}} ins(%{{.*}}, %[[SINKS]], %{{.*}}
// CHECK:             math.exp
func.func @sinks(%s: tensor<?x2x?xf32>, %sinks: tensor<2xf32>) -> tensor<?x2x?xf32> {
  %p = transformer.softmax %s sinks %sinks : tensor<2xf32> : tensor<?x2x?xf32>
  return %p : tensor<?x2x?xf32>
}

// A factor of each token, then a product with each row; the factor of scale_rows is read from the only column.
// CHECK-LABEL: func.func @temperature(
// CHECK:           %[[F:.*]] = linalg.generic {{.*}} iterator_types = ["parallel"]} outs(%{{.*}} : tensor<?xf32>)
// CHECK:             math.floor
// CHECK:             math.log
// CHECK:           linalg.generic {{.*}} ins(%{{.*}}, %[[F]] : tensor<?x2x4xf32>, tensor<?xf32>)
func.func @temperature(%q: tensor<?x2x4xf32>, %batch: tensor<?x3xi32>) -> tensor<?x2x4xf32> {
  %0 = transformer.temperature %q, %batch {floor_scale = 8.0 : f64, scale = 0.1 : f64} : tensor<?x2x4xf32>, tensor<?x3xi32>
  return %0 : tensor<?x2x4xf32>
}

// CHECK-LABEL: func.func @scale_rows(
// CHECK:           linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<?x1xf32>) outs(%{{.*}} : tensor<?x4xf32>)
func.func @scale_rows(%x: tensor<?x4xf32>, %f: tensor<?x1xf32>) -> tensor<?x4xf32> {
  %0 = transformer.scale_rows %x, %f : tensor<?x4xf32>, tensor<?x1xf32>
  return %0 : tensor<?x4xf32>
}

// Which element of the table serves a distance is a constant: of head h, h further.
// CHECK-LABEL: func.func @distance_bias(
// CHECK-SAME:      %[[TABLE:.*]]: tensor<8xf32>)
// CHECK:           %[[PLACES:.*]] = arith.constant dense<[6, 4, 2, 0, 0, 0, 0]> : tensor<7xi32>
// CHECK:           linalg.generic {{.*}} ins(%[[PLACES]]
// CHECK:             %[[HEAD:.*]] = linalg.index 0
// CHECK:             %[[PLACE:.*]] = arith.addi %{{.*}}, %[[HEAD]]
// CHECK:             tensor.extract %[[TABLE]][%[[PLACE]]]
func.func @distance_bias(%table: tensor<8xf32>) -> tensor<2x7xf32> {
  %b = transformer.distance_bias %table {buckets = 4 : i64, max_distance = 3 : i64} : (tensor<8xf32>) -> tensor<2x7xf32>
  return %b : tensor<2x7xf32>
}

// The distance, clamped to the table.
// CHECK-LABEL: func.func @relative_bias(
// CHECK-SAME:      %[[BIAS:[a-z0-9]*]]: tensor<2x7xf32>, %[[BATCH:[a-z0-9]*]]: tensor<?x3xi32>)
// CHECK:             %[[P:.*]] = tensor.extract %[[BATCH]]
// CHECK:             arith.subi
// CHECK-NEXT:        arith.maxsi
// CHECK-NEXT:        arith.minsi
// CHECK:             %[[D:.*]] = tensor.extract %[[BIAS]]
// CHECK-NEXT:        arith.addf %{{.*}}, %[[D]]
func.func @relative_bias(%s: tensor<?x2x?xf32>, %bias: tensor<2x7xf32>, %batch: tensor<?x3xi32>) -> tensor<?x2x?xf32> {
  %r = transformer.relative_bias %s, %bias, %batch : tensor<?x2x?xf32>, tensor<2x7xf32>, tensor<?x3xi32>
  return %r : tensor<?x2x?xf32>
}
