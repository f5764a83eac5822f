// RUN: attune-opt %s --split-input-file --allow-unregistered-dialect --verify-diagnostics --kernel-plan-workspace

// Who knows how many rows these are: a place of the size of the tokens may be too small.
func.func @number(%batch: memref<?x3xi32> {transformer.name = "batch"}, %rows: index) {
  // expected-error@+1 {{has a size that is no known multiple of the number of tokens}}
  %a = memref.alloc(%rows) : memref<?x8xf32>
  "use"(%a) : (memref<?x8xf32>) -> ()
  return
}

// -----

func.func @square(%batch: memref<?x3xi32> {transformer.name = "batch"}) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %batch, %c0 : memref<?x3xi32>
  %square = arith.muli %tokens, %tokens : index
  // expected-error@+1 {{has a size that is no known multiple of the number of tokens}}
  %a = memref.alloc(%square) : memref<?x8xf32>
  "use"(%a) : (memref<?x8xf32>) -> ()
  return
}

// -----

func.func @more(%batch: memref<?x3xi32> {transformer.name = "batch"}) {
  %c0 = arith.constant 0 : index
  %tokens = memref.dim %batch, %c0 : memref<?x3xi32>
  %more = affine.apply affine_map<()[s0] -> (s0 + 100)>()[%tokens]
  // expected-error@+1 {{has a size that is no known multiple of the number of tokens}}
  %a = memref.alloc(%more) : memref<?x8xf32>
  "use"(%a) : (memref<?x8xf32>) -> ()
  return
}
