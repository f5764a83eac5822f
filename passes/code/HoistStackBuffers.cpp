// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Buffers on the stack are allocated once for each call. A loop of `scf` counts as their scope, but lowering
// it to branches keeps no record of that: what is allocated in its body would pile up until the function
// returns.

#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_HOISTSTACKBUFFERS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

struct HoistStackBuffers : transformer::impl::HoistStackBuffersBase<HoistStackBuffers> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    Block &entry = function.getBody().front();
    function.walk([&](memref::AllocaOp alloca) {
      if (alloca->getBlock() != &entry && alloca->getNumOperands() == 0)
        alloca->moveBefore(&entry, entry.begin());
    });
  }
};

} // namespace
