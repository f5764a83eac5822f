// RUN: attune-opt %s --kernel-device-math | FileCheck %s

// CHECK-LABEL: func.func @sine(
// CHECK:         arith.extf %{{.*}} : f32 to f64
// CHECK:         llvm.call_intrinsic "llvm.floor.f64"
// CHECK-NOT:     math.sin
// CHECK:         arith.truncf %{{.*}} : f64 to f32
func.func @sine(%x: f32) -> f32 {
  %y = math.sin %x : f32
  return %y : f32
}

// CHECK-LABEL: func.func @root(
// CHECK:         %[[ROOT:.*]] = llvm.call_intrinsic "llvm.sqrt.f32"
// CHECK:         arith.divf %{{.*}}, %[[ROOT]]
func.func @root(%x: f32) -> f32 {
  %y = math.rsqrt %x : f32
  return %y : f32
}

// Vectors and other functions stay.
// CHECK-LABEL: func.func @others(
// CHECK:         math.cos %{{.*}} : vector<4xf32>
// CHECK:         math.exp
func.func @others(%v: vector<4xf32>, %x: f32) -> (vector<4xf32>, f32) {
  %y = math.cos %v : vector<4xf32>
  %z = math.exp %x : f32
  return %y, %z : vector<4xf32>, f32
}
