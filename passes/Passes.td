// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Every pass of the compiler, stage by stage; Pipelines.cpp puts them in order. docs/passes.md is generated from this file.

#ifndef ATTUNE_PASSES
#define ATTUNE_PASSES

include "mlir/Pass/PassBase.td"

//===--------------------------------------------------- taps (fuse/) ----------------------------------------------===//

def DropTaps : Pass<"transformer-drop-taps"> {
  let summary = "Erase every tap";
  let description = [{
    Erases `transformer.tap` operations; what only they used is then dead code, which `canonicalize` or `cse` removes.

    ```mlir
    %p = transformer.softmax %m : tensor<?x9x?xf32>
    transformer.tap "attentions"[%layer], %p : tensor<?x9x?xf32>
    ```
    becomes
    ```mlir
    %p = transformer.softmax %m : tensor<?x9x?xf32>
    ```
  }];
  let statistics = [Statistic<"dropped", "taps-dropped", "Taps erased">];
}

#endif // ATTUNE_PASSES
