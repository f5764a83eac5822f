// The named stages, one after another, on a decoder as the Builder emits it: what is left after each.
// RUN: attune-opt %S/../dialect/layer.mlir --transformer-fuse --transformer-layout=cpu=x86-64-v3 -o %t.layout
// RUN: FileCheck %s --check-prefix=LAYOUT < %t.layout
// RUN: attune-opt %t.layout --transformer-linalg -o %t.linalg
// RUN: FileCheck %s --check-prefix=LINALG < %t.linalg
// RUN: attune-opt %t.linalg --transformer-vectors -o %t.vectors
// RUN: FileCheck %s --check-prefix=VECTORS < %t.vectors
// RUN: attune-opt %t.vectors --transformer-buffers -o %t.buffers
// RUN: FileCheck %s --check-prefix=BUFFERS < %t.buffers
// RUN: attune-opt %t.buffers --transformer-kernels=cpu=x86-64-v3 -o %t.kernels
// RUN: FileCheck %s --check-prefix=KERNELS < %t.kernels
// RUN: attune-opt %t.kernels --transformer-llvm=cpu=x86-64-v3 -o %t.llvm
// RUN: FileCheck %s --check-prefix=LLVM < %t.llvm

// The entry that shows attention keeps its parts; the other has none of them.
// LAYOUT-LABEL: func.func private @layer(
// LAYOUT-NOT:     transformer.scores
// LAYOUT:         kernel.attention
// LAYOUT-LABEL: func.func private @layer_taps(
// LAYOUT-SAME:    kernel.role = "tap"
// LAYOUT-NOT:     kernel.attention
// LAYOUT:         transformer.softmax
// LAYOUT-LABEL: func.func @step(
// LAYOUT:         scf.for
// LAYOUT:           func.call @layer(
// LAYOUT-LABEL: func.func @step_taps(
// LAYOUT:           func.call @layer_taps(

// LINALG-LABEL: func.func private @layer(
// LINALG:         linalg.generic
// LINALG-NOT:   {{= transformer\.}}

// VECTORS-LABEL: func.func private @layer(
// VECTORS:        scf.forall
// VECTORS:          vector.transfer_read
// VECTORS:        scf.forall
// VECTORS:          kernel.linear

// No tensor is left, and the entries know how much memory they need.
// BUFFERS-NOT:  {{(: |<|\()tensor<\?}}
// BUFFERS:      func.func private @layer({{.*}} {kernel.role = "workspace"
// BUFFERS:        kernel.launch @layer_parallel
// BUFFERS:      func.func @step({{.*}} attributes {kernel.workspace_fixed = {{[0-9]+}} : i64, kernel.workspace_per_token = {{[1-9][0-9]*}} : i64}
// BUFFERS-NOT:  scf.forall

// KERNELS-NOT:  kernel.{{(linear|attention|embed|quantize|cache_update) }}
// KERNELS:      vector.fma
// KERNELS-NOT:  kernel.{{(linear|attention|embed|quantize|cache_update) }}

// LLVM-NOT:     {{(= |^ +)(func|scf|memref|vector|kernel|transformer)\.}}
// LLVM:         llvm.mlir.global external hidden constant @"attune_code_x86-64-v3"()
// LLVM:           llvm.mlir.constant(2 : i64)
