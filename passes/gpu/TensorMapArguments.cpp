// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TENSORMAPARGUMENTS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

struct TensorMapArguments : transformer::impl::TensorMapArgumentsBase<TensorMapArguments> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([&](NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp copy) {
      auto map = dyn_cast<BlockArgument>(copy.getTmaDescriptor());
      auto kernel = copy->getParentOfType<LLVM::LLVMFuncOp>();
      if (!map || !kernel || map.getOwner() != &kernel.getBody().front()) {
        copy.emitError() << "has a tensor map that is no argument of its kernel";
        return WalkResult::interrupt();
      }
      passByValue(kernel, map.getArgNumber());
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  void passByValue(LLVM::LLVMFuncOp kernel, unsigned argument) {
    Builder b(&getContext());
    kernel.setArgAttr(argument, LLVM::LLVMDialect::getByValAttrName(),
                      TypeAttr::get(LLVM::LLVMArrayType::get(b.getI64Type(), 16)));
    kernel.setArgAttr(argument, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(64));
    kernel.setArgAttr(argument, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
  }
};

} // namespace
