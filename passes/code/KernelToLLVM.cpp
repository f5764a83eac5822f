// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The last step to the LLVM dialect: kernel.launch becomes a call of the runtime's thread pool, entries get
// their table.

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/code/Constants.h"
#include "passes/cpu/LaunchWork.h"
#include "passes/cpu/Target.h"
#include "passes/gpu/LaunchesToLLVM.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_KERNELTOLLVM
#define GEN_PASS_DEF_ENTRYTABLE
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// The runtime's `void attune_parallel_for(void (*body)(i64, i64, ptr), ptr context, i64 count)`.
LLVM::LLVMFuncOp declareParallelFor(OpBuilder &builder, ModuleOp module) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>("attune_parallel_for"))
    return existing;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()),
                                          {pointer, pointer, builder.getI64Type()});
  return LLVM::LLVMFuncOp::create(builder, module.getLoc(), "attune_parallel_for", type);
}

/// The arguments are stored in a structure on the stack; a trampoline loads them and calls the body with a
/// range.
struct LowerLaunch : ConvertOpToLLVMPattern<kernel::LaunchOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(kernel::LaunchOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    auto pointer = LLVM::LLVMPointerType::get(getContext());
    SmallVector<Value> values =
        getTypeConverter()->promoteOperands(loc, op.getArguments(), adaptor.getArguments(), rewriter);
    auto context =
        LLVM::LLVMStructType::getLiteral(getContext(), llvm::to_vector(ValueRange(values).getTypes()));
    LLVM::LLVMFuncOp trampoline = createTrampoline(rewriter, module, op, context);
    if (auto work = op->getAttrOfType<DictionaryAttr>(kWorkAttr))
      noteWork(trampoline, work, op.getArguments().getTypes(), context);
    Value memory = createContext(rewriter, op, context);
    for (auto [i, value] : llvm::enumerate(values)) {
      Value field = LLVM::GEPOp::create(rewriter, loc, pointer, context, memory,
                                        ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
      LLVM::StoreOp::create(rewriter, loc, value, field);
    }
    LLVM::LLVMFuncOp parallelFor = declareParallelFor(rewriter, module);
    Value body = LLVM::AddressOfOp::create(rewriter, loc, trampoline);
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(op, parallelFor, ValueRange{body, memory, adaptor.getCount()});
    return success();
  }

private:
  /// Where the function begins: launches in loops would pile up their arguments on the stack.
  static Value createContext(ConversionPatternRewriter &rewriter, kernel::LaunchOp op,
                             LLVM::LLVMStructType type) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(&op->getParentOfType<FunctionOpInterface>().getFunctionBody().front());
    Value one = LLVM::ConstantOp::create(rewriter, op.getLoc(), rewriter.getI64Type(), 1);
    return LLVM::AllocaOp::create(rewriter, op.getLoc(), LLVM::LLVMPointerType::get(rewriter.getContext()),
                                  type, one);
  }

  /// One for each launch, since profiles tell launches apart by it; bodies may be shared.
  LLVM::LLVMFuncOp createTrampoline(ConversionPatternRewriter &rewriter, ModuleOp module, kernel::LaunchOp op,
                                    LLVM::LLVMStructType context) const {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToEnd(module.getBody());
    Location loc = op.getLoc();
    auto pointer = LLVM::LLVMPointerType::get(getContext());
    Type i64 = rewriter.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(getContext()), {i64, i64, pointer});
    const std::string plain = (op.getBody() + "_range").str();
    std::string name = plain;
    for (unsigned number = 1; module.lookupSymbol(name); ++number)
      name = plain + "_" + std::to_string(number);
    auto function = LLVM::LLVMFuncOp::create(rewriter, loc, name, type, LLVM::Linkage::Internal);
    Block *entry = function.addEntryBlock(rewriter);
    rewriter.setInsertionPointToStart(entry);
    SmallVector<Value> operands{entry->getArgument(0), entry->getArgument(1)};
    for (auto [i, field] : llvm::enumerate(context.getBody())) {
      Value address = LLVM::GEPOp::create(rewriter, loc, pointer, context, entry->getArgument(2),
                                          ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
      operands.push_back(LLVM::LoadOp::create(rewriter, loc, field, address));
    }
    LLVM::CallOp::create(rewriter, loc, TypeRange{}, op.getBodyAttr(), operands);
    LLVM::ReturnOp::create(rewriter, loc, ValueRange{});
    return function;
  }
};

struct KernelToLLVM : transformer::impl::KernelToLLVMBase<KernelToLLVM> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    // Public functions are entries with MLIR's C interface; the rest is of this module alone.
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      if (function.isPublic())
        function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), UnitAttr::get(&getContext()));
      else
        function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(&getContext(), LLVM::Linkage::Internal));
    }
    // What is allocated beside kernels of a device is not the host's memory: `kernel-kernel-table` says
    // whose.
    llvm::StringMap<int32_t> kernels = numberKernels(module);
    LowerToLLVMOptions options(&getContext());
    options.useGenericFunctions = !kernels.empty();
    LLVMTypeConverter converter(&getContext(), options);
    RewritePatternSet patterns(&getContext());
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    index::populateIndexToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    patterns.add<LowerLaunch>(converter);
    populateLaunchToLLVMPatterns(converter, patterns, kernels);
    LLVMConversionTarget target(getContext());
    target.addLegalOp<ModuleOp, UnrealizedConversionCastOp, gpu::GPUModuleOp>();
    target.markOpRecursivelyLegal<gpu::GPUModuleOp>();
    target.addIllegalOp<gpu::LaunchFuncOp>();
    target.addIllegalDialect<kernel::KernelDialect>();
    // Parameters were data for the packer; they have no code.
    for (auto parameter : llvm::make_early_inc_range(module.getOps<ParameterOp>()))
      parameter.erase();
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      signalPassFailure();
  }
};

/// Name and function of each entry, and the AttuneCode that points to them; the work of kernels.
struct EntryTable : transformer::impl::EntryTableBase<EntryTable> {
  using EntryTableBase::EntryTableBase;
  static constexpr StringLiteral kPrefix = "_mlir_ciface_";

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<LLVM::LLVMFuncOp> interfaces;
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (function.getSymName().starts_with(kPrefix) && !function.isExternal())
        interfaces.push_back(function);
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    SmallVector<std::pair<LLVM::GlobalOp, LLVM::LLVMFuncOp>> entries;
    for (LLVM::LLVMFuncOp interface : interfaces)
      entries.push_back({createName(builder, interface), createUnpacker(builder, interface)});
    auto target = CpuTarget::get(cpu);
    if (!target) {
      module.emitError() << llvm::toString(target.takeError());
      return signalPassFailure();
    }
    createCode(builder, module.getLoc(), target->name, createTable(builder, module.getLoc(), entries));
    createWorkTable(builder, module, "attune_work_" + target->name);
  }

  static LLVM::GlobalOp createName(OpBuilder &builder, LLVM::LLVMFuncOp interface) {
    StringRef name = interface.getSymName().drop_front(kPrefix.size());
    return createText(builder, interface.getLoc(), ("attune_name_" + name).str(), name);
  }

  /// void f(ptr arguments): calls the C interface with the pointers of the array.
  static LLVM::LLVMFuncOp createUnpacker(OpBuilder &builder, LLVM::LLVMFuncOp interface) {
    OpBuilder::InsertionGuard guard(builder);
    MLIRContext *context = builder.getContext();
    Location loc = interface.getLoc();
    StringRef name = interface.getSymName().drop_front(kPrefix.size());
    interface.setLinkage(LLVM::Linkage::Internal);
    interface->getParentOfType<ModuleOp>().lookupSymbol<LLVM::LLVMFuncOp>(name).setLinkage(
        LLVM::Linkage::Internal);
    auto pointer = LLVM::LLVMPointerType::get(context);
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer});
    auto function =
        LLVM::LLVMFuncOp::create(builder, loc, ("attune_call_" + name).str(), type, LLVM::Linkage::Internal);
    Block *entry = function.addEntryBlock(builder);
    builder.setInsertionPointToStart(entry);
    SmallVector<Value> operands;
    for (unsigned i = 0; i < interface.getNumArguments(); ++i) {
      Value address = LLVM::GEPOp::create(builder, loc, pointer, pointer, entry->getArgument(0),
                                          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
      operands.push_back(LLVM::LoadOp::create(builder, loc, pointer, address));
    }
    LLVM::CallOp::create(builder, loc, interface, operands);
    LLVM::ReturnOp::create(builder, loc, ValueRange{});
    return function;
  }

  static LLVM::GlobalOp createTable(OpBuilder &builder, Location loc,
                                    ArrayRef<std::pair<LLVM::GlobalOp, LLVM::LLVMFuncOp>> entries) {
    MLIRContext *context = builder.getContext();
    auto pointer = LLVM::LLVMPointerType::get(context);
    auto row = LLVM::LLVMStructType::getLiteral(context, {pointer, pointer});
    return createConstant(builder, loc, LLVM::LLVMArrayType::get(row, entries.size()),
                          LLVM::Linkage::Internal, "attune_entries",
                          [&](function_ref<void(Value, ArrayRef<int64_t>)> insert) {
                            for (auto [i, entry] : llvm::enumerate(entries)) {
                              int64_t index = static_cast<int64_t>(i);
                              insert(LLVM::AddressOfOp::create(builder, loc, entry.first), {index, 0});
                              insert(LLVM::AddressOfOp::create(builder, loc, entry.second), {index, 1});
                            }
                          });
  }

  static void createCode(OpBuilder &builder, Location loc, StringRef cpu, LLVM::GlobalOp table) {
    auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
    auto count = static_cast<int64_t>(cast<LLVM::LLVMArrayType>(table.getType()).getNumElements());
    LLVM::GlobalOp name = createText(builder, loc, "attune_cpu", cpu);
    auto type =
        LLVM::LLVMStructType::getLiteral(builder.getContext(), {pointer, pointer, builder.getI64Type()});
    LLVM::GlobalOp code = createConstant(
        builder, loc, type, LLVM::Linkage::External, ("attune_code_" + cpu).str(),
        [&](function_ref<void(Value, ArrayRef<int64_t>)> insert) {
          insert(LLVM::AddressOfOp::create(builder, loc, name), {0});
          insert(LLVM::AddressOfOp::create(builder, loc, table), {1});
          insert(LLVM::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(count)), {2});
        });
    putInSection(code, "attune_code");
  }
};

} // namespace
