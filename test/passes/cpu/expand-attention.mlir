// RUN: attune-opt %s --split-input-file --kernel-expand-attention=cpu=x86-64-v3 | FileCheck %s
// RUN: attune-opt %s --split-input-file --kernel-expand-attention=cpu=x86-64-v4 | FileCheck %s --check-prefix=WIDE

// Two tokens times three heads, with 16 keys in two vectors: 12 accumulators over the head size. Two tokens go together only if they
// are of one sequence. The scratch holds 128 keys, whatever the number of keys.
// CHECK-LABEL: func.func @softmax(
// CHECK-SAME:      %[[Q:[a-z0-9]*]]: memref<?x3x64xf32>, %[[B:[a-z0-9]*]]: memref<?x3xi32>, %[[K:[a-z0-9]*]]: memref<?x1x64x16xf16>, %[[V:[a-z0-9]*]]: memref<?x1x64xf16>, %[[O:[a-z0-9]*]]:
// CHECK:           %[[SCORES:.*]] = memref.alloca() {{.*}} : memref<6x128xf32>
// CHECK-NOT:       memref.alloca
// CHECK:           %[[SAME:.*]] = arith.cmpi eq
// CHECK:           scf.if %[[SAME]]
// CHECK:             scf.for {{.*}} iter_args({{(%[a-z0-9_]+ = %[a-z0-9_]+(, )?){12}()}})
// CHECK:               vector.load %[[K]]
// CHECK:               arith.extf %{{.*}} : vector<8xf16> to vector<8xf32>
// CHECK:               vector.fma
// A hidden score is minus infinity, and its weight 0 whatever the maximum.
// CHECK:             vector.reduction <maxnumf>
// CHECK:             math.exp
// CHECK:             %[[HIDDEN:.*]] = arith.cmpf oeq
// CHECK:             arith.select %[[HIDDEN]]
// CHECK:             vector.load %[[V]]
// CHECK:             vector.fma
// CHECK:             arith.divf
// CHECK:             vector.store %{{.*}}, %[[O]]
// CHECK-NOT:       kernel.attention
// WIDE-LABEL: func.func @softmax(
// Wide vectors have room for more sums: two groups of keys meet 12 rows, four the three rows of a token alone.
// WIDE:           memref.alloca() {{.*}} : memref<12x128xf32>
// WIDE:           scf.for {{.*}} -> ({{(vector<16xf32>, ){23}vector<16xf32>}})
// WIDE-COUNT-24:    vector.fma %{{.*}} : vector<16xf32>
// WIDE:           scf.for {{.*}} -> ({{(vector<16xf32>, ){11}vector<16xf32>}})
// WIDE-COUNT-12:    vector.fma %{{.*}} : vector<16xf32>
func.func @softmax(%q: memref<?x3x64xf32>, %b: memref<?x3xi32>, %K: memref<?x1x64x16xf16>, %V: memref<?x1x64xf16>, %o: memref<?x3x64xf32>) {
  kernel.attention ins(%q, %b : memref<?x3x64xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x1x64x16xf16>, memref<?x1x64xf16>) outs(%o : memref<?x3x64xf32>) {mask = #transformer.mask<causal = true>, scale = 0.125 : f64}
  return
}

// -----

// A plain sum: no maximum, no exponential. A head of 12 is a vector of 8 and one of 4.
// CHECK-LABEL: func.func @sum(
// CHECK-NOT:       math.exp
// CHECK-NOT:       vector.reduction <maxnumf>
// CHECK:           vector.store {{.*}} vector<8xf32>
// CHECK:           vector.store {{.*}} vector<4xf32>
// CHECK-NOT:       math.exp
// CHECK:           return
func.func @sum(%q: memref<?x1x12xf32>, %b: memref<?x3xi32>, %K: memref<?x1x12x16xf32>, %V: memref<?x1x12xf32>, %o: memref<?x1x12xf32>) {
  kernel.attention ins(%q, %b : memref<?x1x12xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x1x12x16xf32>, memref<?x1x12xf32>) outs(%o : memref<?x1x12xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64, normalizer = #transformer.normalizer<sum>}
  return
}

// -----

// Seven heads: one at a time, since no tile of at most six divides them. A window has a lower bound too; the cap is a tanh; sinks join at the end.
// CHECK-LABEL: func.func @window_cap_sinks(
// CHECK-SAME:      %[[S:[a-z0-9]*]]: memref<7xf32>
// CHECK:           memref.alloca() {{.*}} : memref<1x128xf32>
// CHECK:           arith.maxsi
// CHECK:           math.tanh
// CHECK:           arith.cmpi slt
// CHECK:           arith.cmpi sge
// CHECK:           arith.andi
// CHECK:           memref.load %[[S]]
// CHECK:           math.exp
func.func @window_cap_sinks(%q: memref<?x7x4xf32>, %b: memref<?x3xi32>, %K: memref<?x1x4x16xf32>, %V: memref<?x1x4xf32>, %s: memref<7xf32>, %o: memref<?x7x4xf32>) {
  kernel.attention ins(%q, %b : memref<?x7x4xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x1x4x16xf32>, memref<?x1x4xf32>) sinks(%s : memref<7xf32>) outs(%o : memref<?x7x4xf32>) {mask = #transformer.mask<causal = true, window = 5>, scale = 0.5 : f64, soft_cap = 50.0 : f64}
  return
}

// -----

// Row first_key + position: keys transposed in its group of 16, values as they come, rounded to the cache's type.
// CHECK-LABEL: func.func @cache_update(
// CHECK-SAME:      %[[KEYS:[a-z0-9]*]]: memref<?x1x12x16xf16>, %[[VALUES:[a-z0-9]*]]: memref<?x1x12xf16>)
// CHECK:           %[[ROW:.*]] = arith.addi
// CHECK-DAG:       %[[GROUP:.*]] = arith.divui %[[ROW]], %{{.*}}
// CHECK-DAG:       %[[LANE:.*]] = arith.remui %[[ROW]], %{{.*}}
// CHECK:           arith.truncf %{{.*}} : f32 to f16
// CHECK:           memref.store %{{.*}}, %[[KEYS]][%[[GROUP]], %{{.*}}, %{{.*}}, %[[LANE]]]
// CHECK:           vector.store %{{.*}}, %[[VALUES]][%[[ROW]], %{{.*}}, %{{.*}}] : memref<?x1x12xf16>, vector<8xf16>
// CHECK:           vector.store %{{.*}}, %[[VALUES]][%[[ROW]], %{{.*}}, %{{.*}}] : memref<?x1x12xf16>, vector<4xf16>
func.func @cache_update(%k: memref<?x1x12xf32>, %v: memref<?x1x12xf32>, %b: memref<?x3xi32>, %K: memref<?x1x12x16xf16>, %V: memref<?x1x12xf16>) {
  kernel.cache_update %k, %v, %b into %K, %V : memref<?x1x12xf32>, memref<?x1x12xf32>, memref<?x3xi32>, memref<?x1x12x16xf16>, memref<?x1x12xf16>
  return
}

// -----

// CHECK-LABEL: func.func @on_tensors(
// CHECK-NEXT:      kernel.attention
func.func @on_tensors(%q: tensor<?x1x4xf32>, %b: tensor<?x3xi32>, %K: memref<?x1x4x16xf32>, %V: memref<?x1x4xf32>, %e: tensor<?x1x4xf32>) -> tensor<?x1x4xf32> {
  %o = kernel.attention ins(%q, %b : tensor<?x1x4xf32>, tensor<?x3xi32>) cache(%K, %V : memref<?x1x4x16xf32>, memref<?x1x4xf32>) outs(%e : tensor<?x1x4xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64} -> tensor<?x1x4xf32>
  return %o : tensor<?x1x4xf32>
}

// -----

// Biases are gathered by clamped distances, after the scale and before the mask.
// CHECK-LABEL: func.func @relative_bias(
// CHECK-SAME:      %[[BIAS:[a-z0-9]*]]: memref<2x9xf32>
// CHECK:           arith.maxsi {{.*}} : vector<8xi32>
// CHECK:           arith.minsi {{.*}} : vector<8xi32>
// CHECK:           %[[G:.*]] = vector.gather %[[BIAS]]
// CHECK:           %[[S:.*]] = arith.addf %{{.*}}, %[[G]]
// CHECK:           arith.select %{{.*}}, %[[S]]
// WIDE-LABEL: func.func @relative_bias(
// WIDE:           vector.gather {{.*}} vector<16xi32>
func.func @relative_bias(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xf32>, %V: memref<?x2x8xf32>, %bias: memref<2x9xf32>, %o: memref<?x2x8xf32>) {
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x16xf32>, memref<?x2x8xf32>) bias(%bias : memref<2x9xf32>) outs(%o : memref<?x2x8xf32>) {mask = #transformer.mask<causal = true>, scale = 1.0 : f64}
  return
}

// -----

// Integers: the keys' scales meet the products, 16 at a time; the values' meet the weights that are stored, not those that are summed.
// CHECK-LABEL: func.func @scaled(
// CHECK-SAME:      %[[K:[a-z0-9]*]]: memref<?x1x8x16xi8>, %[[V:[a-z0-9]*]]: memref<?x1x8xi8>, %[[KS:[a-z0-9]*]]: memref<?x1x16xf32>, %[[VS:[a-z0-9]*]]: memref<?x1x16xf32>
// CHECK:           vector.load %[[K]]
// CHECK:           arith.sitofp %{{.*}} : vector<8xi8> to vector<8xf32>
// CHECK:           vector.fma
// CHECK:           vector.load %[[KS]]
// CHECK:           math.exp
// CHECK:           %[[WEIGHT:.*]] = arith.select
// CHECK:           %[[SCALE:.*]] = vector.load %[[VS]]
// CHECK:           %[[SCALED:.*]] = arith.mulf %[[WEIGHT]], %[[SCALE]]
// CHECK:           vector.store %[[SCALED]]
// CHECK:           arith.addf %{{.*}}, %[[WEIGHT]]
// CHECK:           vector.load %[[V]]
// CHECK:           arith.sitofp %{{.*}} : vector<8xi8> to vector<8xf32>
func.func @scaled(%q: memref<?x1x8xf32>, %b: memref<?x3xi32>, %K: memref<?x1x8x16xi8>, %V: memref<?x1x8xi8>, %ks: memref<?x1x16xf32>, %vs: memref<?x1x16xf32>, %o: memref<?x1x8xf32>) {
  kernel.attention ins(%q, %b : memref<?x1x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x1x8x16xi8>, memref<?x1x8xi8>) scales(%ks, %vs : memref<?x1x16xf32>, memref<?x1x16xf32>)
      outs(%o : memref<?x1x8xf32>) {mask = #transformer.mask<causal = true>, scale = 1.0 : f64}
  return
}

// -----

// The largest of all parts of a head's keys makes their scale; codes of a key pass through memory, since keys lie transposed.
// CHECK-LABEL: func.func @scaled_update(
// CHECK-SAME:      %[[K:[a-z0-9]*]]: memref<?x1x12x16xi8>, %[[V:[a-z0-9]*]]: memref<?x1x12xi8>, %[[KS:[a-z0-9]*]]: memref<?x1x16xf32>, %[[VS:[a-z0-9]*]]: memref<?x1x16xf32>
// CHECK:           %[[CODES:.*]] = memref.alloca() {{.*}} : memref<12xi8>
// CHECK:           vector.reduction <maxnumf>, %{{.*}} : vector<8xf32>
// CHECK:           vector.reduction <maxnumf>, %{{.*}} : vector<4xf32>
// CHECK:           memref.store %{{.*}}, %[[KS]]
// CHECK:           vector.store %{{.*}}, %[[CODES]]{{.*}} vector<8xi8>
// CHECK:           vector.store %{{.*}}, %[[CODES]]{{.*}} vector<4xi8>
// CHECK:           memref.store %{{.*}}, %[[K]]
// CHECK:           memref.store %{{.*}}, %[[VS]]
// CHECK:           vector.store %{{.*}}, %[[V]]{{.*}} vector<8xi8>
func.func @scaled_update(%k: memref<?x1x12xf32>, %v: memref<?x1x12xf32>, %b: memref<?x3xi32>, %K: memref<?x1x12x16xi8>, %V: memref<?x1x12xi8>, %ks: memref<?x1x16xf32>, %vs: memref<?x1x16xf32>) {
  kernel.cache_update %k, %v, %b into %K, %V scales(%ks, %vs : memref<?x1x16xf32>, memref<?x1x16xf32>) : memref<?x1x12xf32>, memref<?x1x12xf32>, memref<?x3xi32>, memref<?x1x12x16xi8>, memref<?x1x12xi8>
  return
}
