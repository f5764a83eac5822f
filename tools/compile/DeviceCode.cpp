// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/DeviceCode.h"

#include "passes/Pipelines.h"
#include "passes/gpu/DeviceModules.h"
#include "tools/compile/MachineCode.h"
#include "tools/compile/Tool.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/ROCDL/ROCDLToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Program.h"

using namespace attune;
using llvm::Error;
using llvm::StringRef;

namespace {

/// What drivers from CUDA 12 on take.
constexpr char kPtxFeatures[] = "+ptx80";

/// Of AMD's code objects: the one that every HIP of ROCm 6 loads (LLVM's own choice is a later one).
constexpr int kCodeObjectVersion = 500;

/// How kernels become code of one kind.
struct DeviceBackend {
  attune::MachineName machine;
  void (*build)(mlir::OpPassManager &); ///< the pipeline to the LLVM dialect
  llvm::CodeGenFileType form;
  void (*prepare)(llvm::Module &) = nullptr;      ///< before it is optimised
  Error (*check)(const llvm::Module &) = nullptr; ///< what the back end would get wrong
};

/// LLVM 22's back end takes an i4 for an i8 whose upper bits hold anything: `trunc` to it does not cut them
/// off.
Error checkIntegers(const llvm::Module &module) {
  for (const llvm::Function &function : module)
    for (const llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *type = llvm::dyn_cast<llvm::IntegerType>(instruction.getType()->getScalarType());
          type && !llvm::is_contained({1, 8, 16, 32, 64}, static_cast<int>(type->getBitWidth())))
        return llvm::createStringError("the kernel '" + function.getName() + "' has an integer of " +
                                       llvm::Twine(type->getBitWidth()) + " bits, which SPIR-V has not");
  return Error::success();
}

/// MLIR puts what a work item keeps for itself into memory of any kind, but AMD's devices have a kind for it.
/// (The optimiser leaves little of it: a mixture's places of many experts.)
void prepareForAmd(llvm::Module &module) {
  module.addModuleFlag(llvm::Module::Error, "amdhsa_code_object_version", kCodeObjectVersion);
  unsigned space = module.getDataLayout().getAllocaAddrSpace();
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
      auto *buffer = llvm::dyn_cast<llvm::AllocaInst>(&instruction);
      if (!buffer || buffer->getAddressSpace() == space)
        continue;
      llvm::IRBuilder<> builder(buffer);
      auto *own = builder.CreateAlloca(buffer->getAllocatedType(), space, buffer->getArraySize());
      own->setAlignment(buffer->getAlign());
      buffer->replaceAllUsesWith(builder.CreateAddrSpaceCast(own, buffer->getType()));
      buffer->eraseFromParent();
    }
}

/// All that differs between devices until there is code of theirs.
DeviceBackend backendOf(Target target, StringRef chip, llvm::CodeGenFileType form) {
  switch (target) {
  case Target::cuda:
    return {{"nvptx64-nvidia-cuda", chip.str(), kPtxFeatures}, mlir::transformer::buildNvvmPipeline, form};
  case Target::rocm:
    return {
        {"amdgcn-amd-amdhsa", chip.str(), ""}, mlir::transformer::buildRocdlPipeline, form, prepareForAmd};
  case Target::opencl:
    // Drivers optimise by themselves, and strength reduction of loops would make odd integers.
    return {{"spirv64-unknown-unknown", "", "", std::nullopt, llvm::CodeGenOptLevel::None},
            mlir::transformer::buildSpirvPipeline,
            form,
            nullptr,
            checkIntegers};
  case Target::cpu:
    break;
  }
  llvm_unreachable("a processor is no device");
}

llvm::Expected<std::string> translate(mlir::gpu::GPUModuleOp device, const DeviceBackend &backend) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = mlir::translateModuleToLLVMIR(device, context);
  if (!module)
    return llvm::createStringError("the kernels could not be translated to LLVM IR");
  auto machine = createMachine(backend.machine);
  if (!machine)
    return machine.takeError();
  setMachine(*module, **machine);
  if (backend.prepare)
    backend.prepare(*module);
  optimize(*module, **machine);
  if (backend.check)
    if (Error error = backend.check(*module))
      return std::move(error);
  return generate(*module, **machine, backend.form);
}

/// The kernels that a chip runs, in one `gpu.module`: those for every chip and those for it alone. Null if
/// there are none.
mlir::gpu::GPUModuleOp copyKernels(mlir::ModuleOp module, StringRef chip, mlir::ModuleOp to) {
  namespace transformer = mlir::transformer;
  auto common = module.lookupSymbol<mlir::gpu::GPUModuleOp>(transformer::deviceModuleOf(""));
  if (!common)
    return {};
  auto copy = common.clone();
  to.getBody()->push_back(copy);
  if (auto own = module.lookupSymbol<mlir::gpu::GPUModuleOp>(transformer::deviceModuleOf(chip));
      own && own != common)
    for (auto symbol : own.getOps<mlir::SymbolOpInterface>())
      if (!copy.lookupSymbol(symbol.getNameAttr()))
        copy.getBody()->push_back(symbol->clone());
  return copy;
}

/// Code of the kernels.
llvm::Expected<std::string> writeKernels(mlir::ModuleOp module, const DeviceBackend &backend) {
  mlir::MLIRContext &context = *module.getContext();
  mlir::registerBuiltinDialectTranslation(context);
  mlir::registerGPUDialectTranslation(context);
  mlir::registerLLVMDialectTranslation(context);
  mlir::registerNVVMDialectTranslation(context);
  mlir::registerROCDLDialectTranslation(context);
  mlir::OwningOpRef<mlir::ModuleOp> copy = mlir::ModuleOp::create(module.getLoc());
  if (!copyKernels(module, backend.machine.cpu, *copy))
    return llvm::createStringError("the program has no kernels");
  mlir::PassManager pm(&context);
  backend.build(pm);
  if (mlir::failed(pm.run(*copy)))
    return llvm::createStringError("the kernels could not be lowered for " + backend.machine.triple);
  return translate(*copy->getOps<mlir::gpu::GPUModuleOp>().begin(), backend);
}

/// Path of NVIDIA's assembler, or nothing.
std::optional<std::string> findPtxas() {
  if (auto path = llvm::sys::findProgramByName("ptxas"))
    return *path;
  if (auto path = llvm::sys::findProgramByName("ptxas", {"/usr/local/cuda/bin"}))
    return *path;
  return std::nullopt;
}

llvm::Expected<std::vector<DeviceCode>> writeNvidiaCode(mlir::ModuleOp module,
                                                        llvm::ArrayRef<std::string> chips) {
  std::vector<DeviceCode> codes;
  std::optional<std::string> ptxas = findPtxas();
  for (const std::string &chip : chips) {
    bool isFirst = chip == chips.front();
    if (!isFirst && !ptxas)
      continue;
    auto ptx = writeKernels(module, backendOf(Target::cuda, chip, llvm::CodeGenFileType::AssemblyFile));
    if (!ptx)
      return ptx.takeError();
    if (ptxas) {
      auto binary = filterThrough(*ptxas, {"-arch=" + chip, "-O3"}, *ptx, "ptx");
      if (!binary)
        return binary.takeError();
      codes.push_back({"device." + chip + ".cubin", std::move(*binary)});
    }
    if (isFirst)
      codes.push_back({"device." + chip + ".ptx", std::move(*ptx)});
  }
  return codes;
}

/// Code objects, which HIP loads: shared libraries of kernels.
llvm::Expected<std::vector<DeviceCode>> writeAmdCode(mlir::ModuleOp module,
                                                     llvm::ArrayRef<std::string> chips) {
  auto linker = findLinker("ld.lld");
  if (!linker)
    return linker.takeError();
  std::vector<DeviceCode> codes;
  for (const std::string &chip : chips) {
    auto object = writeKernels(module, backendOf(Target::rocm, chip, llvm::CodeGenFileType::ObjectFile));
    if (!object)
      return object.takeError();
    auto code = filterThrough(*linker, {"-shared", "--no-undefined"}, *object, "o");
    if (!code)
      return code.takeError();
    codes.push_back({"device." + chip + ".hsaco", std::move(*code)});
  }
  return codes;
}

} // namespace

bool attune::isChip(Target target, StringRef chip) {
  StringRef number = chip;
  auto all = [&](auto isDigit) { return !number.empty() && llvm::all_of(number, isDigit); };
  if (target == Target::rocm)
    return number.consume_front("gfx") &&
           all([](char c) { return llvm::isHexDigit(c) && !llvm::isUpper(c); });
  if (!number.consume_front("sm_"))
    return false;
  number = number.rtrim("af");
  return all([](char c) { return llvm::isDigit(c); });
}

llvm::Expected<std::string> attune::writeDeviceAssembly(mlir::ModuleOp module, Target target,
                                                        llvm::ArrayRef<std::string> chips) {
  return writeKernels(
      module, backendOf(target, chips.empty() ? "" : chips.front(), llvm::CodeGenFileType::AssemblyFile));
}

llvm::Expected<std::vector<DeviceCode>> attune::writeDeviceCode(mlir::ModuleOp module, Target target,
                                                                llvm::ArrayRef<std::string> chips) {
  if (target == Target::cuda)
    return writeNvidiaCode(module, chips);
  if (target == Target::rocm)
    return writeAmdCode(module, chips);
  auto code = writeKernels(module, backendOf(target, "", llvm::CodeGenFileType::ObjectFile));
  if (!code)
    return code.takeError();
  return std::vector<DeviceCode>{{"device.spv", std::move(*code)}};
}
