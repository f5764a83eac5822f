// RUN: attune-opt %s --kernel-map-to-gpu=matrix-type=bf16 | FileCheck %s
// RUN: attune-opt %s --kernel-map-to-gpu | FileCheck %s --check-prefix=F32

// Few tokens as ever; many in tiles: 64 rows, of the three heads that share a key head, meet 64 keys at once. Keys and values in f32 are rounded on
// the way, eight columns are filled up to sixteen with zeros.
// CHECK-LABEL: func.func @rounded(
// CHECK:         gpu.launch {{.*}} function(@rounded_attention_0)
// CHECK-NOT:       nvvm
// CHECK:         gpu.launch {{.*}} threads({{.*}}) in (%{{.*}} = %c128{{.*}}) module(@device) function(@rounded_attention_tiles_1) workgroup(%[[K:.*]] : memref<16x72xbf16, #gpu.address_space<workgroup>>, %[[V:.*]] : memref<64x24xbf16, #gpu.address_space<workgroup>>)
// CHECK-NOT:       nvvm.cp.async.shared.global
// CHECK:           memref.store %{{.*}}, %[[K]]
// CHECK:           scf.while
// CHECK:             gpu.shuffle xor
// CHECK:             scf.for
// CHECK:               nvvm.cp.async.wait.group 0
// CHECK-NEXT:          gpu.barrier
// CHECK:               vector.load %{{.*}} : memref<?x2x8xf32>, vector<8xf32>
// CHECK:               nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>
// CHECK-COUNT-8:       nvvm.mma.sync
// CHECK-NOT:           nvvm.mma.sync
// CHECK:               vector.store %{{.*}}, %[[V]]
// CHECK-COUNT-2:       gpu.shuffle xor
// CHECK:               llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz"
// CHECK:               nvvm.cp.async.wait.group 0
// CHECK-NEXT:          gpu.barrier
// CHECK:               vector.load %{{.*}} : memref<?x2x8x16xf32>, vector<8xf32>
// CHECK:               arith.truncf %{{.*}} : vector<2xf32> to vector<2xbf16>
// CHECK-COUNT-8:       nvvm.mma.sync
// CHECK-NOT:           nvvm.mma.sync
// CHECK:               vector.store %{{.*}}, %[[K]]
// CHECK:               scf.yield
// CHECK:           memref.store %{{.*}} : memref<?x6x8xf32>

// What units of matrices do is asked for.
// F32-NOT: attention_tiles
func.func @rounded(%q: memref<?x6x8xf32>, %batch: memref<?x3xi32>, %k: memref<?x2x8x16xf32>, %v: memref<?x2x8xf32>, %o: memref<?x6x8xf32>) {
  kernel.attention ins(%q, %batch : memref<?x6x8xf32>, memref<?x3xi32>) cache(%k, %v : memref<?x2x8x16xf32>, memref<?x2x8xf32>) outs(%o : memref<?x6x8xf32>) {mask = #transformer.mask<causal = true>, scale = 0.5 : f64}
  return
}

// A cache of the type is copied; few tokens go by slices of the keys. Heads of 160 are summed in two parts, of a block each.
// CHECK-LABEL: func.func @copied(
// CHECK:         gpu.launch {{.*}} function(@copied_attention_slice_2)
// CHECK:         gpu.launch {{.*}} function(@copied_attention_combine_3)
// CHECK:         gpu.launch blocks(%{{.*}}, %{{.*}}, %{{.*}}) in (%{{.*}} = %{{.*}}, %{{.*}} = %c2{{[_0-9]*}}, %{{.*}} = %c2{{[_0-9]*}}) {{.*}} function(@copied_attention_tiles_4) workgroup(%[[K:.*]] : memref<160x72xbf16, #gpu.address_space<workgroup>>, %[[V:.*]] : memref<64x88xbf16, #gpu.address_space<workgroup>>)
// CHECK-NOT:       vector.load
// CHECK:           nvvm.cp.async.shared.global
// CHECK:           nvvm.mma.sync
func.func @copied(%q: memref<?x6x160xf32>, %batch: memref<?x3xi32>, %k: memref<?x2x160x16xbf16>, %v: memref<?x2x160xbf16>, %p: memref<4x6x16x162xf32>, %o: memref<?x6x160xf32>) {
  kernel.attention ins(%q, %batch : memref<?x6x160xf32>, memref<?x3xi32>) cache(%k, %v : memref<?x2x160x16xbf16>, memref<?x2x160xbf16>) partials(%p : memref<4x6x16x162xf32>) outs(%o : memref<?x6x160xf32>) {mask = #transformer.mask<causal = true>, scale = 0.5 : f64}
  return
}

// Plain sums of scores, which may nearly cancel, are not rounded.
// CHECK-LABEL: func.func @sums(
// CHECK:         gpu.launch {{.*}} function(@sums_attention_5)
// CHECK-NOT:     gpu.launch
func.func @sums(%q: memref<?x6x8xf32>, %batch: memref<?x3xi32>, %k: memref<?x2x8x16xf32>, %v: memref<?x2x8xf32>, %o: memref<?x6x8xf32>) {
  kernel.attention ins(%q, %batch : memref<?x6x8xf32>, memref<?x3xi32>) cache(%k, %v : memref<?x2x8x16xf32>, memref<?x2x8xf32>) outs(%o : memref<?x6x8xf32>) {mask = #transformer.mask<causal = true>, normalizer = #transformer.normalizer<sum>, scale = 0.5 : f64}
  return
}

// Heads of 576 columns leave no room for sums.
// CHECK-LABEL: func.func @wide(
// CHECK:         gpu.launch {{.*}} function(@wide_attention_6)
// CHECK-NOT:     gpu.launch
func.func @wide(%q: memref<?x6x576xf32>, %batch: memref<?x3xi32>, %k: memref<?x1x576x16xf32>, %v: memref<?x1x512xf32>, %o: memref<?x6x512xf32>) {
  kernel.attention ins(%q, %batch : memref<?x6x576xf32>, memref<?x3xi32>) cache(%k, %v : memref<?x1x576x16xf32>, memref<?x1x512xf32>) outs(%o : memref<?x6x512xf32>) {mask = #transformer.mask<causal = true>, scale = 0.5 : f64}
  return
}
