// RUN: attune-opt %s --split-input-file --transformer-assign-layout | FileCheck %s

// Parameters of the same layers form one record per layer, so all of them have the record's size as stride; a vector has no format.
// 32 x 64 in Q4_1 is 1280 bytes: two panels of two blocks, each of 16 x (16 bytes of codes, a scale, a minimum). 3584 = 512 + 2 x 1536.
// CHECK:      module attributes {kernel.weight_bytes = 3584 : i64}
// CHECK-DAG:  @table : {{.*}} {kernel.format = #kernel.packed<codes = f32>, offset = 0 : i64, stride = 512 : i64}
// CHECK-DAG:  @norm : {{.*}} {offset = 512 : i64, stride = 1536 : i64}
// CHECK-DAG:  @q : {{.*}} {kernel.format = #kernel.packed<codes = u4, group = 32, scale = f16, min = true>, offset = 768 : i64, stride = 1536 : i64}
transformer.parameter @table : tensor<10x8xf32> source "table"
transformer.parameter @norm : tensor<64xf32> source "blk.{}.norm" layers [0, 1]
transformer.parameter @q : tensor<32x64xf32, #transformer.stored<q4_1>> source "blk.{}.q" layers [0, 1]

// -----

// Every parameter begins at a cache line, though four bytes lie before the second.
// CHECK:      module attributes {kernel.weight_bytes = 128 : i64}
// CHECK-DAG:  @a : {{.*}} {offset = 0 : i64,
// CHECK-DAG:  @b : {{.*}} {offset = 64 : i64,
transformer.parameter @a : tensor<1xf32> source "a"
transformer.parameter @b : tensor<1xf32> source "b"

// -----

// Each storage type has a packed form.
// CHECK-DAG:  @f16 : {{.*}}#kernel.packed<codes = f16>
// CHECK-DAG:  @bf16 : {{.*}}#kernel.packed<codes = bf16>
// CHECK-DAG:  @q4_0 : {{.*}}#kernel.packed<codes = u4, group = 32, scale = f16, zero = 8>
// CHECK-DAG:  @q5_0 : {{.*}}#kernel.packed<codes = i8, group = 32, scale = f16>
// CHECK-DAG:  @q5_1 : {{.*}}#kernel.packed<codes = i8, group = 32, scale = f16, min = true>
// CHECK-DAG:  @q8_0 : {{.*}}#kernel.packed<codes = i8, group = 32, scale = f16>
// CHECK-DAG:  @q2_k : {{.*}}#kernel.packed<codes = u4, group = 16, scale = f32, min = true>
// CHECK-DAG:  @q3_k : {{.*}}#kernel.packed<codes = i8, group = 16, scale = f32>
// CHECK-DAG:  @q4_k : {{.*}}#kernel.packed<codes = u4, group = 32, scale = f32, min = true>
// CHECK-DAG:  @q5_k : {{.*}}#kernel.packed<codes = i8, group = 32, scale = f32, min = true>
// CHECK-DAG:  @q6_k : {{.*}}#kernel.packed<codes = i8, group = 16, scale = f32>
// CHECK-DAG:  @iq4_nl : {{.*}}#kernel.packed<codes = i8, group = 32, scale = f16>
// CHECK-DAG:  @mxfp4 : {{.*}}#kernel.packed<codes = i8, group = 32, scale = f32>
transformer.parameter @f16 : tensor<16x256xf32, #transformer.stored<f16>> source "a"
transformer.parameter @bf16 : tensor<16x256xf32, #transformer.stored<bf16>> source "b"
transformer.parameter @q4_0 : tensor<16x256xf32, #transformer.stored<q4_0>> source "c"
transformer.parameter @q5_0 : tensor<16x256xf32, #transformer.stored<q5_0>> source "d"
transformer.parameter @q5_1 : tensor<16x256xf32, #transformer.stored<q5_1>> source "e"
transformer.parameter @q8_0 : tensor<16x256xf32, #transformer.stored<q8_0>> source "f"
transformer.parameter @q2_k : tensor<16x256xf32, #transformer.stored<q2_k>> source "g"
transformer.parameter @q3_k : tensor<16x256xf32, #transformer.stored<q3_k>> source "h"
transformer.parameter @q4_k : tensor<16x256xf32, #transformer.stored<q4_k>> source "i"
transformer.parameter @q5_k : tensor<16x256xf32, #transformer.stored<q5_k>> source "j"
transformer.parameter @q6_k : tensor<16x256xf32, #transformer.stored<q6_k>> source "k"
transformer.parameter @iq4_nl : tensor<16x256xf32, #transformer.stored<iq4_nl>> source "l"
transformer.parameter @mxfp4 : tensor<16x256xf32, #transformer.stored<mxfp4>> source "m"

// -----

// The weights of a split follow one another, in its order, whatever stood between them.
// CHECK-DAG:  @k : {{.*}} {kernel.format = {{.*}}, offset = 0 : i64
// CHECK-DAG:  @q : {{.*}} {kernel.format = {{.*}}, offset = 512 : i64
// CHECK-DAG:  @other : {{.*}} {offset = 1024 : i64
transformer.parameter @k : tensor<16x8xf32> source "k"
transformer.parameter @other : tensor<16xf32> source "other"
transformer.parameter @q : tensor<16x8xf32> source "q"
func.func @split(%x: tensor<?x8xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %k = transformer.weight @k : tensor<16x8xf32>
  %q = transformer.weight @q : tensor<16x8xf32>
  %0, %1 = transformer.linear_split %x weights(%k, %q) : (tensor<?x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>)
  return %0, %1 : tensor<?x16xf32>, tensor<?x16xf32>
}

// -----

// Without parameters there are no weights.
// CHECK: module attributes {kernel.weight_bytes = 0 : i64}
func.func @nothing() { return }
