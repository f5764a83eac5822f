// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/ObjectCode.h"

#include "tools/compile/MachineCode.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune;
using llvm::Error;

namespace {

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

} // namespace

Error attune::writeCode(mlir::ModuleOp module, const mlir::transformer::CpuTarget &target, CodeForm form,
                        bool sanitize, const std::string &path) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule = mlir::translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return llvm::createStringError("the module could not be translated to LLVM IR");
  auto machine = createMachine({target.triple, target.cpu, target.features, llvm::Reloc::PIC_});
  if (!machine)
    return machine.takeError();
  setMachine(*llvmModule, **machine);
  llvmModule->setPICLevel(llvm::PICLevel::BigPIC);
  setFunctionAttributes(*llvmModule, target, sanitize);
  optimize(*llvmModule, **machine, sanitize);

  std::string text;
  if (form == CodeForm::llvmIr) {
    llvm::raw_string_ostream(text) << *llvmModule;
  } else {
    auto type =
        form == CodeForm::assembly ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile;
    auto generated = generate(*llvmModule, **machine, type);
    if (!generated)
      return generated.takeError();
    text = std::move(*generated);
  }
  std::error_code code;
  llvm::raw_fd_ostream out(path, code, llvm::sys::fs::OF_None);
  if (code)
    return llvm::createStringError(code, path + ": " + code.message());
  out << text;
  out.close();
  if (out.has_error()) {
    code = out.error();
    out.clear_error();
    return llvm::createStringError(code, path + ": " + code.message());
  }
  return Error::success();
}
