// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/AttrTypeSubElements.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_OPENCLMEMORY
#define GEN_PASS_DEF_OPENCLPRIVATEMEMORY
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Kinds of memory by their numbers in SPIR.
enum Space : int64_t { kGlobal = 1, kConstant = 2, kLocal = 3 };

constexpr int64_t kAlignment = 64; ///< of buffers in a block's memory

MemRefType in(Attribute space, MemRefType type) {
  return MemRefType::get(type.getShape(), type.getElementType(), type.getLayout(), space);
}

struct OpenClMemory : transformer::impl::OpenClMemoryBase<OpenClMemory> {
  void runOnOperation() override {
    for (auto table : getOperation().getOps<memref::GlobalOp>())
      table.setType(in(number(kConstant), table.getType()));
    for (auto kernel : llvm::to_vector(getOperation().getOps<gpu::GPUFuncOp>())) {
      nameBlockMemory(kernel);
      nameArguments(kernel);
      if (failed(nameViews(kernel)))
        return signalPassFailure();
    }
  }

private:
  Attribute number(Space space) { return Builder(&getContext()).getI64IntegerAttr(space); }

  /// A block's buffers are variables of the module: as arguments the host would have to set them, and drivers
  /// would believe that no two of them meet.
  void nameBlockMemory(gpu::GPUFuncOp kernel) {
    Block &entry = kernel.getBody().front();
    unsigned arguments = kernel.getFunctionType().getNumInputs();
    OpBuilder module(kernel), body = OpBuilder::atBlockBegin(&entry);
    for (auto [i, buffer] : llvm::enumerate(llvm::to_vector(kernel.getWorkgroupAttributions()))) {
      MemRefType type = in(number(kLocal), cast<MemRefType>(buffer.getType()));
      std::string name = (kernel.getName() + "_block_" + Twine(i)).str();
      memref::GlobalOp::create(module, kernel.getLoc(), name, module.getStringAttr("private"), type,
                               /*initial_value=*/module.getUnitAttr(), /*constant=*/false,
                               /*alignment=*/module.getI64IntegerAttr(kAlignment));
      buffer.replaceAllUsesWith(memref::GetGlobalOp::create(body, kernel.getLoc(), type, name));
    }
    entry.eraseArguments(arguments, kernel.getNumWorkgroupAttributions());
    kernel.setWorkgroupAttribAttrsAttr(nullptr);
    kernel->setAttr(gpu::GPUFuncOp::getNumWorkgroupAttributionsAttrName(), module.getI64IntegerAttr(0));
  }

  void nameArguments(gpu::GPUFuncOp kernel) {
    for (BlockArgument argument : kernel.getArguments())
      if (auto type = dyn_cast<MemRefType>(argument.getType()))
        argument.setType(in(number(kGlobal), type));
    Builder builder(&getContext());
    kernel.setFunctionType(builder.getFunctionType(ValueRange(kernel.getArguments()).getTypes(), {}));
  }

  /// A view lies where its source lies. What a work item has on its stack is named: no space would be global
  /// memory.
  LogicalResult nameViews(gpu::GPUFuncOp kernel) {
    WalkResult result = kernel.walk<WalkOrder::PreOrder>([&](Operation *op) -> WalkResult {
      for (Value result : op->getResults())
        if (auto type = dyn_cast<MemRefType>(result.getType())) {
          std::optional<Attribute> space = spaceOf(op);
          if (!space)
            return op->emitError() << "makes memory within a kernel, which has no form for OpenCL";
          result.setType(in(*space, type));
        }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  static std::optional<Attribute> spaceOf(Operation *op) {
    if (auto global = dyn_cast<memref::GetGlobalOp>(op))
      return spaceOfGlobal(global);
    if (isa<memref::AllocaOp>(op))
      return gpu::AddressSpaceAttr::get(op->getContext(), gpu::AddressSpace::Private);
    for (Value operand : op->getOperands())
      if (auto type = dyn_cast<MemRefType>(operand.getType()))
        return type.getMemorySpace();
    return std::nullopt;
  }

  static Attribute spaceOfGlobal(memref::GetGlobalOp op) {
    return cast<memref::GlobalOp>(SymbolTable::lookupNearestSymbolFrom(op, op.getNameAttr()))
        .getType()
        .getMemorySpace();
  }
};

struct OpenClPrivateMemory : transformer::impl::OpenClPrivateMemoryBase<OpenClPrivateMemory> {
  void runOnOperation() override {
    AttrTypeReplacer replacer;
    replacer.addReplacement([](MemRefType type) -> std::optional<Type> {
      auto space = dyn_cast_or_null<gpu::AddressSpaceAttr>(type.getMemorySpace());
      if (!space || space.getValue() != gpu::AddressSpace::Private)
        return std::nullopt;
      return in(Attribute(), type);
    });
    replacer.recursivelyReplaceElementsIn(getOperation(), /*replaceAttrs=*/false, /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
  }
};

} // namespace
