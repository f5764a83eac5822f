// RUN: attune-opt %s --split-input-file --verify-diagnostics
// What the verifiers refuse: each names the operand, the size found and the one expected.

// Parameters.

// expected-error @+1 {{has type 'tensor<?x4xf32>', expected a tensor of static shape}}
transformer.parameter @p : tensor<?x4xf32> source "w"

// -----

// expected-error @+1 {{needs either a source (a tensor's name in the model's files) or a literal value}}
transformer.parameter @p : tensor<4xf32>

// -----

// expected-error @+1 {{needs either a source}}
transformer.parameter @p : tensor<1xf32> source "w" value dense<1.0> : tensor<1xf32>

// -----

// expected-error @+1 {{value has type 'tensor<2xf32>', expected 'tensor<4xf32>'}}
transformer.parameter @p : tensor<4xf32> value dense<1.0> : tensor<2xf32>

// -----

// expected-error @+1 {{value has type 'tensor<4xi32>', expected elements of type f32}}
transformer.parameter @p : tensor<4xf32> value dense<1> : tensor<4xi32>

// -----

// expected-error @+1 {{has layers, so its source must hold {} for the layer's number: 'w'}}
transformer.parameter @p : tensor<4xf32> source "w" layers [0, 1]

// -----

// expected-error @+1 {{has an empty list of layers}}
transformer.parameter @p : tensor<4xf32> source "w.{}" layers []

// -----

// expected-error @+1 {{is transposed, so it must be a matrix or a stack of them, got 'tensor<4xf32>'}}
transformer.parameter @p : tensor<4xf32> source "w" transposed

// -----

// expected-error @+1 {{is transposed, which is about how a file holds it, but has a literal value}}
transformer.parameter @p : tensor<1x1xf32> transposed value dense<1.0> : tensor<1x1xf32>

// -----

func.func @f() {
  // expected-error @+1 {{names 'f', which is not a transformer.parameter}}
  %0 = transformer.weight @f : tensor<4xf32>
  return
}

// -----

transformer.parameter @p : tensor<4xf32, #transformer.stored<q8_0>> source "w"
func.func @f() {
  // expected-error @+1 {{has type 'tensor<4xf32>', but @p has 'tensor<4xf32, #transformer.stored<q8_0>>'}}
  %0 = transformer.weight @p : tensor<4xf32>
  return
}

// -----

transformer.parameter @p : tensor<4xf32> source "w"
func.func @f(%i: index) {
  // expected-error @+1 {{has a record, but @p has one value for the whole model}}
  %0 = transformer.weight @p[%i] : tensor<4xf32>
  return
}

// -----

transformer.parameter @p : tensor<4xf32> source "w.{}" layers [0]
func.func @f() {
  // expected-error @+1 {{needs a record, since @p has one per layer}}
  %0 = transformer.weight @p : tensor<4xf32>
  return
}

// -----

func.func private @layer(%x: tensor<?x4xf32>, %record: index, %layer: index) -> tensor<?x4xf32>
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{names 'layers', which is not a function}}
  %0 = transformer.repeat @layers(%x) {count = 1 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func private @layer(%x: tensor<?x4xf32>, %record: index, %layer: index) -> tensor<?x4xf32>
func.func @f(%x: tensor<?x4xf32>, %i: index) {
  // expected-error @+1 {{needs a layer of type '(tensor<?x4xf32>, index, index, index) -> tensor<?x4xf32>', but @layer has '(tensor<?x4xf32>, index, index) -> tensor<?x4xf32>'}}
  %0 = transformer.repeat @layer(%x, %i) {count = 1 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x4xf32>, index) -> tensor<?x4xf32>
  return
}

// -----

func.func private @layer(%x: tensor<?x4xf32>, %record: index, %layer: index) -> tensor<?x4xf32>
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{count is 0, expected at least one layer}}
  %0 = transformer.repeat @layer(%x) {count = 0 : i64, first = 0 : i64, record = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func private @layer(%x: tensor<?x4xf32>, %record: index, %layer: index) -> tensor<?x4xf32>
func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{begins at record -1 and layer 0, neither of which may be negative}}
  %0 = transformer.repeat @layer(%x) {count = 1 : i64, first = 0 : i64, record = -1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// Embeddings.

func.func @f(%ids: tensor<?xi32>, %t: tensor<8x4xf32>) {
  // expected-error @+1 {{result has size 5 in dimension 1, expected 4 (the table's row size)}}
  %0 = transformer.embed %ids, %t : (tensor<?xi32>, tensor<8x4xf32>) -> tensor<?x5xf32>
  return
}

// -----

func.func @f(%ids: tensor<3xi32>, %t: tensor<8x4xf32>) {
  // expected-error @+1 {{result has size 2 in dimension 0, expected 3 (the number of ids)}}
  %0 = transformer.embed %ids, %t : (tensor<3xi32>, tensor<8x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%b: tensor<?x2xi32>) {
  // expected-error @+1 {{batch has size 2 in dimension 1, expected 3 (position, first key, key count)}}
  %0 = transformer.positions %b : (tensor<?x2xi32>) -> tensor<?xi32>
  return
}

// -----

func.func @f(%b: tensor<2x3xi32>) {
  // expected-error @+1 {{result has size 3 in dimension 0, expected 2 (the batch's rows)}}
  %0 = transformer.positions %b : (tensor<2x3xi32>) -> tensor<3xi32>
  return
}

// -----

func.func @f(%b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has 5 features, expected an even number (a sine and a cosine for each frequency)}}
  %0 = transformer.position interleaved %b : (tensor<?x3xi32>) -> tensor<?x5xf32>
  return
}

// -----

func.func @f(%b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has type 'tensor<?x?xf32>', expected a static number of features}}
  %0 = transformer.position interleaved %b : (tensor<?x3xi32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @f(%b: tensor<?x3xi32>) {
  // expected-error @+1 {{base is 0.000000e+00, expected a positive number}}
  %0 = transformer.position interleaved %b {base = 0.0 : f64} : (tensor<?x3xi32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has size 3 in dimension 2, expected 2 (the number of frequencies)}}
  %0 = transformer.rotary_table %b {frequencies = array<f32: 1.0, 0.1>} : (tensor<?x3xi32>) -> tensor<?x2x3xf32>
  return
}

// -----

func.func @f(%b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has size 1 in dimension 1, expected 2 (cosines and sines)}}
  %0 = transformer.rotary_table %b {frequencies = array<f32: 1.0, 0.1>} : (tensor<?x3xi32>) -> tensor<?x1x2xf32>
  return
}

// -----

func.func @f(%x: tensor<?x2x4xf32>, %t: tensor<?x2x3xf32>) {
  // expected-error @+1 {{rotates a pair of elements for each of 3 frequencies, but heads have size 4}}
  %0 = transformer.rotary half_split %x, %t : tensor<?x2x4xf32>, tensor<?x2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<?x2x4xf32>, %t: tensor<?x1x2xf32>) {
  // expected-error @+1 {{table has size 1 in dimension 1, expected 2 (cosines and sines)}}
  %0 = transformer.rotary half_split %x, %t : tensor<?x2x4xf32>, tensor<?x1x2xf32>
  return
}

// -----

func.func @f(%x: tensor<3x2x4xf32>, %t: tensor<2x2x2xf32>) {
  // expected-error @+1 {{table has size 2 in dimension 0, expected 3 (the number of tokens)}}
  %0 = transformer.rotary half_split %x, %t : tensor<3x2x4xf32>, tensor<2x2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %r: tensor<?xi32>) {
  // expected-error @+1 {{result has size 3 in dimension 1, expected 4 (the input's row size)}}
  %0 = transformer.gather %x, %r : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %r: tensor<2xi32>) {
  // expected-error @+1 {{result has size 3 in dimension 0, expected 2 (the number of chosen rows)}}
  %0 = transformer.gather %x, %r : (tensor<?x4xf32>, tensor<2xi32>) -> tensor<3x4xf32>
  return
}

// -----

// Maps and norms.

func.func @f(%x: tensor<?x4xf32>, %w: tensor<3xf32>) {
  // expected-error @+1 {{weight has size 3 in dimension 0, expected 4 (the input's last dimension)}}
  %0 = transformer.norm rms %x weight %w : tensor<3xf32> {eps = 1.0e-5 : f64} : tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<3xf32>) {
  // expected-error @+1 {{bias has size 3 in dimension 0, expected 4 (the input's last dimension)}}
  %0 = transformer.norm layer %x bias %w : tensor<3xf32> {eps = 1.0e-5 : f64} : tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{eps is -1.000000e+00, expected a number that is not negative}}
  %0 = transformer.norm rms %x {eps = -1.0 : f64} : tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{eps is nan, expected a number that is not negative}}
  %0 = transformer.norm rms %x {eps = 0x7FF8000000000000 : f64} : tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<6x5xf32>) {
  // expected-error @+1 {{input has size 4 in dimension 1, expected 5 (the weight's input size)}}
  %0 = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<6x5xf32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{result has size 4 in dimension 1, expected 6 (the weight's output size)}}
  %0 = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{result has size 3 in dimension 0, expected 2 (the input's rows)}}
  %0 = transformer.linear %x, %w : (tensor<2x4xf32>, tensor<6x4xf32>) -> tensor<3x6xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<6x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{bias has size 4 in dimension 0, expected 6 (the weight's output size)}}
  %0 = transformer.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<4xf32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{cap is 0.000000e+00, expected a positive number}}
  %0 = transformer.soft_cap %x {cap = 0.0 : f64} : tensor<?x4xf32>
  return
}

// -----

// The cache.

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index, %k: tensor<?x2x4xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{keys has size 2 in dimension 1, expected 1 (the cache's heads)}}
  %0:2 = transformer.cache_update %c[%l], %k, %v, %b : !transformer.cache<2 x 1 x 4 x 6 x f16>, tensor<?x2x4xf32>, tensor<?x1x6xf32>, tensor<?x3xi32> -> tensor<?x1x4xf16>, tensor<?x1x6xf16>
  return
}

// -----

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index, %k: tensor<?x1x4xf32>, %v: tensor<?x1x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{values has size 4 in dimension 2, expected 6 (the cache's head size)}}
  %0:2 = transformer.cache_update %c[%l], %k, %v, %b : !transformer.cache<2 x 1 x 4 x 6 x f16>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32> -> tensor<?x1x4xf16>, tensor<?x1x6xf16>
  return
}

// -----

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index, %k: tensor<?x1x4xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{key rows has size 6 in dimension 2, expected 4 (the cache's head size)}}
  %0:2 = transformer.cache_update %c[%l], %k, %v, %b : !transformer.cache<2 x 1 x 4 x 6 x f16>, tensor<?x1x4xf32>, tensor<?x1x6xf32>, tensor<?x3xi32> -> tensor<?x1x6xf16>, tensor<?x1x6xf16>
  return
}

// -----

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index, %k: tensor<?x1x4xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{gives rows of type 'tensor<?x1x6xf32>', but the cache's are 'f16'}}
  %0:2 = transformer.cache_update %c[%l], %k, %v, %b : !transformer.cache<2 x 1 x 4 x 6 x f16>, tensor<?x1x4xf32>, tensor<?x1x6xf32>, tensor<?x3xi32> -> tensor<?x1x4xf16>, tensor<?x1x6xf32>
  return
}

// -----

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index, %k: tensor<2x1x4xf32>, %v: tensor<3x1x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{values has size 3 in dimension 0, expected 2 (the rows of keys)}}
  %0:2 = transformer.cache_update %c[%l], %k, %v, %b : !transformer.cache<2 x 1 x 4 x 6 x f16>, tensor<2x1x4xf32>, tensor<3x1x6xf32>, tensor<?x3xi32> -> tensor<?x1x4xf16>, tensor<?x1x6xf16>
  return
}

// -----

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index, %k: tensor<2x1x4xf32>, %v: tensor<?x1x6xf32>, %b: tensor<3x3xi32>) {
  // expected-error @+1 {{batch has size 3 in dimension 0, expected 2 (the number of tokens)}}
  %0:2 = transformer.cache_update %c[%l], %k, %v, %b : !transformer.cache<2 x 1 x 4 x 6 x f16>, tensor<2x1x4xf32>, tensor<?x1x6xf32>, tensor<3x3xi32> -> tensor<?x1x4xf16>, tensor<?x1x6xf16>
  return
}

// -----

func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x f16>, %l: index, %k: tensor<?x1x4xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x4xi32>) {
  // expected-error @+1 {{batch has size 4 in dimension 1, expected 3 (position, first key, key count)}}
  %0:2 = transformer.cache_update %c[%l], %k, %v, %b : !transformer.cache<2 x 1 x 4 x 6 x f16>, tensor<?x1x4xf32>, tensor<?x1x6xf32>, tensor<?x4xi32> -> tensor<?x1x4xf16>, tensor<?x1x6xf16>
  return
}

// -----

// expected-error @+1 {{cache: layers, heads and sizes must be positive, got 0 x 1 x 4 x 6}}
func.func private @f(!transformer.cache<0 x 1 x 4 x 6 x f16>)

// -----

// expected-error @+1 {{cache: elements are f32, f16, bf16 or i8, got 'i16'}}
func.func private @f(!transformer.cache<1 x 1 x 4 x 6 x i16>)

// -----

// The tables of integers with scales are f32.
func.func @f(%c: !transformer.cache<2 x 1 x 4 x 6 x i8>, %l: index) {
  // expected-error @+1 {{gives rows of type 'tensor<?x1x4xf16>', but the cache's are 'f32'}}
  %0:2 = transformer.cache_read %c[%l] : !transformer.cache<2 x 1 x 4 x 6 x i8> -> tensor<?x1x4xf16>, tensor<?x1x6xf16>
  return
}

// -----

// Attention in its parts.

func.func @f(%q: tensor<?x7x4xf32>, %k: tensor<?x2x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{has 7 query heads, which 2 key heads do not divide}}
  %0 = transformer.scores %q, %k, %b : (tensor<?x7x4xf32>, tensor<?x2x4xf32>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x0x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{has 2 query heads, which 0 key heads do not divide}}
  %0 = transformer.scores %q, %k, %b : (tensor<?x2x4xf32>, tensor<?x0x4xf32>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x8xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{queries has size 4 in dimension 2, expected 8 (the keys' head size)}}
  %0 = transformer.scores %q, %k, %b : (tensor<?x2x4xf32>, tensor<?x1x8xf32>, tensor<?x3xi32>) -> tensor<?x2x?xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has size 1 in dimension 1, expected 2 (the query heads)}}
  %0 = transformer.scores %q, %k, %b : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x1x?xf32>
  return
}

// -----

func.func @f(%q: tensor<2x2x4xf32>, %k: tensor<?x1x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has size 3 in dimension 0, expected 2 (the number of tokens)}}
  %0 = transformer.scores %q, %k, %b : (tensor<2x2x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<3x2x?xf32>
  return
}

// -----

func.func @f(%q: tensor<2x2x4xf32>, %k: tensor<?x1x4xf32>, %b: tensor<3x3xi32>) {
  // expected-error @+1 {{batch has size 3 in dimension 0, expected 2 (the number of tokens)}}
  %0 = transformer.scores %q, %k, %b : (tensor<2x2x4xf32>, tensor<?x1x4xf32>, tensor<3x3xi32>) -> tensor<?x2x?xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %b: tensor<?x1xi32>) {
  // expected-error @+1 {{batch has size 1 in dimension 1, expected 3 (position, first key, key count)}}
  %0 = transformer.scores %q, %k, %b : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1xi32>) -> tensor<?x2x?xf32>
  return
}

// -----

func.func @f(%s: tensor<?x2x?xf32>, %b: tensor<?x2xi32>) {
  // expected-error @+1 {{batch has size 2 in dimension 1, expected 3 (position, first key, key count)}}
  %0 = transformer.mask %s, %b {mask = #transformer.mask<>} : tensor<?x2x?xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @f(%s: tensor<2x2x?xf32>, %b: tensor<3x3xi32>) {
  // expected-error @+1 {{batch has size 3 in dimension 0, expected 2 (the number of tokens)}}
  %0 = transformer.mask %s, %b {mask = #transformer.mask<>} : tensor<2x2x?xf32>, tensor<3x3xi32>
  return
}

// -----

func.func @f(%s: tensor<?x2x?xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{mask: window is -1, expected 0 (none) or a number of keys}}
  %0 = transformer.mask %s, %b {mask = #transformer.mask<window = -1>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  return
}

// -----

func.func @f(%s: tensor<?x2x?xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{mask: chunk is -4, expected 0 (none) or a number of keys}}
  %0 = transformer.mask %s, %b {mask = #transformer.mask<chunk = -4>} : tensor<?x2x?xf32>, tensor<?x3xi32>
  return
}

// -----

func.func @f(%s: tensor<?x2x?xf32>, %k: tensor<3xf32>) {
  // expected-error @+1 {{sinks has size 3 in dimension 0, expected 2 (the query heads)}}
  %0 = transformer.softmax %s sinks %k : tensor<3xf32> : tensor<?x2x?xf32>
  return
}

// -----

func.func @f(%p: tensor<?x2x?xf32>, %v: tensor<?x3x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{has 2 query heads, which 3 key heads do not divide}}
  %0 = transformer.weighted_sum %p, %v, %b : (tensor<?x2x?xf32>, tensor<?x3x6xf32>, tensor<?x3xi32>) -> tensor<?x2x6xf32>
  return
}

// -----

func.func @f(%p: tensor<?x2x?xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has size 3 in dimension 1, expected 2 (the query heads)}}
  %0 = transformer.weighted_sum %p, %v, %b : (tensor<?x2x?xf32>, tensor<?x1x6xf32>, tensor<?x3xi32>) -> tensor<?x3x6xf32>
  return
}

// -----

func.func @f(%p: tensor<?x2x?xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has size 4 in dimension 2, expected 6 (the values' head size)}}
  %0 = transformer.weighted_sum %p, %v, %b : (tensor<?x2x?xf32>, tensor<?x1x6xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%p: tensor<2x2x?xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has size 3 in dimension 0, expected 2 (the number of tokens)}}
  %0 = transformer.weighted_sum %p, %v, %b : (tensor<2x2x?xf32>, tensor<?x1x6xf32>, tensor<?x3xi32>) -> tensor<3x2x6xf32>
  return
}

// -----

func.func @f(%p: tensor<2x2x?xf32>, %v: tensor<?x1x6xf32>, %b: tensor<3x3xi32>) {
  // expected-error @+1 {{batch has size 3 in dimension 0, expected 2 (the number of tokens)}}
  %0 = transformer.weighted_sum %p, %v, %b : (tensor<2x2x?xf32>, tensor<?x1x6xf32>, tensor<3x3xi32>) -> tensor<?x2x6xf32>
  return
}

// -----

func.func @f(%p: tensor<?x2x?xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x2xi32>) {
  // expected-error @+1 {{batch has size 2 in dimension 1, expected 3 (position, first key, key count)}}
  %0 = transformer.weighted_sum %p, %v, %b : (tensor<?x2x?xf32>, tensor<?x1x6xf32>, tensor<?x2xi32>) -> tensor<?x2x6xf32>
  return
}

// -----

// Fused forms.

func.func @f(%q: tensor<?x3x4xf32>, %k: tensor<?x2x4xf32>, %v: tensor<?x1x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{has 3 query heads, which 2 key heads do not divide}}
  %0 = transformer.attention %q, %k, %v, %b {mask = #transformer.mask<>} : (tensor<?x3x4xf32>, tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x3x4xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x8xf32>, %v: tensor<?x1x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{queries has size 4 in dimension 2, expected 8 (the keys' head size)}}
  %0 = transformer.attention %q, %k, %v, %b {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<?x1x8xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %v: tensor<?x2x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{values has size 2 in dimension 1, expected 1 (the key heads)}}
  %0 = transformer.attention %q, %k, %v, %b {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x2x4xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<6x1x4xf32>, %v: tensor<5x1x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{values has size 5 in dimension 0, expected 6 (the rows of keys)}}
  %0 = transformer.attention %q, %k, %v, %b {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<6x1x4xf32>, tensor<5x1x4xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %v: tensor<?x1x6xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{result has size 4 in dimension 2, expected 6 (the values' head size)}}
  %0 = transformer.attention %q, %k, %v, %b {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x6xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%q: tensor<2x2x4xf32>, %k: tensor<?x1x4xf32>, %v: tensor<?x1x4xf32>, %b: tensor<3x3xi32>) {
  // expected-error @+1 {{batch has size 3 in dimension 0, expected 2 (the number of tokens)}}
  %0 = transformer.attention %q, %k, %v, %b {mask = #transformer.mask<>} : (tensor<2x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<3x3xi32>) -> tensor<2x2x4xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %v: tensor<?x1x4xf32>, %b: tensor<?x2xi32>) {
  // expected-error @+1 {{batch has size 2 in dimension 1, expected 3 (position, first key, key count)}}
  %0 = transformer.attention %q, %k, %v, %b {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x2xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %v: tensor<?x1x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{soft_cap is -1.000000e+00, expected 0 (none) or a positive number}}
  %0 = transformer.attention %q, %k, %v, %b {mask = #transformer.mask<>, soft_cap = -1.0 : f64} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %v: tensor<?x1x4xf32>, %b: tensor<?x3xi32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{sinks has size 1 in dimension 0, expected 2 (the query heads)}}
  %0 = transformer.attention %q, %k, %v, %b sinks(%s) {mask = #transformer.mask<>} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>, tensor<1xf32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %k: tensor<?x1x4xf32>, %v: tensor<?x1x4xf32>, %b: tensor<?x3xi32>, %s: tensor<2xf32>) {
  // expected-error @+1 {{has sinks, which only softmax knows}}
  %0 = transformer.attention %q, %k, %v, %b sinks(%s) {mask = #transformer.mask<>, normalizer = #transformer.normalizer<sum>} : (tensor<?x2x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x3xi32>, tensor<2xf32>) -> tensor<?x2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<3xf32>) {
  // expected-error @+1 {{weight has size 3 in dimension 0, expected 4 (the input's last dimension)}}
  %0:2 = transformer.residual_norm rms %x, %x weight %w : tensor<3xf32> {eps = 1.0e-5 : f64} : tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{eps is -1.000000e+00, expected a number that is not negative}}
  %0:2 = transformer.residual_norm rms %x, %x {eps = -1.0 : f64} : tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+1 {{has 1 weights and 2 results}}
  %0:2 = transformer.linear_split %x weights(%w) : (tensor<?x4xf32>, tensor<6x4xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<6x4xf32>, %b: tensor<6xf32>) {
  // expected-error @+1 {{has 2 weights and 1 biases, expected none or one each}}
  %0:2 = transformer.linear_split %x weights(%w, %w) biases(%b) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> (tensor<?x6xf32>, tensor<?x6xf32>)
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %w: tensor<6x4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{bias has size 5 in dimension 0, expected 6 (the weight's output size)}}
  %0 = transformer.linear_split %x weights(%w) biases(%b) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<5xf32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{needs at least one weight}}
  "transformer.linear_split"(%x) {operandSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x4xf32>) -> ()
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %u: tensor<6x5xf32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{up has size 5 in dimension 1, expected 4 (the input's features)}}
  %0 = transformer.ffn silu %x up(%u) down(%d) : (tensor<?x4xf32>, tensor<6x5xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %u: tensor<6x4xf32>, %d: tensor<4x5xf32>) {
  // expected-error @+1 {{down has size 5 in dimension 1, expected 6 (the rows of up)}}
  %0 = transformer.ffn silu %x up(%u) down(%d) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<4x5xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %u: tensor<6x4xf32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{result has size 5 in dimension 1, expected 4 (the rows of down)}}
  %0 = transformer.ffn silu %x up(%u) down(%d) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<?x5xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %u: tensor<6x4xf32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{result has size 3 in dimension 0, expected 2 (the input's rows)}}
  %0 = transformer.ffn silu %x up(%u) down(%d) : (tensor<2x4xf32>, tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %g: tensor<5x4xf32>, %u: tensor<6x4xf32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{gate has size 5 in dimension 0, expected 6 (the rows of up)}}
  %0 = transformer.ffn silu %x gate(%g) up(%u) down(%d) : (tensor<?x4xf32>, tensor<5x4xf32>, tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %g: tensor<6x5xf32>, %u: tensor<6x4xf32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{gate has size 5 in dimension 1, expected 4 (the input's features)}}
  %0 = transformer.ffn silu %x gate(%g) up(%u) down(%d) : (tensor<?x4xf32>, tensor<6x5xf32>, tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %g: tensor<6x4xf32>, %gb: tensor<5xf32>, %u: tensor<6x4xf32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{gate bias has size 5 in dimension 0, expected 6 (the rows of gate)}}
  %0 = transformer.ffn silu %x gate(%g, %gb) up(%u) down(%d) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<5xf32>, tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %u: tensor<6x4xf32>, %ub: tensor<5xf32>, %d: tensor<4x6xf32>) {
  // expected-error @+1 {{up bias has size 5 in dimension 0, expected 6 (the rows of up)}}
  %0 = transformer.ffn silu %x up(%u, %ub) down(%d) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<5xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %u: tensor<6x4xf32>, %d: tensor<4x6xf32>, %db: tensor<5xf32>) {
  // expected-error @+1 {{down bias has size 5 in dimension 0, expected 4 (the rows of down)}}
  %0 = transformer.ffn silu %x up(%u) down(%d, %db) : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<4x6xf32>, tensor<5xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %u: tensor<6x4xf32>, %d: tensor<4x6xf32>, %b: tensor<6xf32>) {
  // expected-error @+1 {{has a bias of the gate but no gate}}
  %0 = "transformer.ffn"(%x, %b, %u, %d) <{activation = #transformer<activation_kind silu>, operandSegmentSizes = array<i32: 1, 0, 1, 1, 0, 1, 0>}> : (tensor<?x4xf32>, tensor<6xf32>, tensor<6x4xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return
}
