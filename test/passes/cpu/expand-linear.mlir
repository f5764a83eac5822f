// RUN: attune-opt %s --split-input-file --kernel-expand-linear=cpu=x86-64-v3 | FileCheck %s
// RUN: attune-opt %s --split-input-file --kernel-expand-linear=cpu=x86-64-v4 | FileCheck %s --check-prefix=WIDE
// RUN: attune-opt %s --split-input-file --kernel-expand-linear=cpu=neoverse-n1 | FileCheck %s --check-prefix=DOT
// RUN: attune-opt %s --split-input-file --kernel-expand-linear=cpu=cortex-a72 | FileCheck %s --check-prefix=ARM
// RUN: attune-opt %s --split-input-file --kernel-expand-linear=cpu=icelake-server | FileCheck %s --check-prefix=VNNI

// One row has a loop over panels, several rows register tiles of 6 x 16, which fetch the next panel meanwhile; the bias is added before the store.
// CHECK-LABEL: func.func @dense
// CHECK: scf.if
// CHECK: scf.for {{.*}} iter_args
// CHECK: memref.prefetch %{{.*}}, read, locality<3>, data
// CHECK: vector.fma %{{.*}} : vector<8xf32>
// CHECK: arith.addf %{{.*}} : vector<8xf32>
// CHECK: vector.store
// CHECK: } else {
// CHECK: scf.for {{.*}} -> ({{(vector<8xf32>, ){11}vector<8xf32>}})
// CHECK: %[[NEXT:.*]] = arith.addi %{{.*}}, %c1{{.*}} : index
// CHECK: memref.prefetch %{{.*}}[%[[NEXT]], %{{.*}}], read, locality<2>, data
// CHECK-NOT: kernel.linear
// With wide vectors two panels share a tile of 12 rows. With 32 narrow registers a panel has 6.
// ARM-LABEL: func.func @dense
// ARM: vector.fma %{{.*}} : vector<4xf32>
// ARM: } else {
// ARM: scf.for {{.*}} -> ({{(vector<4xf32>, ){23}vector<4xf32>}})
// WIDE-LABEL: func.func @dense
// WIDE: vector.fma %{{.*}} : vector<16xf32>
// WIDE: } else {
// WIDE: scf.for {{.*}} -> ({{(vector<16xf32>, ){23}vector<16xf32>}})
func.func @dense(%x: memref<?x64xf32>, %w: memref<2x4096xi8>, %b: memref<32xf32>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x64xf32>) weights(%w : memref<2x4096xi8>) extras(%b : memref<32xf32>) outs(%y : memref<?x32xf32>)
      format(<codes = f32>) columns(64) {
  ^bb0(%p: f32, %e: f32):
    %s = arith.addf %p, %e : f32
    kernel.yield %s : f32
  }
  return
}

// -----

// Integer products: 8 unsigned times signed products to a block and half panel, one widening for them all, since they fit 16 bits.
// CHECK-LABEL: func.func @nibbles
// CHECK-COUNT-16: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// CHECK-NOT: pmadd.ub.sw
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
// CHECK: arith.sitofp %{{.*}} : vector<8xi32> to vector<8xf32>
// Arm's instruction sums four products in 32 bits: 8 to a block and quarter of a panel. It takes activations from a lane of a vector.
// Without it, arithmetic in 16 bits.
// DOT-LABEL: func.func @nibbles
// DOT: %[[FOUR:.*]] = vector.extract %{{.*}}[0] : i32 from vector<4xi32>
// DOT: vector.broadcast %[[FOUR]] : i32 to vector<4xi32>
// DOT-COUNT-32: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"
// DOT-NOT: sdot
// DOT: arith.sitofp %{{.*}} : vector<4xi32> to vector<4xf32>
// ARM-LABEL: func.func @nibbles
// ARM-NOT: llvm.call_intrinsic
// ARM: arith.muli %{{.*}} : vector<8xi16>
func.func @nibbles(%x: memref<1x32xi8>, %s: memref<1x1xf32>, %m: memref<1x2xf32>, %w: memref<1x320xi8>, %y: memref<1x16xf32>) {
  kernel.linear input(%x : memref<1x32xi8>) quantized(%s, %m : memref<1x1xf32>, memref<1x2xf32>) weights(%w : memref<1x320xi8>)
      outs(%y : memref<1x16xf32>) format(<codes = u4, group = 32, scale = f16, min = true>) columns(32) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// Where an instruction multiplies unsigned bytes, 48 rows and more have the codes of a pair of panels unpacked first: a byte each, and f32 scales and minima.
// The loop over tiles of six rows then has nothing to unpack. Blocks are scaled by the weights' scales, two of them together by the activations'.
// VNNI-LABEL: func.func @unpacked
// VNNI: %[[BYTES:.*]] = memref.alloca() {{.*}}: memref<2x2560xi8>
// VNNI: arith.cmpi uge, %{{.*}}, %c48
// VNNI: scf.if
// VNNI: arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
// VNNI: vector.store %{{.*}}, %[[BYTES]]
// VNNI: scf.for %{{.*}} step %c6
// VNNI: scf.for {{.*}} -> ({{(vector<16xf32>, ){11}vector<16xf32>}})
// VNNI: scf.for {{.*}} -> ({{(vector<16xf32>, ){11}vector<16xf32>}})
// VNNI-NOT: arith.extf
// VNNI-NOT: arith.andi
// VNNI-COUNT-96: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// VNNI-NOT: llvm.call_intrinsic
// VNNI: scf.yield
// VNNI: vector.fma
// VNNI: scf.yield
// WIDE-LABEL: func.func @unpacked
// WIDE-NOT: memref.alloca() {{.*}}xi8>
// Few rows are multiplied as they are stored.
// VNNI-LABEL: func.func @few
// VNNI-NOT: arith.cmpi uge
// VNNI: arith.andi
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
func.func @unpacked(%x: memref<?x128xi8>, %s: memref<?x2xf32>, %m: memref<?x4xf32>, %w: memref<2x1280xi8>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x128xi8>) quantized(%s, %m : memref<?x2xf32>, memref<?x4xf32>) weights(%w : memref<2x1280xi8>)
      outs(%y : memref<?x32xf32>) format(<codes = u4, group = 32, scale = f16, min = true>) columns(128) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}
func.func @few(%x: memref<6x128xi8>, %s: memref<6x2xf32>, %m: memref<6x4xf32>, %w: memref<2x1280xi8>, %y: memref<6x32xf32>) {
  kernel.linear input(%x : memref<6x128xi8>) quantized(%s, %m : memref<6x2xf32>, memref<6x4xf32>) weights(%w : memref<2x1280xi8>)
      outs(%y : memref<6x32xf32>) format(<codes = u4, group = 32, scale = f16, min = true>) columns(128) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// With one scale for each row of activations weights are rounded to bytes with one scale for each of their rows, which the largest weight gives: products of all columns are integers,
// which begin with what 128, the bytes' zero, makes of the activations.
// VNNI-LABEL: func.func @rounded
// VNNI: memref.alloca() {{.*}}: memref<2x1088xi8>
// VNNI: arith.cmpi uge, %{{.*}}, %c48
// VNNI: math.absf
// VNNI: arith.divf %{{.*}} : vector<16xf32>
// VNNI: arith.muli %{{.*}} : vector<32xi16>
// VNNI: scf.for %{{.*}} step %c6
// VNNI: arith.fptosi %{{.*}} : vector<16xf32> to vector<16xi32>
// VNNI: scf.for {{.*}} -> ({{(vector<16xi32>, ){11}vector<16xi32>}})
// VNNI-NOT: arith.sitofp
// VNNI: scf.yield
// VNNI: arith.sitofp
func.func @rounded(%x: memref<?x64xi8>, %s: memref<?x1xf32>, %m: memref<?x3xf32>, %w: memref<2x640xi8>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x64xi8>) quantized(%s, %m : memref<?x1xf32>, memref<?x3xf32>) weights(%w : memref<2x640xi8>)
      outs(%y : memref<?x32xf32>) format(<codes = u4, group = 32, scale = f16, min = true>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// Columns in which many rows have outliers are found once for all panels, and made f32 once for each panel, with the weights as they are stored.
// VNNI-LABEL: func.func @outliers
// VNNI-DAG: %[[SLOTS:.*]] = memref.alloca() {{.*}}: memref<128xi32>
// VNNI-DAG: %[[WEIGHTS:.*]] = memref.alloca() {{.*}}: memref<128x32xf32>
// VNNI: arith.cmpi uge, %{{.*}}, %c48
// VNNI: memref.store %{{.*}}, %[[SLOTS]]
// VNNI: scf.for %{{.*}} step %c6
// VNNI: arith.extf %{{.*}} : vector<16xf16> to vector<16xf32>
// VNNI: vector.store %{{.*}}, %[[WEIGHTS]]
// VNNI: vector.load %[[WEIGHTS]]
func.func @outliers(%x: memref<?x128xi8>, %s: memref<?x2xf32>, %m: memref<?x4xf32>, %o: memref<?x8xf32>, %w: memref<2x2176xi8>, %y: memref<?x32xf32>) {
  kernel.linear input(%x : memref<?x128xi8>) quantized(%s, %m : memref<?x2xf32>, memref<?x4xf32>) outliers(%o : memref<?x8xf32>) weights(%w : memref<2x2176xi8>)
      outs(%y : memref<?x32xf32>) format(<codes = i8, group = 32, scale = f16>) columns(128) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// A scale for each row of activations is no part of the loop over blocks, only of what is stored; the products of a block begin with what the zero point makes of them.
// VNNI-LABEL: func.func @rows
// VNNI: %[[FIRST:.*]] = arith.fptosi %{{.*}} : vector<16xf32> to vector<16xi32>
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%[[FIRST]],
// VNNI-NOT: arith.mulf
// VNNI: vector.fma
// VNNI: scf.yield
// VNNI: arith.mulf
func.func @rows(%x: memref<1x64xi8>, %s: memref<1x1xf32>, %m: memref<1x3xf32>, %w: memref<1x1088xi8>, %y: memref<1x16xf32>) {
  kernel.linear input(%x : memref<1x64xi8>) quantized(%s, %m : memref<1x1xf32>, memref<1x3xf32>) weights(%w : memref<1x1088xi8>)
      outs(%y : memref<1x16xf32>) format(<codes = i8, group = 32, scale = f16>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// Weights with one scale for a row: integers are summed over all blocks, and nothing is unpacked where an instruction takes unsigned bytes; elsewhere they get a sign.
// VNNI-LABEL: func.func @integers
// VNNI-NOT: memref.alloca() {{.*}}xi8>
// VNNI-NOT: arith.xori
// VNNI: scf.for {{.*}} -> ({{(vector<16xi32>, ){11}vector<16xi32>}})
// VNNI-NOT: arith.sitofp
// VNNI: scf.yield
// VNNI: arith.sitofp
// CHECK-LABEL: func.func @integers
// CHECK: arith.xori %{{.*}} : vector<32xi8>
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
func.func @integers(%x: memref<64x64xi8>, %s: memref<64x1xf32>, %m: memref<64x1xf32>, %w: memref<2x1088xi8>, %y: memref<64x32xf32>) {
  kernel.linear input(%x : memref<64x64xi8>) quantized(%s, %m : memref<64x1xf32>, memref<64x1xf32>) weights(%w : memref<2x1088xi8>)
      outs(%y : memref<64x32xf32>) format(<codes = u8, scale = f32, zero = 128>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// Three panels: a pair, and one that is left over and has tiles of its own. A single panel has no pairs.
// WIDE-LABEL: func.func @odd
// WIDE: scf.for {{.*}} -> ({{(vector<16xf32>, ){23}vector<16xf32>}})
// WIDE: scf.for {{.*}} -> ({{(vector<16xf32>, ){11}vector<16xf32>}})
// WIDE-LABEL: func.func @single
// WIDE-NOT: scf.for {{.*}} -> ({{(vector<16xf32>, ){23}vector<16xf32>}})
// WIDE: scf.for {{.*}} -> ({{(vector<16xf32>, ){11}vector<16xf32>}})
// WIDE: return
func.func @odd(%x: memref<64x64xf32>, %w: memref<3x4096xi8>, %y: memref<64x48xf32>) {
  kernel.linear input(%x : memref<64x64xf32>) weights(%w : memref<3x4096xi8>) outs(%y : memref<64x48xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}
func.func @single(%x: memref<64x64xf32>, %w: memref<1x4096xi8>, %y: memref<64x16xf32>) {
  kernel.linear input(%x : memref<64x64xf32>) weights(%w : memref<1x4096xi8>) outs(%y : memref<64x16xf32>) format(<codes = f32>) columns(64) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  }
  return
}

// -----

// A number of outputs that is no multiple of 16 has a masked tail.
// CHECK-LABEL: func.func @tail
// CHECK: vector.create_mask
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
func.func @tail(%x: memref<1x8xf32>, %w: memref<2x512xi8>, %r: memref<1x20xf32>, %y: memref<1x20xf32>) {
  kernel.linear input(%x : memref<1x8xf32>) weights(%w : memref<2x512xi8>) extras(%r : memref<1x20xf32>) outs(%y : memref<1x20xf32>)
      format(<codes = f32>) columns(8) {
  ^bb0(%p: f32, %e: f32):
    %s = arith.addf %p, %e : f32
    kernel.yield %s : f32
  }
  return
}

// -----

// Operations on tensors are left alone.
// CHECK-LABEL: func.func @tensors
// CHECK: kernel.linear
// CHECK-NOT: scf.for
func.func @tensors(%x: tensor<?x8xf32>, %w: memref<1x512xi8>, %y: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %r = kernel.linear input(%x : tensor<?x8xf32>) weights(%w : memref<1x512xi8>) outs(%y : tensor<?x16xf32>) format(<codes = f32>) columns(8) {
  ^bb0(%p: f32):
    kernel.yield %p : f32
  } -> tensor<?x16xf32>
  return %r : tensor<?x16xf32>
}

// -----

// Sums that tiles leave for the epilogue lie where the function begins, not in the loops around the product: what is taken from the
// stack in a loop would be taken by each iteration.
// CHECK-LABEL: func.func @in_loops
// CHECK: memref.alloca() {{.*}} : memref<192x16xf32>
// CHECK: scf.for
// CHECK: scf.for
// CHECK-NOT: memref.alloca
// CHECK: return
func.func @in_loops(%x: memref<?x4xf32>, %w: memref<2x256xi8>, %y: memref<?x32xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    scf.for %j = %c0 to %n step %c1 {
      kernel.linear input(%x : memref<?x4xf32>) weights(%w : memref<2x256xi8>) outs(%y : memref<?x32xf32>) format(<codes = f32>) columns(4) {
      ^bb0(%p: f32):
        kernel.yield %p : f32
      }
    }
  }
  return
}
