// RUN: attune-opt %s --kernel-math-to-polynomials | FileCheck %s

// CHECK-LABEL: func.func @polynomials(
// CHECK-NOT:     math.{{(exp|tanh|erf|log) }}
// CHECK:         math.fma %{{.*}} : vector<8xf32>
// CHECK-NOT:     math.{{(exp|tanh|erf|log) }}
// CHECK:         return
func.func @polynomials(%x: vector<8xf32>) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
  %e = math.exp %x : vector<8xf32>
  %t = math.tanh %x : vector<8xf32>
  %f = math.erf %x : vector<8xf32>
  %l = math.log %x : vector<8xf32>
  return %e, %t, %f, %l : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
}

// CHECK-LABEL: func.func @scalar(
// CHECK-NOT:     math.exp
// CHECK:         math.fma %{{.*}} : f32
// CHECK-NOT:     math.exp
// CHECK:         return
func.func @scalar(%x: f32) -> f32 {
  %e = math.exp %x : f32
  return %e : f32
}

// Sine and cosine stay calls of the mathematical library; square roots are instructions.
// CHECK-LABEL: func.func @kept(
// CHECK-DAG:     math.sin
// CHECK-DAG:     math.cos
// CHECK-DAG:     math.rsqrt
func.func @kept(%x: vector<8xf32>) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>) {
  %s = math.sin %x : vector<8xf32>
  %c = math.cos %x : vector<8xf32>
  %r = math.rsqrt %x : vector<8xf32>
  return %s, %c, %r : vector<8xf32>, vector<8xf32>, vector<8xf32>
}
