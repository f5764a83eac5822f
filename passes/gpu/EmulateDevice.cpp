// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Kernels as functions of the host, for machines without the device.

#include "passes/Passes.h"
#include "passes/gpu/BlockMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_EMULATEDEVICE
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// One kernel on the way to a function.
class KernelCopy {
public:
  KernelCopy(ModuleOp module, gpu::GPUFuncOp kernel)
      : module(module), kernel(kernel), b(kernel.getLoc(), kernel.getContext()) {}

  LogicalResult create(StringRef name) {
    b.setInsertionPointToEnd(module.getBody());
    auto function =
        func::FuncOp::create(b, name, b.getFunctionType(kernel.getFunctionType().getInputs(), {}));
    function.setPrivate();
    IRMapping map;
    kernel.getBody().cloneInto(&function.getBody(), map);
    Block &entry = function.getBody().front();
    b.setInsertionPointToStart(&entry);
    if (failed(placeBuffers(entry)))
      return failure();
    body = &entry;
    function->setAttr("kernel.emulated", b.getUnitAttr());
    function->setAttr("kernel.shared_bytes", b.getI64IntegerAttr(BlockMemory(kernel).bytes));
    dropMemorySpaces(function);
    SmallVector<Operation *> operations;
    function.walk([&](Operation *op) {
      if (isa<gpu::GPUDialect, NVVM::NVVMDialect>(op->getDialect()))
        operations.push_back(op);
    });
    for (Operation *op : operations)
      if (failed(replace(op)))
        return failure();
    return success();
  }

private:
  ModuleOp module;
  gpu::GPUFuncOp kernel;
  ImplicitLocOpBuilder b;
  Block *body = nullptr; ///< the function's first block

  /// The block's buffers follow each other in the memory that the runtime gives.
  LogicalResult placeBuffers(Block &entry) {
    if (kernel.getNumPrivateAttributions())
      return kernel.emitError() << "has private buffers, which are not emulated";
    unsigned first = firstBuffer(kernel);
    if (entry.getNumArguments() == first)
      return success();
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    Value base = call("attune_item_shared", pointer, {});
    for (int64_t offset : BlockMemory(kernel).offsets) {
      BlockArgument buffer = entry.getArgument(first);
      auto type = cast<MemRefType>(buffer.getType());
      Value address = LLVM::GEPOp::create(b, pointer, b.getI8Type(), base,
                                          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(offset)});
      buffer.replaceAllUsesWith(
          describeBuffer(b, address, MemRefType::get(type.getShape(), type.getElementType())));
      entry.eraseArgument(first);
    }
    return success();
  }

  void dropMemorySpaces(func::FuncOp function) {
    function.walk([](Operation *op) {
      for (Value result : op->getResults())
        if (auto type = dyn_cast<MemRefType>(result.getType()); type && type.getMemorySpace())
          result.setType(MemRefType::get(type.getShape(), type.getElementType(), type.getLayout()));
    });
  }

  /// A function of the runtime.
  Value call(StringRef name, Type result, ValueRange arguments) {
    auto function = module.lookupSymbol<func::FuncOp>(name);
    if (!function) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(module.getBody());
      function = func::FuncOp::create(
          b, name, b.getFunctionType(arguments.getTypes(), result ? TypeRange(result) : TypeRange()));
      function.setPrivate();
    }
    auto call = func::CallOp::create(b, function, arguments);
    return result ? call.getResult(0) : Value();
  }

  Value constant(int64_t value) {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }

  /// `count` words of the stack.
  Value stack(int64_t count) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(body);
    Value size = LLVM::ConstantOp::create(b, b.getI64Type(), count);
    return LLVM::AllocaOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), b.getI32Type(), size);
  }

  /// The host has one memory.
  Value generic(Value pointer) {
    return LLVM::AddrSpaceCastOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), pointer);
  }

  Value wordAt(Value words, size_t i) {
    return LLVM::GEPOp::create(b, words.getType(), b.getI32Type(), words,
                               ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
  }

  Value storeWords(ValueRange values) {
    Value words = stack(static_cast<int64_t>(values.size()));
    for (auto [i, value] : llvm::enumerate(values))
      LLVM::StoreOp::create(b, value, wordAt(words, i));
    return words;
  }

  /// `type` is a structure of words, or a word.
  Value loadWords(Value words, Type type) {
    auto structure = dyn_cast<LLVM::LLVMStructType>(type);
    if (!structure)
      return LLVM::LoadOp::create(b, type, words);
    Value result = LLVM::PoisonOp::create(b, structure);
    for (auto [i, field] : llvm::enumerate(structure.getBody()))
      result = LLVM::InsertValueOp::create(b, result, LLVM::LoadOp::create(b, field, wordAt(words, i)),
                                           static_cast<int64_t>(i));
    return result;
  }

  LogicalResult replaceProduct(NVVM::MmaOp op) {
    NVVM::MMAShapeAttr shape = op.getShape();
    auto type = op.getMultiplicandAPtxType();
    bool isF16 = type == NVVM::MMATypes::f16, isBf16 = type == NVVM::MMATypes::bf16;
    if (shape.getM() != 16 || shape.getN() != 8 || shape.getK() != 16 || (!isF16 && !isBf16) ||
        op.getOperandC().size() != 4)
      return op.emitError() << "is not emulated: not m16n8k16 of f16 or bf16 with f32 sums";
    Value rows = storeWords(op.getOperandA()), columns = storeWords(op.getOperandB());
    Value sums = storeWords(op.getOperandC());
    call(isF16 ? "attune_item_mma_m16n8k16_f16" : "attune_item_mma_m16n8k16_bf16", Type(),
         {rows, columns, sums});
    op.replaceAllUsesWith(loadWords(sums, op.getType()));
    op.erase();
    return success();
  }

  LogicalResult replaceStep(Operation *op, StringRef name, ValueRange arguments) {
    call(name, Type(), arguments);
    op->erase();
    return success();
  }

  /// A product of a warp group: the sums are a structure.
  LogicalResult replaceProduct(NVVM::WgmmaMmaAsyncOp op) {
    NVVM::MMAShapeAttr shape = op.getShape();
    auto type = op.getTypeA();
    bool isF16 = type == NVVM::WGMMATypes::f16, isBf16 = type == NVVM::WGMMATypes::bf16;
    if (shape.getK() != 16 || (!isF16 && !isBf16) || op.getTypeD() != NVVM::WGMMATypes::f32 ||
        op.getLayoutA() != NVVM::MMALayout::row || op.getScaleD() != NVVM::WGMMAScaleOut::one ||
        op.getScaleA() != NVVM::WGMMAScaleIn::one || op.getScaleB() != NVVM::WGMMAScaleIn::one)
      return op.emitError() << "is not emulated: not f16 or bf16 added to f32 sums, with A along its columns";
    SmallVector<Value> sums;
    auto structure = cast<LLVM::LLVMStructType>(op.getInouts().getType());
    for (size_t i = 0; i < structure.getBody().size(); ++i)
      sums.push_back(LLVM::ExtractValueOp::create(b, op.getInouts(), static_cast<int64_t>(i)));
    Value words = storeWords(sums);
    bool isTransposed = op.getLayoutB() == NVVM::MMALayout::row;
    call(isF16 ? "attune_item_wgmma_f16" : "attune_item_wgmma_bf16", Type(),
         {op.getDescriptorA(), op.getDescriptorB(), constant(shape.getN()), constant(isTransposed), words});
    op.replaceAllUsesWith(loadWords(words, structure));
    op.erase();
    return success();
  }

  LogicalResult replaceCopy(NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op) {
    if (op.getCoordinates().size() != 3 || op.getMode() != NVVM::TMALoadMode::TILE || op.getMulticastMask() ||
        op.getPredicate())
      return op.emitError() << "is not emulated: not a tile of three dimensions for one block";
    SmallVector<Value> operands{generic(op.getDstMem()), generic(op.getTmaDescriptor()),
                                generic(op.getMbar())};
    llvm::append_range(operands, op.getCoordinates());
    return replaceStep(op, "attune_item_copy_tensor", operands);
  }

  LogicalResult replace(Operation *op) {
    b.setInsertionPoint(op);
    auto number = [&](StringRef name, gpu::Dimension dimension) {
      Value id = call(name, b.getI64Type(), constant(static_cast<int64_t>(dimension)));
      op->getResult(0).replaceAllUsesWith(arith::IndexCastOp::create(b, b.getIndexType(), id));
      op->erase();
      return success();
    };
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](gpu::ThreadIdOp id) { return number("attune_item_thread_id", id.getDimension()); })
        .Case([&](gpu::BlockIdOp id) { return number("attune_item_block_id", id.getDimension()); })
        .Case([&](gpu::BlockDimOp id) { return number("attune_item_block_size", id.getDimension()); })
        .Case([&](gpu::GridDimOp id) { return number("attune_item_grid_size", id.getDimension()); })
        .Case([&](gpu::BarrierOp barrier) {
          call("attune_item_barrier", Type(), {});
          barrier.erase();
          return success();
        })
        .Case([&](NVVM::MmaOp op) { return replaceProduct(op); })
        .Case([&](NVVM::LdMatrixOp op) {
          Value words = stack(op.getNum());
          bool isTransposed = op.getLayout() == NVVM::MMALayout::col;
          call("attune_item_load_matrix", Type(),
               {generic(op.getPtr()), constant(op.getNum()), constant(isTransposed), words});
          op.replaceAllUsesWith(loadWords(words, op.getType()));
          op.erase();
          return success();
        })
        .Case([&](NVVM::CpAsyncOp op) {
          Value size = constant(op.getSize());
          call("attune_item_copy_async", Type(),
               {generic(op.getDst()), generic(op.getSrc()), size, op.getCpSize() ? op.getCpSize() : size});
          op.erase();
          return success();
        })
        .Case([&](NVVM::CpAsyncCommitGroupOp op) { return replaceStep(op, "attune_item_copy_commit", {}); })
        .Case([&](NVVM::CpAsyncWaitGroupOp op) {
          return replaceStep(op, "attune_item_copy_wait", constant(op.getN()));
        })
        .Case([&](NVVM::WgmmaMmaAsyncOp op) { return replaceProduct(op); })
        .Case([&](NVVM::WgmmaFenceAlignedOp op) { return replaceStep(op, "attune_item_wgmma_fence", {}); })
        .Case(
            [&](NVVM::WgmmaGroupSyncAlignedOp op) { return replaceStep(op, "attune_item_wgmma_commit", {}); })
        .Case([&](NVVM::WgmmaWaitGroupSyncOp op) {
          return replaceStep(op, "attune_item_wgmma_wait", constant(static_cast<int64_t>(op.getGroup())));
        })
        .Case([&](NVVM::FenceProxyOp op) {
          if (op.getKind() != NVVM::ProxyKind::async_shared)
            return LogicalResult(op.emitError() << "is not emulated: not of the block's memory");
          return replaceStep(op, "attune_item_proxy_fence", {});
        })
        .Case([&](NVVM::MBarrierInitOp op) {
          return replaceStep(op, "attune_item_mbarrier_init", {generic(op.getAddr()), op.getCount()});
        })
        .Case([&](NVVM::FenceMbarrierInitOp op) { return replaceStep(op, "attune_item_mbarrier_fence", {}); })
        .Case([&](NVVM::MBarrierArriveExpectTxOp op) {
          if (op.getPredicate() || op.getNumResults())
            return LogicalResult(op.emitError() << "is not emulated: it has a predicate or a result");
          return replaceStep(op, "attune_item_mbarrier_expect", {generic(op.getAddr()), op.getTxcount()});
        })
        .Case([&](NVVM::MBarrierTryWaitParityOp op) {
          return replaceStep(op, "attune_item_mbarrier_wait", {generic(op.getAddr()), op.getPhase()});
        })
        .Case([&](NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op) { return replaceCopy(op); })
        .Case([&](gpu::ReturnOp end) {
          func::ReturnOp::create(b);
          end.erase();
          return success();
        })
        .Default([](Operation *op) { return op->emitError() << "is not emulated"; });
  }
};

struct EmulateDevice : transformer::impl::EmulateDeviceBase<EmulateDevice> {
  void runOnOperation() override {
    for (auto device : getOperation().getOps<gpu::GPUModuleOp>())
      for (auto kernel : device.getOps<gpu::GPUFuncOp>())
        if (failed(
                KernelCopy(getOperation(), kernel).create((device.getName() + "_" + kernel.getName()).str())))
          return signalPassFailure();
  }
};

} // namespace
