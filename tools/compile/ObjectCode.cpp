// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/ObjectCode.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"

using namespace attune;
using llvm::Error;

namespace {

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const mlir::transformer::CpuTarget &target) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  std::string message;
  llvm::Triple triple(target.triple);
  const llvm::Target *registered = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!registered)
    return llvm::createStringError("target '" + target.triple + "': " + message);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast; // a * b + c in one rounding, as vector.fma already is
  return std::unique_ptr<llvm::TargetMachine>(
      registered->createTargetMachine(triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
                                      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

void setFunctionAttributes(llvm::Module &module, const mlir::transformer::CpuTarget &target, bool sanitize) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features);
    function.addFnAttr("prefer-vector-width", std::to_string(target.vectorBits));
    if (sanitize)
      function.addFnAttr(llvm::Attribute::SanitizeAddress);
  }
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine, bool sanitize) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::ModulePassManager manager = builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3);
  if (sanitize)
    manager.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions()));
  manager.run(module, modules);
}

} // namespace

Error attune::writeCode(mlir::ModuleOp module, const mlir::transformer::CpuTarget &target, CodeForm form,
                        bool sanitize, const std::string &path) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule = mlir::translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return llvm::createStringError("the module could not be translated to LLVM IR");
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  llvmModule->setTargetTriple((*machine)->getTargetTriple());
  llvmModule->setDataLayout((*machine)->createDataLayout());
  llvmModule->setPICLevel(llvm::PICLevel::BigPIC);
  setFunctionAttributes(*llvmModule, target, sanitize);
  optimize(*llvmModule, **machine, sanitize);

  std::error_code code;
  llvm::raw_fd_ostream out(path, code, llvm::sys::fs::OF_None);
  if (code)
    return llvm::createStringError(code, path + ": " + code.message());
  if (form == CodeForm::llvmIr) {
    llvmModule->print(out, nullptr);
  } else {
    llvm::legacy::PassManager manager;
    auto type =
        form == CodeForm::assembly ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile;
    llvm::SmallVector<char> bytes;
    llvm::raw_svector_ostream buffer(bytes);
    if ((*machine)->addPassesToEmitFile(manager, buffer, nullptr, type))
      return llvm::createStringError("target '" + target.triple + "' writes no code of this kind");
    manager.run(*llvmModule);
    out.write(bytes.data(), bytes.size());
  }
  out.close();
  if (out.has_error()) {
    code = out.error();
    out.clear_error();
    return llvm::createStringError(code, path + ": " + code.message());
  }
  return Error::success();
}
