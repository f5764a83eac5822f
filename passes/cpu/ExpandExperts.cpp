// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/cpu/Expansion.h"
#include "passes/lower/ExpertLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_EXPANDEXPERTS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

struct ExpandExperts : transformer::impl::ExpandExpertsBase<ExpandExperts> {
  using ExpandExpertsBase::ExpandExpertsBase;

  void runOnOperation() override {
    auto route = [](Emitter &e, kernel::RouteOp op) {
      emitRoute(e, op, [&](function_ref<void(Value)> row) {
        e.loop(e.index(0), e.dimension(op.getLogits(), 0), 1, row);
      });
      return success();
    };
    auto dispatch = [](Emitter &e, kernel::DispatchOp op) {
      emitDispatch(e, op);
      return success();
    };
    if (failed(expandAll<kernel::RouteOp>(getOperation(), cpu, route)) ||
        failed(expandAll<kernel::DispatchOp>(getOperation(), cpu, dispatch)))
      signalPassFailure();
  }
};

} // namespace
