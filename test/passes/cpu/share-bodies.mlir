// RUN: attune-opt %s --kernel-share-bodies | FileCheck %s

// CHECK-LABEL: func.func @step(
// CHECK:         kernel.launch @first count(%{{.*}}) args(%{{.*}}, %{{.*}} : memref<?xf32>, f32) {work = "a"}
// CHECK:         kernel.launch @first count(%{{.*}}) args(%{{.*}}, %{{.*}} : memref<?xf32>, f32) {work = "b"}
// CHECK:         kernel.launch @subtracts
// CHECK:         kernel.launch @other_constant
// CHECK:         kernel.launch @other_order
// CHECK:         kernel.launch @other_type
// CHECK:         kernel.launch @hinted
// CHECK:         kernel.launch @called
// CHECK:         call @called
// CHECK:         kernel.launch @public
func.func @step(%n: index, %m: memref<?xf32>, %x: f32, %h: memref<?xf16>) {
  kernel.launch @first count(%n) args(%m, %x : memref<?xf32>, f32) {work = "a"}
  kernel.launch @equal count(%n) args(%m, %x : memref<?xf32>, f32) {work = "b"}
  kernel.launch @subtracts count(%n) args(%m, %x : memref<?xf32>, f32)
  kernel.launch @other_constant count(%n) args(%m, %x : memref<?xf32>, f32)
  kernel.launch @other_order count(%n) args(%m, %x : memref<?xf32>, f32)
  kernel.launch @other_type count(%n) args(%h, %x : memref<?xf16>, f32)
  kernel.launch @hinted count(%n) args(%m, %x : memref<?xf32>, f32)
  kernel.launch @called count(%n) args(%m, %x : memref<?xf32>, f32)
  func.call @called(%n, %n, %m, %x) : (index, index, memref<?xf32>, f32) -> ()
  kernel.launch @public count(%n) args(%m, %x : memref<?xf32>, f32)
  return
}

// CHECK:     func.func private @first(
// CHECK-NOT: func.func private @equal(
func.func private @first(%begin: index, %end: index, %m: memref<?xf32>, %x: f32) {
  %c1 = arith.constant 1 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf32>
    %z = arith.addf %y, %x : f32
    memref.store %z, %m[%i] : memref<?xf32>
  }
  return
}

func.func private @equal(%begin: index, %end: index, %m: memref<?xf32>, %x: f32) {
  %c1 = arith.constant 1 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf32>
    %z = arith.addf %y, %x : f32
    memref.store %z, %m[%i] : memref<?xf32>
  }
  return
}

// What differs in an operation, a constant, operands, a type or an attribute stays.
// CHECK: func.func private @subtracts(
func.func private @subtracts(%begin: index, %end: index, %m: memref<?xf32>, %x: f32) {
  %c1 = arith.constant 1 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf32>
    %z = arith.subf %y, %x : f32
    memref.store %z, %m[%i] : memref<?xf32>
  }
  return
}

// CHECK: func.func private @other_constant(
func.func private @other_constant(%begin: index, %end: index, %m: memref<?xf32>, %x: f32) {
  %c1 = arith.constant 2 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf32>
    %z = arith.addf %y, %x : f32
    memref.store %z, %m[%i] : memref<?xf32>
  }
  return
}

// CHECK: func.func private @other_order(
func.func private @other_order(%begin: index, %end: index, %m: memref<?xf32>, %x: f32) {
  %c1 = arith.constant 1 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf32>
    %z = arith.addf %y, %y : f32
    memref.store %z, %m[%i] : memref<?xf32>
  }
  return
}

// CHECK: func.func private @other_type(
func.func private @other_type(%begin: index, %end: index, %m: memref<?xf16>, %x: f32) {
  %c1 = arith.constant 1 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf16>
    memref.store %y, %m[%i] : memref<?xf16>
  }
  return
}

// CHECK: func.func private @hinted(
func.func private @hinted(%begin: index, %end: index, %m: memref<?xf32>, %x: f32) attributes {hint} {
  %c1 = arith.constant 1 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf32>
    %z = arith.addf %y, %x : f32
    memref.store %z, %m[%i] : memref<?xf32>
  }
  return
}

// Equal, but not run by launches alone; and one that others may name.
// CHECK: func.func private @called(
func.func private @called(%begin: index, %end: index, %m: memref<?xf32>, %x: f32) {
  %c1 = arith.constant 1 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf32>
    %z = arith.addf %y, %x : f32
    memref.store %z, %m[%i] : memref<?xf32>
  }
  return
}

// CHECK: func.func @public(
func.func @public(%begin: index, %end: index, %m: memref<?xf32>, %x: f32) {
  %c1 = arith.constant 1 : index
  scf.for %i = %begin to %end step %c1 {
    %y = memref.load %m[%i] : memref<?xf32>
    %z = arith.addf %y, %x : f32
    memref.store %z, %m[%i] : memref<?xf32>
  }
  return
}
