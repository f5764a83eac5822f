// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/DeviceCode.h"

#include "passes/Pipelines.h"
#include "passes/gpu/DeviceModules.h"
#include "tools/compile/MachineCode.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/ROCDL/ROCDLToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune;
using llvm::Error;
using llvm::StringRef;

namespace {

/// What drivers from CUDA 12 on take.
constexpr char kPtxFeatures[] = "+ptx80";

/// How kernels become code of one kind.
struct DeviceBackend {
  attune::MachineName machine;
  void (*build)(mlir::OpPassManager &); ///< the pipeline to the LLVM dialect
  llvm::CodeGenFileType form;
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
/// It is rare that the optimiser leaves any: a mixture's places of many experts.
Error checkStack(const llvm::Module &module) {
  unsigned space = module.getDataLayout().getAllocaAddrSpace();
  for (const llvm::Function &function : module)
    for (const llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *buffer = llvm::dyn_cast<llvm::AllocaInst>(&instruction))
        if (buffer->getAddressSpace() != space)
          return llvm::createStringError("the kernel '" + function.getName() +
                                         "' makes memory of its own, which has no form for this device yet");
  return Error::success();
}

/// All that differs between devices until there is code of theirs.
DeviceBackend backendOf(Target target, StringRef chip, llvm::CodeGenFileType form) {
  switch (target) {
  case Target::cuda:
    return {{"nvptx64-nvidia-cuda", chip.str(), kPtxFeatures}, mlir::transformer::buildNvvmPipeline, form};
  case Target::rocm:
    return {{"amdgcn-amd-amdhsa", chip.str(), ""}, mlir::transformer::buildRocdlPipeline, form, checkStack};
  case Target::opencl:
    // Drivers optimise by themselves, and strength reduction of loops would make odd integers.
    return {{"spirv64-unknown-unknown", "", "", std::nullopt, llvm::CodeGenOptLevel::None},
            mlir::transformer::buildSpirvPipeline,
            form,
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

llvm::Expected<std::string> assemble(const std::string &ptxas, const std::string &ptx,
                                     const std::string &chip) {
  llvm::SmallString<128> input, output, log;
  for (auto [path, suffix] : {std::pair(&input, "ptx"), std::pair(&output, "cubin"), std::pair(&log, "log")})
    if (std::error_code code = llvm::sys::fs::createTemporaryFile("attune-device", suffix, *path))
      return llvm::createStringError(code, "temporary file: " + code.message());
  llvm::FileRemover removers[] = {llvm::FileRemover(input), llvm::FileRemover(output),
                                  llvm::FileRemover(log)};
  std::error_code code;
  {
    llvm::raw_fd_ostream stream(input, code);
    stream << ptx;
  }
  std::string arch = "-arch=" + chip;
  StringRef arguments[] = {ptxas, arch, "-O3", input, "-o", output};
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log), StringRef(log)};
  std::string message;
  int result = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects, 0, 0, &message);
  auto textOf = [](StringRef path) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  };
  if (result != 0)
    return llvm::createStringError(ptxas + " failed for " + chip + ": " + message +
                                   textOf(log).substr(0, 2000));
  return textOf(output);
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
      auto binary = assemble(*ptxas, *ptx, chip);
      if (!binary)
        return binary.takeError();
      codes.push_back({"device." + chip + ".cubin", std::move(*binary)});
    }
    if (isFirst)
      codes.push_back({"device." + chip + ".ptx", std::move(*ptx)});
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
  // No program carries another target's yet; --emit=obj and llvm show the host's code.
  if (target == Target::rocm)
    return std::vector<DeviceCode>();
  auto code = writeKernels(module, backendOf(target, "", llvm::CodeGenFileType::ObjectFile));
  if (!code)
    return code.takeError();
  return std::vector<DeviceCode>{{"device.spv", std::move(*code)}};
}
