// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/BlockMemory.h"
#include "passes/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_DYNAMICBLOCKMEMORY
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

BlockMemory::BlockMemory(gpu::GPUFuncOp kernel) {
  for (auto [i, buffer] : llvm::enumerate(kernel.getWorkgroupAttributions())) {
    auto type = cast<MemRefType>(buffer.getType());
    auto aligned = dyn_cast_or_null<IntegerAttr>(
        kernel.getWorkgroupAttributionAttr(static_cast<unsigned>(i), LLVM::LLVMDialect::getAlignAttrName()));
    alignment = std::max(alignment, aligned ? aligned.getInt() : 1);
    bytes = llvm::alignTo(bytes, aligned ? std::max<int64_t>(64, aligned.getInt()) : 64);
    offsets.push_back(bytes);
    bytes += llvm::alignTo(type.getNumElements() * type.getElementTypeBitWidth() / 8, 64);
  }
}

Value transformer::describeBuffer(ImplicitLocOpBuilder &b, Value address, MemRefType type) {
  auto words = LLVM::LLVMArrayType::get(b.getI64Type(), static_cast<unsigned>(type.getRank()));
  auto structure = LLVM::LLVMStructType::getLiteral(
      b.getContext(), {address.getType(), address.getType(), b.getI64Type(), words, words});
  Value descriptor = LLVM::PoisonOp::create(b, structure);
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor = LLVM::InsertValueOp::create(b, descriptor, value, position);
  };
  auto word = [&](int64_t value) { return LLVM::ConstantOp::create(b, b.getI64Type(), value); };
  insert(address, {0});
  insert(address, {1});
  insert(word(0), {2});
  SmallVector<int64_t> strides = computeStrides(type.getShape());
  for (int64_t i = 0; i < type.getRank(); ++i) {
    insert(word(type.getDimSize(i)), {3, i});
    insert(word(strides[static_cast<size_t>(i)]), {4, i});
  }
  return UnrealizedConversionCastOp::create(b, TypeRange(type), ValueRange(descriptor)).getResult(0);
}

namespace {

struct DynamicBlockMemory : transformer::impl::DynamicBlockMemoryBase<DynamicBlockMemory> {
  void runOnOperation() override {
    for (auto kernel : llvm::to_vector(getOperation().getOps<gpu::GPUFuncOp>()))
      if (BlockMemory memory(kernel); memory.isDynamic())
        moveBuffers(kernel, memory);
  }

  static constexpr unsigned kSpace = 3; ///< NVIDIA's number for a block's memory

  /// The variable that stands for what a launch gives.
  LLVM::GlobalOp variable(int64_t alignment) {
    constexpr StringLiteral kName = "attune_block_memory";
    auto global = getOperation().lookupSymbol<LLVM::GlobalOp>(kName);
    if (!global) {
      OpBuilder b = OpBuilder::atBlockBegin(getOperation().getBody());
      auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
      global = LLVM::GlobalOp::create(b, getOperation().getLoc(), type, /*isConstant=*/false,
                                      LLVM::Linkage::External, kName, Attribute(),
                                      static_cast<uint64_t>(alignment), kSpace);
    }
    global.setAlignment(std::max(global.getAlignment().value_or(1), static_cast<uint64_t>(alignment)));
    return global;
  }

  void moveBuffers(gpu::GPUFuncOp kernel, const BlockMemory &memory) {
    ImplicitLocOpBuilder b(kernel.getLoc(), OpBuilder::atBlockBegin(&kernel.getBody().front()));
    auto pointer = LLVM::LLVMPointerType::get(&getContext(), kSpace);
    Value base = LLVM::AddressOfOp::create(b, variable(memory.alignment));
    for (auto [buffer, offset] :
         llvm::zip(llvm::to_vector(kernel.getWorkgroupAttributions()), memory.offsets)) {
      Value address = LLVM::GEPOp::create(b, pointer, b.getI8Type(), base,
                                          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
      buffer.replaceAllUsesWith(describeBuffer(b, address, cast<MemRefType>(buffer.getType())));
    }
    kernel.getBody().front().eraseArguments(firstBuffer(kernel), kernel.getNumWorkgroupAttributions());
    kernel.setWorkgroupAttribAttrsAttr(nullptr);
    kernel->setAttr(gpu::GPUFuncOp::getNumWorkgroupAttributionsAttrName(), b.getI64IntegerAttr(0));
  }
};

} // namespace
