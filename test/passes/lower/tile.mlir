// RUN: attune-opt %s --transformer-tile --canonicalize --cse | FileCheck %s
// RUN: attune-opt %s --transformer-tile="rows=32 queries=4" --canonicalize --cse | FileCheck %s --check-prefix=SMALL

#all = affine_map<(d0, d1) -> (d0, d1)>

// Tokens and pairs of panels of 16 columns; 192 tokens are a multiple of every register tile's rows. Weights are sliced by panels, extras by columns.
// CHECK-LABEL: func.func @linear(
// CHECK-SAME:      %[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: memref<3x512xi8>, %[[B:.*]]: tensor<40xf32>)
// CHECK:           scf.forall (%[[T:.*]], %[[N:.*]]) = (0, 0) to (%{{.*}}, 40) step (192, 32)
// CHECK:             %[[COLUMNS:.*]] = affine.min #{{.*}}(%[[N]])
// CHECK:             %[[PANEL:.*]] = affine.apply #{{.*}}()[%[[N]]]
// CHECK-DAG:         tensor.extract_slice %[[X]][%[[T]], 0]
// CHECK-DAG:         memref.subview %[[W]][%[[PANEL]], 0] [%{{.*}}, 512]
// CHECK-DAG:         tensor.extract_slice %[[B]][%[[N]]] [%[[COLUMNS]]]
// CHECK:             kernel.linear {{.*}} outs(%{{.*}} : tensor<?x?xf32>)
// CHECK:             tensor.parallel_insert_slice
// SMALL-LABEL: func.func @linear(
// SMALL:           step (32, 32)
func.func @linear(%x: tensor<?x8xf32>, %w: memref<3x512xi8>, %b: tensor<40xf32>) -> tensor<?x40xf32> {
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%tokens) : tensor<?x40xf32>
  %y = kernel.linear input(%x : tensor<?x8xf32>) weights(%w : memref<3x512xi8>) extras(%b : tensor<40xf32>) outs(%e : tensor<?x40xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %bias: f32):
    %s = arith.addf %p, %bias : f32
    kernel.yield %s : f32
  } -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// Tokens and key heads, each with the query heads that share it.
// CHECK-LABEL: func.func @attention(
// CHECK-SAME:      %[[Q:.*]]: tensor<?x9x8xf32>, %[[B:.*]]: tensor<?x3xi32>, %[[K:.*]]: memref<?x3x8x16xf32>, %[[V:.*]]: memref<?x3x8xf32>)
// CHECK:           scf.forall (%[[T:.*]], %[[H:.*]]) = (0, 0) to (%{{.*}}, 3) step (16, 1)
// CHECK:             %[[HEAD:.*]] = affine.apply #{{.*}}()[%[[H]]]
// CHECK-DAG:         tensor.extract_slice %[[Q]][%[[T]], %[[HEAD]], 0] [%{{.*}}, 3, 8]
// CHECK-DAG:         tensor.extract_slice %[[B]][%[[T]], 0]
// CHECK-DAG:         memref.subview %[[K]][0, %[[H]], 0, 0] [%{{.*}}, 1, 8, 16]
// CHECK-DAG:         memref.subview %[[V]][0, %[[H]], 0] [%{{.*}}, 1, 8]
// CHECK:             kernel.attention {{.*}} outs(%{{.*}} : tensor<?x3x8xf32>)
// SMALL-LABEL: func.func @attention(
// SMALL:           step (4, 1)
func.func @attention(%q: tensor<?x9x8xf32>, %batch: tensor<?x3xi32>, %K: memref<?x3x8x16xf32>, %V: memref<?x3x8xf32>) -> tensor<?x9x8xf32> {
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %q, %c0 : tensor<?x9x8xf32>
  %e = tensor.empty(%tokens) : tensor<?x9x8xf32>
  %o = kernel.attention ins(%q, %batch : tensor<?x9x8xf32>, tensor<?x3xi32>) cache(%K, %V : memref<?x3x8x16xf32>, memref<?x3x8xf32>) outs(%e : tensor<?x9x8xf32>) {mask = #transformer.mask<causal = true>, scale = 0.5 : f64} -> tensor<?x9x8xf32>
  return %o : tensor<?x9x8xf32>
}

// CHECK-LABEL: func.func @quantize(
// CHECK:           scf.forall (%{{.*}}) in (%{{.*}}) shared_outs(
// CHECK:             kernel.quantize ins(%{{.*}} : tensor<1x64xf32>)
func.func @quantize(%x: tensor<?x64xf32>) -> (tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>) {
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %x, %c0 : tensor<?x64xf32>
  %c = tensor.empty(%tokens) : tensor<?x64xi8>
  %s = tensor.empty(%tokens) : tensor<?x1xf32>
  %m = tensor.empty(%tokens) : tensor<?x3xf32>
  %q:3 = kernel.quantize ins(%x : tensor<?x64xf32>) outs(%c, %s, %m : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>) -> tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>
  return %q#0, %q#1, %q#2 : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x3xf32>
}

// Row operations run a token at a time; one that is used elsewhere too is computed once, in a loop of its own.
// CHECK-LABEL: func.func @shared_producer(
// CHECK:           %[[A:.*]] = scf.forall
// CHECK:               arith.mulf
// CHECK:           %[[B:.*]] = scf.forall
// CHECK-NOT:           arith.mulf
// CHECK:               arith.addf
// CHECK:           return %[[A]], %[[B]]
func.func @shared_producer(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %two = arith.constant 2.0 : f32
  %tokens = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%tokens) : tensor<?x8xf32>
  %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.mulf %in, %two : f32
    linalg.yield %m : f32
  } -> tensor<?x8xf32>
  %b = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%a : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.addf %in, %two : f32
    linalg.yield %m : f32
  } -> tensor<?x8xf32>
  return %a, %b : tensor<?x8xf32>, tensor<?x8xf32>
}

// A chain of row operations that nothing else uses is one loop: here the sum of a row, then its elements divided by it.
// CHECK-LABEL: func.func @chain(
// CHECK:           scf.forall
// CHECK:             linalg.fill {{.*}} outs(%{{.*}} : tensor<1xf32>)
// CHECK:             arith.addf
// CHECK:             arith.divf
// CHECK-NOT:       scf.forall (
// CHECK:           return
func.func @chain(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %tokens = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%tokens) : tensor<?x8xf32>
  %v = tensor.empty(%tokens) : tensor<?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%v : tensor<?xf32>) -> tensor<?xf32>
  %s = linalg.generic {indexing_maps = [#all, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x8xf32>) outs(%f : tensor<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.addf %in, %out : f32
    linalg.yield %m : f32
  } -> tensor<?xf32>
  %a = linalg.generic {indexing_maps = [#all, affine_map<(d0, d1) -> (d0)>, #all], iterator_types = ["parallel", "parallel"]} ins(%x, %s : tensor<?x8xf32>, tensor<?xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %sum: f32, %out: f32):
    %m = arith.divf %in, %sum : f32
    linalg.yield %m : f32
  } -> tensor<?x8xf32>
  return %a : tensor<?x8xf32>
}

// So is one whose sum is used by what follows it and by what follows that.
// CHECK-LABEL: func.func @used_twice_in_a_chain(
// CHECK:           scf.forall
// CHECK:             arith.addf
// CHECK:             arith.subf
// CHECK:             arith.mulf
// CHECK-NOT:       scf.forall (
// CHECK:           return
func.func @used_twice_in_a_chain(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %tokens = tensor.dim %x, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%tokens) : tensor<?x8xf32>
  %v = tensor.empty(%tokens) : tensor<?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%v : tensor<?xf32>) -> tensor<?xf32>
  %s = linalg.generic {indexing_maps = [#all, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x8xf32>) outs(%f : tensor<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.addf %in, %out : f32
    linalg.yield %m : f32
  } -> tensor<?xf32>
  %d = linalg.generic {indexing_maps = [#all, affine_map<(d0, d1) -> (d0)>, #all], iterator_types = ["parallel", "parallel"]} ins(%x, %s : tensor<?x8xf32>, tensor<?xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %sum: f32, %out: f32):
    %m = arith.subf %in, %sum : f32
    linalg.yield %m : f32
  } -> tensor<?x8xf32>
  %a = linalg.generic {indexing_maps = [#all, affine_map<(d0, d1) -> (d0)>, #all], iterator_types = ["parallel", "parallel"]} ins(%d, %s : tensor<?x8xf32>, tensor<?xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %sum: f32, %out: f32):
    %m = arith.mulf %in, %sum : f32
    linalg.yield %m : f32
  } -> tensor<?x8xf32>
  return %a : tensor<?x8xf32>
}

// Each token reads a row of the table, whichever it needs.
// CHECK-LABEL: func.func @embed(
// CHECK-SAME:      %[[IDS:.*]]: tensor<?xi32>, %[[TABLE:.*]]: memref<2x512xi8>)
// CHECK:           scf.forall (%[[T:.*]]) in (%{{.*}})
// CHECK-DAG:         %[[ID:.*]] = tensor.extract_slice %[[IDS]][%[[T]]] [1]
// CHECK:             kernel.embed ins(%[[ID]] : tensor<1xi32>) table(%[[TABLE]] : memref<2x512xi8>) outs(%{{.*}} : tensor<1x8xf32>)
// CHECK:             tensor.parallel_insert_slice
func.func @embed(%ids: tensor<?xi32>, %t: memref<2x512xi8>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %tokens = tensor.dim %ids, %c0 : tensor<?xi32>
  %e = tensor.empty(%tokens) : tensor<?x8xf32>
  %r = kernel.embed ins(%ids : tensor<?xi32>) table(%t : memref<2x512xi8>) outs(%e : tensor<?x8xf32>) format(<codes = f32>) -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}

// Rows of the cache belong to one token each: they are written by blocks of tokens.
// CHECK-LABEL: func.func @cache_update(
// CHECK-SAME:      %[[K:[a-z0-9]*]]: tensor<?x3x8xf32>, %[[V:[a-z0-9]*]]: tensor<?x3x8xf32>, %[[B:[a-z0-9]*]]: tensor<?x3xi32>, %[[KEYS:[a-z0-9]*]]: memref<?x3x8x16xf32>,
// CHECK:           %[[TOKENS:.*]] = tensor.dim %[[K]]
// CHECK:           scf.forall (%[[T:.*]]) = (0) to (%[[TOKENS]]) step (16) {
// CHECK:             %[[COUNT:.*]] = affine.min #{{.*}}(%[[T]])[%[[TOKENS]]]
// CHECK-DAG:         %[[KT:.*]] = tensor.extract_slice %[[K]][%[[T]], 0, 0] [%[[COUNT]], 3, 8]
// CHECK-DAG:         %[[VT:.*]] = tensor.extract_slice %[[V]][%[[T]], 0, 0] [%[[COUNT]], 3, 8]
// CHECK-DAG:         %[[BT:.*]] = tensor.extract_slice %[[B]][%[[T]], 0] [%[[COUNT]], 3]
// CHECK:             kernel.cache_update %[[KT]], %[[VT]], %[[BT]] into %[[KEYS]]
// SMALL-LABEL: func.func @cache_update(
// SMALL:           step (4)
func.func @cache_update(%k: tensor<?x3x8xf32>, %v: tensor<?x3x8xf32>, %batch: tensor<?x3xi32>, %K: memref<?x3x8x16xf32>, %V: memref<?x3x8xf32>) {
  kernel.cache_update %k, %v, %batch into %K, %V : tensor<?x3x8xf32>, tensor<?x3x8xf32>, tensor<?x3xi32>, memref<?x3x8x16xf32>, memref<?x3x8xf32>
  return
}

// A static first dimension is no dimension of tokens.
// CHECK-LABEL: func.func @static_rows(
// CHECK-NOT:       scf.forall (
// CHECK:           return
func.func @static_rows(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %m = arith.mulf %in, %in : f32
    linalg.yield %m : f32
  } -> tensor<4x8xf32>
  return %a : tensor<4x8xf32>
}

// What runs in a loop already stays there.
// CHECK-LABEL: func.func @inside_a_loop(
// CHECK-NOT:       scf.forall
// CHECK:           return
func.func @inside_a_loop(%x: tensor<?x8xf32>, %n: index) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = scf.for %i = %c0 to %n step %c1 iter_args(%t = %x) -> tensor<?x8xf32> {
    %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel"]} ins(%t : tensor<?x8xf32>) outs(%t : tensor<?x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      %m = arith.mulf %in, %in : f32
      linalg.yield %m : f32
    } -> tensor<?x8xf32>
    scf.yield %a : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}
