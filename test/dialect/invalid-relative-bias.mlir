// RUN: attune-opt %s --split-input-file --verify-diagnostics
// Biases of distances, and the tables of a cache.

func.func @f(%t: tensor<6xf32>) {
  // expected-error @+1 {{buckets is 3, expected at least 4}}
  %0 = transformer.distance_bias %t {buckets = 3 : i64, max_distance = 128 : i64, bidirectional} : (tensor<6xf32>) -> tensor<2x257xf32>
  return
}

// -----

func.func @f(%t: tensor<64xf32>) {
  // expected-error @+1 {{max_distance is 16, expected more than 16, the distances that have buckets of their own}}
  %0 = transformer.distance_bias %t {buckets = 32 : i64, max_distance = 16 : i64} : (tensor<64xf32>) -> tensor<2x33xf32>
  return
}

// -----

func.func @f(%t: tensor<64xf32>) {
  // expected-error @+1 {{result has size 256 in dimension 1, expected 257 (the distances)}}
  %0 = transformer.distance_bias %t {buckets = 32 : i64, max_distance = 128 : i64} : (tensor<64xf32>) -> tensor<2x256xf32>
  return
}

// -----

func.func @f(%t: tensor<65xf32>) {
  // expected-error @+1 {{table has size 65 in dimension 0, expected 64 (buckets x heads)}}
  %0 = transformer.distance_bias %t {buckets = 32 : i64, max_distance = 128 : i64} : (tensor<65xf32>) -> tensor<2x257xf32>
  return
}

// -----

func.func @f(%t: tensor<64xf32>) {
  // expected-error @+1 {{expected a static shape}}
  %0 = transformer.distance_bias %t {buckets = 32 : i64, max_distance = 128 : i64} : (tensor<64xf32>) -> tensor<?x257xf32>
  return
}

// -----

func.func @f(%s: tensor<?x2x?xf32>, %b: tensor<2x8xf32>, %batch: tensor<?x3xi32>) {
  // expected-error @+1 {{bias has 8 distances, expected an odd number}}
  %0 = transformer.relative_bias %s, %b, %batch : tensor<?x2x?xf32>, tensor<2x8xf32>, tensor<?x3xi32>
  return
}

// -----

func.func @f(%s: tensor<?x2x?xf32>, %b: tensor<3x9xf32>, %batch: tensor<?x3xi32>) {
  // expected-error @+1 {{bias has size 3 in dimension 0, expected 2 (the query heads)}}
  %0 = transformer.relative_bias %s, %b, %batch : tensor<?x2x?xf32>, tensor<3x9xf32>, tensor<?x3xi32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %b: tensor<2x8xf32>, %batch: tensor<?x3xi32>) {
  // expected-error @+1 {{bias has 8 distances, expected an odd number}}
  %0 = transformer.attention %q, %k, %k, %batch bias(%b) {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>, tensor<2x8xf32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index) {
  // expected-error @+1 {{value rows has size 4 in dimension 2, expected 6 (the cache's head size)}}
  %0:2 = transformer.cache_read %c[%l] : !transformer.cache<2 x 1 x 4 x 6 x f16> -> tensor<?x1x4xf16>, tensor<?x1x4xf16>
  return
}

// -----

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index) {
  // expected-error @+1 {{gives rows of type 'tensor<?x1x4xf32>', but the cache's are 'f16'}}
  %0:2 = transformer.cache_read %c[%l] : !transformer.cache<2 x 1 x 4 x 6 x f16> -> tensor<?x1x4xf32>, tensor<?x1x6xf16>
  return
}
