// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/MachineCode.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"

using namespace attune;

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> attune::createMachine(const MachineName &name) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  std::string message;
  llvm::Triple triple(name.triple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return llvm::createStringError("target '" + name.triple + "': " + message);
  std::unique_ptr<llvm::MCSubtargetInfo> known(target->createMCSubtargetInfo(triple, "", ""));
  if (!name.cpu.empty() && !known->isCPUStringValid(name.cpu))
    return llvm::createStringError("LLVM knows no '" + name.cpu + "' among the chips of " + name.triple);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, name.cpu, name.features, options, name.relocation, std::nullopt, name.level));
}

void attune::setMachine(llvm::Module &module, const llvm::TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
}

void attune::optimize(llvm::Module &module, llvm::TargetMachine &machine, bool sanitize) {
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

llvm::Expected<std::string> attune::generate(llvm::Module &module, llvm::TargetMachine &machine,
                                             llvm::CodeGenFileType type) {
  llvm::SmallVector<char> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager manager;
  if (machine.addPassesToEmitFile(manager, stream, nullptr, type))
    return llvm::createStringError("target '" + machine.getTargetTriple().str() +
                                   "' writes no code of this kind");
  manager.run(module);
  return std::string(bytes.data(), bytes.size());
}
