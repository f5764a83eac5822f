// RUN: attune-opt %s --split-input-file --verify-diagnostics
// What the verifiers of the kernel dialect refuse: each names what was found and what was expected.

func.func @quantize_results(%x: memref<?x64xf32>, %c: tensor<?x64xi8>, %s: tensor<?x1xf32>) {
  // expected-error @+1 {{has 0 results, expected 3 (one per tensor output)}}
  kernel.quantize ins(%x : memref<?x64xf32>) outs(%c, %s, %s : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xf32>)
  return
}

// -----

func.func @panel_bytes(%x: memref<?x64xf32>, %w: memref<2x1024xi8>, %y: memref<?x32xf32>) {
  // expected-error @+1 {{weight has panels of 1024 bytes, expected 1088 for 64 columns in #kernel.packed<codes = i8, group = 32, scale = f16>}}
  kernel.linear input(%x : memref<?x64xf32>) weights(%w : memref<2x1024xi8>) outs(%y : memref<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @panel_count(%x: memref<?x8xf32>, %w: memref<2x512xi8>, %y: memref<?x33xf32>) {
  // expected-error @+1 {{weight has 2 panels, expected 3 for 33 output columns}}
  kernel.linear input(%x : memref<?x8xf32>) weights(%w : memref<2x512xi8>) outs(%y : memref<?x33xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @codes_with_dense_weights(%x: memref<?x32xi8>, %s: memref<?x1xf32>, %w: memref<1x2048xi8>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{has a quantised input, which needs i8 or u4 weights, got #kernel.packed<codes = f32>}}
  kernel.linear input(%x : memref<?x32xi8>) quantized(%s, %s : memref<?x1xf32>, memref<?x1xf32>) weights(%w : memref<1x2048xi8>) outs(%y : memref<?x16xf32>) format(<codes = f32>) columns(32) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @codes_without_scales(%x: memref<?x32xi8>, %w: memref<1x544xi8>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{input 'memref<?x32xi8>' must be i8 with quantized(scales, sums), f32 without}}
  kernel.linear input(%x : memref<?x32xi8>) weights(%w : memref<1x544xi8>) outs(%y : memref<?x16xf32>) format(<codes = i8, group = 32, scale = f16>) columns(32) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @epilogue_arguments(%x: memref<?x8xf32>, %w: memref<1x512xi8>, %b: memref<16xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{epilogue takes 1 values, expected 1 products and 1 extras}}
  kernel.linear input(%x : memref<?x8xf32>) weights(%w : memref<1x512xi8>) extras(%b : memref<16xf32>) outs(%y : memref<?x16xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @yield_elsewhere(%x: f32) {
  // expected-error @+1 {{'kernel.yield' op expects parent op to be one of 'kernel.linear, kernel.grouped_linear'}}
  kernel.yield %x : f32
}

// -----

func.func @heads(%q: memref<?x7x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xf32>, %V: memref<?x2x8xf32>) {
  // expected-error @+1 {{has 7 query heads, which 2 key heads do not divide}}
  kernel.attention ins(%q, %b : memref<?x7x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x16xf32>, memref<?x2x8xf32>) outs(%q : memref<?x7x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @head_size(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x4x16xf32>, %V: memref<?x2x8xf32>) {
  // expected-error @+1 {{has queries of size 8 and keys of size 4}}
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x4x16xf32>, memref<?x2x8xf32>) outs(%q : memref<?x2x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @key_groups(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x8xf32>, %V: memref<?x2x8xf32>) {
  // expected-error @+1 {{keys lie in groups of 16 rows, got}}
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x8xf32>, memref<?x2x8xf32>) outs(%q : memref<?x2x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @partials(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xf32>, %V: memref<?x2x8xf32>, %p: memref<4x2x16x9xf32>) {
  // expected-error @+1 {{has partials of type 'memref<4x2x16x9xf32>', expected tokens x 2 heads x slices x 10}}
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x16xf32>, memref<?x2x8xf32>) partials(%p : memref<4x2x16x9xf32>) outs(%q : memref<?x2x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @bias_heads(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xf32>, %V: memref<?x2x8xf32>, %bias: memref<3x9xf32>) {
  // expected-error @+1 {{has a bias of 3 heads and 2 query heads}}
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x16xf32>, memref<?x2x8xf32>) bias(%bias : memref<3x9xf32>) outs(%q : memref<?x2x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @bias_distances(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xf32>, %V: memref<?x2x8xf32>, %bias: memref<2x8xf32>) {
  // expected-error @+1 {{expected an odd number of distances}}
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x16xf32>, memref<?x2x8xf32>) bias(%bias : memref<2x8xf32>) outs(%q : memref<?x2x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @bias_rank(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xf32>, %V: memref<?x2x8xf32>, %bias: memref<9xf32>) {
  // expected-error @+1 {{expected heads x distances}}
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x16xf32>, memref<?x2x8xf32>) bias(%bias : memref<9xf32>) outs(%q : memref<?x2x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @launch_nothing(%n: index) {
  // expected-error @+1 {{names 'missing', which is not a function}}
  kernel.launch @missing count(%n)
  return
}

// -----

func.func private @body(%begin: index, %end: index)
func.func @launch_arguments(%n: index) {
  // expected-error @+1 {{gives 1 arguments and a range (begin, end), but @body takes 2}}
  kernel.launch @body count(%n) args(%n : index)
  return
}

// -----

func.func @odd_outliers(%x: memref<?x64xf32>, %c: memref<?x64xi8>, %s: memref<?x1xf32>, %o: memref<?x5xf32>) {
  // expected-error @+1 {{outliers have type 'memref<?x5xf32>', expected an even number of columns: values, then places}}
  kernel.quantize ins(%x : memref<?x64xf32>) outs(%c, %s, %s : memref<?x64xi8>, memref<?x1xf32>, memref<?x1xf32>) outliers(%o : memref<?x5xf32>)
  return
}

// -----

func.func @outliers_of_floats(%x: memref<?x64xf32>, %o: memref<?x8xf32>, %w: memref<2x1088xi8>, %y: memref<?x32xf32>) {
  // expected-error @+1 {{has outliers, which only a quantised input has}}
  kernel.linear input(%x : memref<?x64xf32>) outliers(%o : memref<?x8xf32>) weights(%w : memref<2x1088xi8>) outs(%y : memref<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @blocks_of_integers(%x: memref<?x64xi8>, %s: memref<?x2xf32>, %w: memref<2x1088xi8>, %y: memref<?x32xf32>) {
  // expected-error @+1 {{has scales of type 'memref<?x2xf32>', expected one column}}
  kernel.linear input(%x : memref<?x64xi8>) quantized(%s, %s : memref<?x2xf32>, memref<?x2xf32>) weights(%w : memref<2x1088xi8>) outs(%y : memref<?x32xf32>) format(<codes = u8, scale = f32, zero = 128>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @scales(%x: memref<?x128xi8>, %s: memref<?x3xf32>, %w: memref<2x2176xi8>, %y: memref<?x32xf32>) {
  // expected-error @+1 {{has scales of type 'memref<?x3xf32>', expected 2 columns, or one column}}
  kernel.linear input(%x : memref<?x128xi8>) quantized(%s, %s : memref<?x3xf32>, memref<?x3xf32>) weights(%w : memref<2x2176xi8>) outs(%y : memref<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(128) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @sums(%x: memref<?x64xi8>, %s: memref<?x1xf32>, %w: memref<2x1088xi8>, %y: memref<?x32xf32>) {
  // expected-error @+1 {{has sums of type 'memref<?x1xf32>', expected 3 columns}}
  kernel.linear input(%x : memref<?x64xi8>) quantized(%s, %s : memref<?x1xf32>, memref<?x1xf32>) weights(%w : memref<2x1088xi8>) outs(%y : memref<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

func.func @long_sums(%x: memref<?x131104xi8>, %s: memref<?x1xf32>, %w: memref<?x?xi8>, %y: memref<?x32xf32>) {
  // expected-error @+1 {{sums integers over 131104 columns, expected at most 131072}}
  kernel.linear input(%x : memref<?x131104xi8>) quantized(%s, %s : memref<?x1xf32>, memref<?x1xf32>) weights(%w : memref<?x?xi8>) outs(%y : memref<?x32xf32>) format(<codes = u8, scale = f32, zero = 128>) columns(131104) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// expected-error @+1 {{codes u8 have one scale for a row, expected no group and no min}}
func.func private @grouped_integers() attributes {format = #kernel.packed<codes = u8, group = 32, scale = f32>}

// -----

// expected-error @+1 {{codes in blocks have a scale for each group of 16 or 32 columns, got 8}}
func.func private @groups() attributes {format = #kernel.packed<codes = i8, group = 8, scale = f16>}

// -----

// expected-error @+1 {{integers have scales, other codes none}}
func.func private @no_scales() attributes {format = #kernel.packed<codes = u4, group = 32>}

// -----

func.func @grouped_blocks(%x: tensor<?x8xf32>, %b: tensor<?x2xi32>, %n: tensor<1xi32>, %w: memref<6x512xi8>, %v: tensor<80xf32>, %o: tensor<?x40xf32>) {
  // expected-error @+1 {{blocks are 'tensor<?x2xi32>', expected rows of 3 (expert, first, rows)}}
  %y = kernel.grouped_linear input(%x : tensor<?x8xf32>) blocks(%b, %n : tensor<?x2xi32>, tensor<1xi32>) weights(%w : memref<6x512xi8>) extras(%v : tensor<80xf32>) outs(%o : tensor<?x40xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %e: f32):
    kernel.yield %p : f32
  } -> tensor<?x40xf32>
  return
}

// -----

func.func @grouped_count(%x: tensor<?x8xf32>, %b: tensor<?x3xi32>, %n: tensor<2xi32>, %w: memref<6x512xi8>, %v: tensor<80xf32>, %o: tensor<?x40xf32>) {
  // expected-error @+1 {{count is 'tensor<2xi32>', expected one number}}
  %y = kernel.grouped_linear input(%x : tensor<?x8xf32>) blocks(%b, %n : tensor<?x3xi32>, tensor<2xi32>) weights(%w : memref<6x512xi8>) extras(%v : tensor<80xf32>) outs(%o : tensor<?x40xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %e: f32):
    kernel.yield %p : f32
  } -> tensor<?x40xf32>
  return
}

// -----

func.func @grouped_panels(%x: tensor<?x8xf32>, %b: tensor<?x3xi32>, %n: tensor<1xi32>, %w: memref<7x512xi8>, %v: tensor<80xf32>, %o: tensor<?x40xf32>) {
  // expected-error @+1 {{weight has 7 panels, expected a multiple of 3 for 40 output columns}}
  %y = kernel.grouped_linear input(%x : tensor<?x8xf32>) blocks(%b, %n : tensor<?x3xi32>, tensor<1xi32>) weights(%w : memref<7x512xi8>) extras(%v : tensor<80xf32>) outs(%o : tensor<?x40xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %e: f32):
    kernel.yield %p : f32
  } -> tensor<?x40xf32>
  return
}

// -----

func.func @grouped_bytes(%x: tensor<?x8xf32>, %b: tensor<?x3xi32>, %n: tensor<1xi32>, %w: memref<6x256xi8>, %v: tensor<80xf32>, %o: tensor<?x40xf32>) {
  // expected-error @+1 {{weight has panels of 256 bytes, expected 512 for 8 columns}}
  %y = kernel.grouped_linear input(%x : tensor<?x8xf32>) blocks(%b, %n : tensor<?x3xi32>, tensor<1xi32>) weights(%w : memref<6x256xi8>) extras(%v : tensor<80xf32>) outs(%o : tensor<?x40xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %e: f32):
    kernel.yield %p : f32
  } -> tensor<?x40xf32>
  return
}

// -----

func.func @grouped_extra(%x: tensor<?x8xf32>, %b: tensor<?x3xi32>, %n: tensor<1xi32>, %w: memref<6x512xi8>, %v: tensor<?x40xf32>, %o: tensor<?x40xf32>) {
  // expected-error @+1 {{extra is 'tensor<?x40xf32>', expected a vector of all matrices' columns}}
  %y = kernel.grouped_linear input(%x : tensor<?x8xf32>) blocks(%b, %n : tensor<?x3xi32>, tensor<1xi32>) weights(%w : memref<6x512xi8>) extras(%v : tensor<?x40xf32>) outs(%o : tensor<?x40xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %e: f32):
    kernel.yield %p : f32
  } -> tensor<?x40xf32>
  return
}

// -----

func.func @grouped_input(%x: tensor<?x8xi8>, %b: tensor<?x3xi32>, %n: tensor<1xi32>, %w: memref<6x512xi8>, %v: tensor<80xf32>, %o: tensor<?x40xf32>) {
  // expected-error @+1 {{must be i8 with quantized(scales, sums), f32 without}}
  %y = kernel.grouped_linear input(%x : tensor<?x8xi8>) blocks(%b, %n : tensor<?x3xi32>, tensor<1xi32>) weights(%w : memref<6x512xi8>) extras(%v : tensor<80xf32>) outs(%o : tensor<?x40xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %e: f32):
    kernel.yield %p : f32
  } -> tensor<?x40xf32>
  return
}

// -----

func.func @route_experts(%l: tensor<?x?xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>) {
  // expected-error @+1 {{logits are 'tensor<?x?xf32>', expected tokens x a known number of experts}}
  %r:2 = kernel.route softmax ins(%l : tensor<?x?xf32>) outs(%e, %w : tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @route_choices(%l: tensor<?x4xf32>, %e: tensor<?x5xi32>, %w: tensor<?x5xf32>) {
  // expected-error @+1 {{output is 'tensor<?x5xi32>', expected tokens x 1 to 4}}
  %r:2 = kernel.route softmax ins(%l : tensor<?x4xf32>) outs(%e, %w : tensor<?x5xi32>, tensor<?x5xf32>) -> tensor<?x5xi32>, tensor<?x5xf32>
  return
}

// -----

func.func @dispatch_choices(%c: tensor<?x?xi32>, %p: tensor<?x2xi32>, %b: tensor<?x3xi32>, %n: tensor<1xi32>) {
  // expected-error @+1 {{operand is 'tensor<?x?xi32>', expected tokens x a known number of choices}}
  %d:4 = kernel.dispatch ins(%c : tensor<?x?xi32>) outs(%p, %p, %b, %n : tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>) {experts = 8 : i64, rows = 96 : i64}
      -> tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>
  return
}

// -----

func.func @dispatch_rows(%c: tensor<?x2xi32>, %b: tensor<?x3xi32>, %n: tensor<1xi32>) {
  // expected-error @+1 {{has 8 experts and blocks of 0 rows, expected at least one}}
  %d:4 = kernel.dispatch ins(%c : tensor<?x2xi32>) outs(%c, %c, %b, %n : tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>) {experts = 8 : i64, rows = 0 : i64}
      -> tensor<?x2xi32>, tensor<?x2xi32>, tensor<?x3xi32>, tensor<1xi32>
  return
}

// -----

func.func @likeliest_rows(%l: memref<4x96xf32>, %t: memref<3x1xi32>) {
  // expected-error @+1 {{has tokens of type 'memref<3x1xi32>' for 1 of each row of 'memref<4x96xf32>'}}
  kernel.likeliest ins(%l : memref<4x96xf32>) outs(%t : memref<3x1xi32>)
  return
}

// -----

func.func @likeliest_count(%l: memref<4x96xf32>, %t: memref<4x3xi32>) {
  // expected-error @+1 {{has tokens of type 'memref<4x3xi32>', expected a known power of two up to 64 of each row}}
  kernel.likeliest ins(%l : memref<4x96xf32>) outs(%t : memref<4x3xi32>)
  return
}

// -----

func.func @likeliest_alone(%l: memref<4x96xf32>, %t: memref<4x8xi32>) {
  // expected-error @+1 {{has 2 operands, expected logits and tokens alone for one token of each row, and temperatures, partials and values as well for several}}
  kernel.likeliest ins(%l : memref<4x96xf32>) outs(%t : memref<4x8xi32>)
  return
}

// -----

func.func @likeliest_values(%l: memref<4x96xf32>, %T: memref<4xf32>, %pt: memref<4x1x8xi32>, %pm: memref<4x1xf32>, %t: memref<4x8xi32>, %v: memref<4x8xf32>) {
  // expected-error @+1 {{has values of type 'memref<4x8xf32>' for 8 of each row of 'memref<4x96xf32>'}}
  kernel.likeliest ins(%l : memref<4x96xf32>) temperatures(%T : memref<4xf32>) partials(%pt, %pm : memref<4x1x8xi32>, memref<4x1xf32>)
    outs(%t : memref<4x8xi32>) values(%v : memref<4x8xf32>)
  return
}

// -----

func.func @likeliest_slices(%l: memref<?x4097xf32>, %T: memref<?xf32>, %pt: memref<?x2x8xi32>, %pm: memref<?x2xf32>, %t: memref<?x8xi32>, %v: memref<?x9xf32>) {
  // expected-error @+1 {{has 2 slices of at most 2048 elements for rows of 'memref<?x4097xf32>'}}
  kernel.likeliest ins(%l : memref<?x4097xf32>) temperatures(%T : memref<?xf32>) partials(%pt, %pm : memref<?x2x8xi32>, memref<?x2xf32>)
    outs(%t : memref<?x8xi32>) values(%v : memref<?x9xf32>)
  return
}

// -----

func.func @f(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xi8>, %V: memref<?x2x8xi8>) {
  // expected-error @+1 {{has keys of type 'memref<?x2x8x16xi8>' without scales}}
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x16xi8>, memref<?x2x8xi8>) outs(%q : memref<?x2x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @f(%q: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xi8>, %V: memref<?x2x8xf16>, %s: memref<?x2x16xf32>) {
  // expected-error @+1 {{has scales for values of type 'memref<?x2x8xf16>', which need none}}
  kernel.attention ins(%q, %b : memref<?x2x8xf32>, memref<?x3xi32>) cache(%K, %V : memref<?x2x8x16xi8>, memref<?x2x8xf16>) scales(%s, %s : memref<?x2x16xf32>, memref<?x2x16xf32>)
      outs(%q : memref<?x2x8xf32>) {mask = #transformer.mask<>, scale = 1.0 : f64}
  return
}

// -----

func.func @f(%k: memref<?x2x8xf32>, %b: memref<?x3xi32>, %K: memref<?x2x8x16xi8>, %V: memref<?x2x8xi8>, %s: memref<?x2x16xf32>, %t: memref<?x1x16xf32>) {
  // expected-error @+1 {{has scales of type 'memref<?x1x16xf32>' for values of type 'memref<?x2x8xi8>', expected groups x 2 x 16}}
  kernel.cache_update %k, %k, %b into %K, %V scales(%s, %t : memref<?x2x16xf32>, memref<?x1x16xf32>) : memref<?x2x8xf32>, memref<?x2x8xf32>, memref<?x3xi32>, memref<?x2x8x16xi8>, memref<?x2x8xi8>
  return
}
