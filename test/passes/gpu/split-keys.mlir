// RUN: attune-opt %s --split-input-file --pass-pipeline="builtin.module(func.func(kernel-split-keys))" | FileCheck %s
// RUN: attune-opt %s --split-input-file --pass-pipeline="builtin.module(func.func(kernel-split-keys{tokens=2 slices=3}), kernel-map-to-gpu, canonicalize, cse)" | FileCheck %s --check-prefix=LAUNCH

// CHECK-LABEL: func.func @long(
// CHECK:         %[[PARTS:.*]] = memref.alloc() : memref<4x6x16x10xf32>
// CHECK:         kernel.attention {{.*}} partials(%[[PARTS]] : memref<4x6x16x10xf32>)

// Up to two tokens: a block for each of three slices, then the combination; more: one kernel.
// LAUNCH-LABEL: func.func @long(
// LAUNCH-DAG:     %[[THREE:.*]] = arith.constant 3 : index
// LAUNCH-DAG:     %[[HEADS:.*]] = arith.constant 6 : index
// LAUNCH:         %[[PARTS:.*]] = memref.alloc() : memref<2x6x3x10xf32>
// LAUNCH:         %[[FEW:.*]] = arith.cmpi ule, %[[TOKENS:.*]], %{{.*}} : index
// LAUNCH:         scf.if %[[FEW]]
// LAUNCH:           gpu.launch blocks(%{{.*}}, %{{.*}}, %{{.*}}) in (%{{.*}} = %[[TOKENS]], %{{.*}} = %[[HEADS]], %{{.*}} = %[[THREE]]) {{.*}}attention_slice
// LAUNCH:             memref.store %{{.*}}, %[[PARTS]]
// LAUNCH:           gpu.launch {{.*}}attention_combine
// LAUNCH:             memref.load %[[PARTS]]
// LAUNCH:             memref.store %{{.*}}, %arg4
// LAUNCH:         } else {
// LAUNCH:           gpu.launch blocks({{.*}}) in (%{{.*}} = %[[TOKENS]], %{{.*}} = %[[HEADS]], {{.*}}) {{.*}}_attention_
// LAUNCH-NOT:       %[[PARTS]]
// LAUNCH:         return
func.func @long(%q: memref<?x6x8xf32>, %batch: memref<?x3xi32>, %k: memref<?x3x8x16xf16>, %v: memref<?x3x8xf16>, %o: memref<?x6x8xf32>) {
  kernel.attention ins(%q, %batch : memref<?x6x8xf32>, memref<?x3xi32>) cache(%k, %v : memref<?x3x8x16xf16>, memref<?x3x8xf16>) outs(%o : memref<?x6x8xf32>)
      {mask = #transformer.mask<causal = true>, scale = 0.125 : f64}
  return
}

// -----

// A cache of one tile of keys has nothing to be split.
// CHECK-LABEL: func.func @short(
// CHECK-NOT:     partials
// LAUNCH-LABEL: func.func @short(
// LAUNCH-NOT:     scf.if
// LAUNCH:         gpu.launch {{.*}}_attention_
func.func @short(%q: memref<?x6x8xf32>, %batch: memref<?x3xi32>, %k: memref<8x3x8x16xf16>, %v: memref<128x3x8xf16>, %o: memref<?x6x8xf32>) {
  kernel.attention ins(%q, %batch : memref<?x6x8xf32>, memref<?x3xi32>) cache(%k, %v : memref<8x3x8x16xf16>, memref<128x3x8xf16>) outs(%o : memref<?x6x8xf32>)
      {mask = #transformer.mask<causal = true>, scale = 0.125 : f64}
  return
}

// -----

// Within a loop there is no place for the memory.
// CHECK-LABEL: func.func @inside(
// CHECK-NOT:     partials
func.func @inside(%n: index, %q: memref<?x6x8xf32>, %batch: memref<?x3xi32>, %k: memref<?x3x8x16xf16>, %v: memref<?x3x8xf16>, %o: memref<?x6x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    kernel.attention ins(%q, %batch : memref<?x6x8xf32>, memref<?x3xi32>) cache(%k, %v : memref<?x3x8x16xf16>, memref<?x3x8xf16>) outs(%o : memref<?x6x8xf32>)
        {mask = #transformer.mask<causal = true>, scale = 0.125 : f64}
  }
  return
}
