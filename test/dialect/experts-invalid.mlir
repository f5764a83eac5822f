// RUN: attune-opt %s --split-input-file --verify-diagnostics
// What the verifiers of mixtures of experts refuse.

func.func @f(%l: tensor<?x?xf32>) {
  // expected-error @+1 {{logits have type 'tensor<?x?xf32>', expected a static number of experts}}
  %0:2 = transformer.route softmax %l {top_k = 2 : i64} : (tensor<?x?xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{top_k is 9, expected 1 to 8, the number of experts}}
  %0:2 = transformer.route softmax %l {top_k = 9 : i64} : (tensor<?x8xf32>) -> (tensor<?x9xi32>, tensor<?x9xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{top_k is 0, expected 1 to 8, the number of experts}}
  %0:2 = transformer.route softmax %l {top_k = 0 : i64} : (tensor<?x8xf32>) -> (tensor<?x0xi32>, tensor<?x0xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{groups is 3, which does not divide the number of experts, 8}}
  %0:2 = transformer.route softmax %l {top_k = 2 : i64, groups = 3 : i64, top_groups = 1 : i64} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{groups is -1, which does not divide the number of experts, 8}}
  %0:2 = transformer.route softmax %l {top_k = 2 : i64, groups = -1 : i64, top_groups = 1 : i64} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{top_groups is 5, expected 1 to 4, the number of groups}}
  %0:2 = transformer.route softmax %l {top_k = 2 : i64, groups = 4 : i64, top_groups = 5 : i64} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{has top_groups but no groups}}
  %0:2 = transformer.route softmax %l {top_k = 2 : i64, top_groups = 1 : i64} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{top_k is 3, but 1 groups of 2 experts have fewer}}
  %0:2 = transformer.route softmax %l {top_k = 3 : i64, groups = 4 : i64, top_groups = 1 : i64} : (tensor<?x8xf32>) -> (tensor<?x3xi32>, tensor<?x3xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{sums the two best experts of a group, but groups have 1}}
  %0:2 = transformer.route softmax %l {top_k = 2 : i64, groups = 8 : i64, top_groups = 2 : i64, group_score = #transformer<group_score top2_sum>} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>) {
  // expected-error @+1 {{result has size 3 in dimension 1, expected 2 (top_k)}}
  %0:2 = transformer.route softmax %l {top_k = 2 : i64} : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x3xf32>)
  return
}

// -----

func.func @f(%l: tensor<3x8xf32>) {
  // expected-error @+1 {{result has size 4 in dimension 0, expected 3 (the number of tokens)}}
  %0:2 = transformer.route softmax %l {top_k = 2 : i64} : (tensor<3x8xf32>) -> (tensor<4x2xi32>, tensor<3x2xf32>)
  return
}

// -----

func.func @f(%l: tensor<?x8xf32>, %b: tensor<7xf32>) {
  // expected-error @+1 {{correction bias has size 7 in dimension 0, expected 8 (the experts)}}
  %0:2 = transformer.route sigmoid %l bias %b {top_k = 2 : i64} : (tensor<?x8xf32>, tensor<7xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x5xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{up has size 5 in dimension 2, expected 4 (its input size)}}
  %0 = transformer.experts silu %x, %e, %w up(%up) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x5xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %gate: tensor<7x6x4xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{gate has size 7 in dimension 0, expected 8 (the experts of up)}}
  %0 = transformer.experts silu %x, %e, %w gate(%gate) up(%up) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<7x6x4xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %gate: tensor<8x5x4xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{gate has size 5 in dimension 1, expected 6 (its output size)}}
  %0 = transformer.experts silu %x, %e, %w gate(%gate) up(%up) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x5x4xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x5x6xf32>) {
  // expected-error @+1 {{down has size 5 in dimension 1, expected 4 (its output size)}}
  %0 = transformer.experts silu %x, %e, %w up(%up) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x5x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %gate: tensor<8x6x4xf32>, %gb: tensor<6xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{gate bias has size 6 in dimension 0, expected 48 (experts x output size)}}
  %0 = transformer.experts silu %x, %e, %w gate(%gate, %gb) up(%up) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<6xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %ub: tensor<6xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{up bias has size 6 in dimension 0, expected 48 (experts x output size)}}
  %0 = transformer.experts silu %x, %e, %w up(%up, %ub) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<6xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>, %db: tensor<4xf32>) {
  // expected-error @+1 {{down bias has size 4 in dimension 0, expected 32 (experts x output size)}}
  %0 = transformer.experts silu %x, %e, %w up(%up) down(%down, %db) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %gate: tensor<8x6x4xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{limit is -1.000000e+00, expected 0 (none) or a positive number}}
  %0 = transformer.experts silu %x, %e, %w gate(%gate) up(%up) down(%down) {limit = -1.0 : f64} : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{has a limit or an up_offset, which are for networks with gates}}
  %0 = transformer.experts silu %x, %e, %w up(%up) down(%down) {limit = 1.0 : f64} : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{has a limit or an up_offset, which are for networks with gates}}
  %0 = transformer.experts silu %x, %e, %w up(%up) down(%down) {up_offset = 1.0 : f64} : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %e: tensor<3x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{operand has size 3 in dimension 0, expected 2 (the number of tokens)}}
  %0 = transformer.experts silu %x, %e, %w up(%up) down(%down) : (tensor<2x4xf32>, tensor<3x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x3xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{weights has size 3 in dimension 1, expected 2 (the experts per token)}}
  %0 = transformer.experts silu %x, %e, %w up(%up) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x3xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{result has size 5 in dimension 1, expected 4 (the input's features)}}
  %0 = transformer.experts silu %x, %e, %w up(%up) down(%down) : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x5xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>, %up: tensor<8x6x4xf32>, %b: tensor<48xf32>, %down: tensor<8x4x6xf32>) {
  // expected-error @+1 {{has a bias of the gate but no gate}}
  %0 = "transformer.experts"(%x, %e, %w, %b, %up, %down) <{activation = #transformer<activation_kind silu>, operandSegmentSizes = array<i32: 1, 1, 1, 0, 1, 1, 0, 1, 0>}> : (tensor<?x4xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<48xf32>, tensor<8x6x4xf32>, tensor<8x4x6xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<?x4xf32>, %g: tensor<?x2xf32>) {
  // expected-error @+1 {{factors has size 2 in dimension 1, expected 1 (one factor per row)}}
  %0 = transformer.scale_rows %x, %g : tensor<?x4xf32>, tensor<?x2xf32>
  return
}

// -----

func.func @f(%x: tensor<3x4xf32>, %g: tensor<2x1xf32>) {
  // expected-error @+1 {{factors has size 2 in dimension 0, expected 3 (the input's rows)}}
  %0 = transformer.scale_rows %x, %g : tensor<3x4xf32>, tensor<2x1xf32>
  return
}

// -----

func.func @f(%q: tensor<?x2x4xf32>, %b: tensor<?x3xi32>) {
  // expected-error @+1 {{floor_scale is 0.000000e+00, expected a positive number}}
  %0 = transformer.temperature %q, %b {floor_scale = 0.0 : f64, scale = 0.1 : f64} : tensor<?x2x4xf32>, tensor<?x3xi32>
  return
}

// -----

func.func @f(%q: tensor<3x2x4xf32>, %b: tensor<2x3xi32>) {
  // expected-error @+1 {{batch has size 2 in dimension 0, expected 3 (the number of tokens)}}
  %0 = transformer.temperature %q, %b {floor_scale = 1.0 : f64, scale = 0.1 : f64} : tensor<3x2x4xf32>, tensor<2x3xi32>
  return
}
