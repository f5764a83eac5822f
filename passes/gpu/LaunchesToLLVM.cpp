// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/LaunchesToLLVM.h"
#include "passes/Passes.h"
#include "passes/gpu/BlockMemory.h"
#include "passes/gpu/DeviceModules.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_DROPDEVICECODE
#define GEN_PASS_DEF_KERNELTABLE
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

llvm::StringMap<int32_t> transformer::numberKernels(ModuleOp module) {
  llvm::StringMap<int32_t> numbers;
  for (auto device : module.getOps<gpu::GPUModuleOp>())
    for (auto kernel : device.getOps<gpu::GPUFuncOp>())
      numbers[kernel.getName()] = static_cast<int32_t>(numbers.size());
  return numbers;
}

namespace {

constexpr uint8_t kTensorMapBytes = 128;

LLVM::LLVMFuncOp declareLaunch(OpBuilder &builder, ModuleOp module) {
  constexpr StringLiteral kName = "attune_device_launch";
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(kName))
    return existing;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  SmallVector<Type> types{builder.getI32Type()};
  types.append(6, builder.getI64Type());
  types.push_back(LLVM::LLVMPointerType::get(builder.getContext()));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), types);
  return LLVM::LLVMFuncOp::create(builder, module.getLoc(), kName, type);
}

/// The sizes of arguments as a launch has them: a memref is two addresses, an offset, sizes and strides; a
/// pointer is to a tensor map, which is an argument by value (see `kernel-tensor-map-arguments`).
SmallVector<uint8_t> argumentBytes(TypeRange types) {
  SmallVector<uint8_t> bytes;
  for (Type type : types) {
    if (auto memref = dyn_cast<MemRefType>(type))
      bytes.append(static_cast<size_t>(3 + 2 * memref.getRank()), 8);
    else if (isa<LLVM::LLVMPointerType>(type))
      bytes.push_back(kTensorMapBytes);
    else
      bytes.push_back(
          type.isIndex() ? 8 : static_cast<uint8_t>(llvm::divideCeil(type.getIntOrFloatBitWidth(), 8)));
  }
  return bytes;
}

/// The arguments lie in a structure on the stack; the runtime gets an array of their addresses.
struct LowerLaunchFunc : ConvertOpToLLVMPattern<gpu::LaunchFuncOp> {
  LowerLaunchFunc(const LLVMTypeConverter &converter, const llvm::StringMap<int32_t> &numbers)
      : ConvertOpToLLVMPattern(converter), numbers(numbers) {}

  LogicalResult matchAndRewrite(gpu::LaunchFuncOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto number = numbers.find(op.getKernelName().getValue());
    if (number == numbers.end())
      return op.emitError() << "launches an unknown kernel";
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto module = op->getParentOfType<ModuleOp>();
    auto pointer = LLVM::LLVMPointerType::get(getContext());
    SmallVector<Value> values = getTypeConverter()->promoteOperands(op.getLoc(), op.getKernelOperands(),
                                                                    adaptor.getKernelOperands(), rewriter);
    auto structure =
        LLVM::LLVMStructType::getLiteral(getContext(), llvm::to_vector(ValueRange(values).getTypes()));
    auto addresses = LLVM::LLVMArrayType::get(pointer, static_cast<unsigned>(values.size()));
    Value memory = onStack(b, op, structure), array = onStack(b, op, addresses);
    SmallVector<uint8_t> bytes = argumentBytes(op.getKernelOperands().getTypes());
    for (auto [i, value] : llvm::enumerate(values)) {
      auto index = static_cast<int32_t>(i);
      Value field = value;
      if (bytes[i] != kTensorMapBytes) {
        field = LLVM::GEPOp::create(b, pointer, structure, memory, ArrayRef<LLVM::GEPArg>{0, index});
        LLVM::StoreOp::create(b, value, field);
      }
      LLVM::StoreOp::create(
          b, field, LLVM::GEPOp::create(b, pointer, addresses, array, ArrayRef<LLVM::GEPArg>{0, index}));
    }
    Value kernel = LLVM::ConstantOp::create(b, b.getI32Type(), number->second);
    SmallVector<Value> operands{kernel,
                                adaptor.getGridSizeX(),
                                adaptor.getGridSizeY(),
                                adaptor.getGridSizeZ(),
                                adaptor.getBlockSizeX(),
                                adaptor.getBlockSizeY(),
                                adaptor.getBlockSizeZ(),
                                array};
    LLVM::CallOp::create(b, declareLaunch(b, module), operands);
    rewriter.eraseOp(op);
    return success();
  }

private:
  const llvm::StringMap<int32_t> &numbers;

  /// Where the function begins: launches in loops would pile up.
  static Value onStack(ImplicitLocOpBuilder &b, Operation *op, Type type) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&op->getParentOfType<FunctionOpInterface>().getFunctionBody().front());
    Value one = LLVM::ConstantOp::create(b, b.getI64Type(), 1);
    return LLVM::AllocaOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), type, one);
  }
};

struct DropDeviceCode : transformer::impl::DropDeviceCodeBase<DropDeviceCode> {
  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<gpu::GPUFuncOp>()) {
      Region &body = kernel.getBody();
      for (Block &block : body)
        block.dropAllReferences();
      while (!llvm::hasSingleElement(body))
        body.back().erase();
      body.front().clear();
      OpBuilder builder = OpBuilder::atBlockEnd(&body.front());
      gpu::ReturnOp::create(builder, kernel.getLoc());
    }
  }
};

/// `attune_kernels` and `attune_kernel_count`.
struct KernelTable : transformer::impl::KernelTableBase<KernelTable> {
  struct Row {
    gpu::GPUFuncOp kernel;
    LLVM::GlobalOp name, bytes, chip; ///< no `chip`: every one
    LLVM::LLVMFuncOp emulated;
    uint32_t argumentCount = 0, sharedBytes = 0, dynamicBytes = 0;
  };

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<gpu::GPUModuleOp> devices(module.getOps<gpu::GPUModuleOp>());
    if (devices.empty())
      return;
    ImplicitLocOpBuilder b(module.getLoc(), OpBuilder::atBlockEnd(module.getBody()));
    SmallVector<Row> rows;
    for (gpu::GPUModuleOp device : devices)
      for (auto kernel : device.getOps<gpu::GPUFuncOp>())
        rows.push_back(createRow(b, device, kernel));
    createTable(b, rows);
    for (gpu::GPUModuleOp device : devices)
      device.erase();
    // What the host allocates is the device's.
    for (auto [from, to] : {std::pair("_mlir_memref_to_llvm_alloc", "attune_device_allocate"),
                            std::pair("_mlir_memref_to_llvm_free", "attune_device_free")})
      if (Operation *function = module.lookupSymbol(from)) {
        if (failed(SymbolTable::replaceAllSymbolUses(function, StringAttr::get(&getContext(), to), module)))
          return signalPassFailure();
        SymbolTable::setSymbolName(function, to);
      }
  }

  static LLVM::GlobalOp createBytes(ImplicitLocOpBuilder &b, const Twine &name, const std::string &bytes) {
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), static_cast<unsigned>(bytes.size()));
    return LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal, name.str(),
                                  b.getStringAttr(bytes));
  }

  Row createRow(ImplicitLocOpBuilder &b, gpu::GPUModuleOp device, gpu::GPUFuncOp kernel) {
    Row row;
    row.kernel = kernel;
    SmallVector<uint8_t> bytes = argumentBytes(kernel.getFunctionType().getInputs());
    row.argumentCount = static_cast<uint32_t>(bytes.size());
    row.name = createBytes(b, "attune_kernel_name_" + kernel.getName(), kernel.getName().str() + '\0');
    if (StringRef chip = chipOfDeviceModule(device.getName()); !chip.empty())
      row.chip = createBytes(b, "attune_kernel_chip_" + kernel.getName(), chip.str() + '\0');
    row.bytes = createBytes(b, "attune_kernel_bytes_" + kernel.getName(),
                            std::string(bytes.begin(), bytes.end()) + '\0');
    BlockMemory memory(kernel);
    row.sharedBytes = static_cast<uint32_t>(memory.bytes);
    row.dynamicBytes = memory.isDynamic() ? row.sharedBytes : 0;
    auto copy =
        getOperation().lookupSymbol<LLVM::LLVMFuncOp>((device.getName() + "_" + kernel.getName()).str());
    if (copy && copy->hasAttr("kernel.emulated"))
      row.emulated = createUnpacker(b, copy, bytes);
    return row;
  }

  /// void f(ptr arguments): one work item with the arguments that the addresses lead to.
  static LLVM::LLVMFuncOp createUnpacker(ImplicitLocOpBuilder &b, LLVM::LLVMFuncOp kernel,
                                         ArrayRef<uint8_t> bytes) {
    OpBuilder::InsertionGuard guard(b);
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer});
    auto function =
        LLVM::LLVMFuncOp::create(b, (kernel.getName() + "_item").str(), type, LLVM::Linkage::Internal);
    Block *entry = function.addEntryBlock(b);
    b.setInsertionPointToStart(entry);
    SmallVector<Value> operands;
    for (auto [i, argument] : llvm::enumerate(kernel.getArgumentTypes())) {
      Value place = LLVM::GEPOp::create(b, pointer, pointer, entry->getArgument(0),
                                        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
      Value address = LLVM::LoadOp::create(b, pointer, place);
      operands.push_back(
          bytes[i] == kTensorMapBytes ? address : LLVM::LoadOp::create(b, argument, address).getResult());
    }
    LLVM::CallOp::create(b, kernel, operands);
    LLVM::ReturnOp::create(b, ValueRange{});
    return function;
  }

  static void createTable(ImplicitLocOpBuilder &b, ArrayRef<Row> rows) {
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    Type i32 = b.getI32Type();
    auto row =
        LLVM::LLVMStructType::getLiteral(b.getContext(), {pointer, pointer, pointer, i32, i32, pointer, i32});
    auto type = LLVM::LLVMArrayType::get(row, static_cast<unsigned>(rows.size()));
    auto table = LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::External,
                                        "attune_kernels", Attribute());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(b.createBlock(&table.getInitializerRegion()));
    Value value = LLVM::PoisonOp::create(b, type);
    for (auto [i, row] : llvm::enumerate(rows)) {
      auto index = static_cast<int64_t>(i);
      auto insert = [&](Value field, int64_t position) {
        value = LLVM::InsertValueOp::create(b, value, field, ArrayRef<int64_t>{index, position});
      };
      auto number = [&](uint32_t constant) {
        return LLVM::ConstantOp::create(b, i32, static_cast<int64_t>(constant));
      };
      auto addressOrNull = [&](auto symbol) {
        return symbol ? Value(LLVM::AddressOfOp::create(b, symbol)) : Value(LLVM::ZeroOp::create(b, pointer));
      };
      insert(LLVM::AddressOfOp::create(b, row.name), 0);
      insert(addressOrNull(row.emulated), 1);
      insert(LLVM::AddressOfOp::create(b, row.bytes), 2);
      insert(number(row.argumentCount), 3);
      insert(number(row.sharedBytes), 4);
      insert(addressOrNull(row.chip), 5);
      insert(number(row.dynamicBytes), 6);
    }
    LLVM::ReturnOp::create(b, value);
    b.setInsertionPointAfter(table);
    LLVM::GlobalOp::create(b, b.getI64Type(), /*isConstant=*/true, LLVM::Linkage::External,
                           "attune_kernel_count", b.getI64IntegerAttr(static_cast<int64_t>(rows.size())));
  }
};

} // namespace

void transformer::populateLaunchToLLVMPatterns(const LLVMTypeConverter &converter,
                                               RewritePatternSet &patterns,
                                               const llvm::StringMap<int32_t> &numbers) {
  patterns.add<LowerLaunchFunc>(converter, numbers);
}
