// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_ALIGNBLOCKMEMORY
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

struct AlignBlockMemory : transformer::impl::AlignBlockMemoryBase<AlignBlockMemory> {
  void runOnOperation() override {
    Builder builder(&getContext());
    for (auto kernel : getOperation().getOps<gpu::GPUFuncOp>())
      for (unsigned i = 0; i < kernel.getNumWorkgroupAttributions(); ++i)
        kernel.setWorkgroupAttributionAttr(i, LLVM::LLVMDialect::getAlignAttrName(),
                                           builder.getI64IntegerAttr(alignmentOf(kernel)));
  }

  static int64_t alignmentOf(gpu::GPUFuncOp kernel) {
    constexpr int64_t kAccess = 16;    // the widest of a work item
    constexpr int64_t kPattern = 1024; // of what a warp group multiplies
    bool multiplies =
        kernel.walk([](NVVM::WgmmaMmaAsyncOp) { return WalkResult::interrupt(); }).wasInterrupted();
    return multiplies ? kPattern : kAccess;
  }
};

} // namespace
