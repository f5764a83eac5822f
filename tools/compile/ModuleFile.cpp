// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/ModuleFile.h"

#include "dialect/Transformer.h"
#include "passes/layout/Formats.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace attune;
using llvm::Error;
using llvm::StringRef;
using mlir::ModuleOp;
using mlir::func::FuncOp;

static constexpr StringRef kModel = "transformer.model", kOptions = "transformer.options";

StringRef attune::formName(Form form) {
  switch (form) {
  case Form::transformer:
    return "transformer";
  case Form::fused:
    return "fused";
  case Form::layout:
    return "layout";
  case Form::linalg:
    return "linalg";
  }
  llvm_unreachable("every form has a name");
}

bool attune::isModuleFile(StringRef path) { return path.ends_with(".mlir") || path.ends_with(".mlirbc"); }

//===-------------------- options that a module notes ---------------------===//

static StringRef activationsName(Activations activations) {
  return activations == Activations::f32 ? "f32" : activations == Activations::int8 ? "int8" : "auto";
}

static StringRef cacheName(CacheType cache) {
  return cache == CacheType::f32    ? "f32"
         : cache == CacheType::f16  ? "f16"
         : cache == CacheType::int8 ? "int8"
                                    : "auto";
}

void attune::noteOrigin(ModuleOp module, const CompileOptions &options) {
  mlir::Builder builder(module.getContext());
  llvm::SmallString<256> path(options.model);
  if (!llvm::sys::fs::make_absolute(path))
    llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  module->setAttr(kModel, builder.getStringAttr(path));
  llvm::SmallVector<mlir::NamedAttribute> entries;
  if (options.context)
    entries.push_back(builder.getNamedAttr("context", builder.getI64IntegerAttr(options.context)));
  if (options.quantize)
    entries.push_back(
        builder.getNamedAttr("quantize", builder.getStringAttr(storageTypeName(*options.quantize))));
  if (options.activations != Activations::automatic)
    entries.push_back(
        builder.getNamedAttr("activations", builder.getStringAttr(activationsName(options.activations))));
  if (options.cache != CacheType::automatic)
    entries.push_back(builder.getNamedAttr("cache", builder.getStringAttr(cacheName(options.cache))));
  if (!entries.empty())
    module->setAttr(kOptions, builder.getDictionaryAttr(entries));
}

/// Takes an entry of the noted options.
static Error takeOption(mlir::NamedAttribute entry, CompileOptions &options) {
  StringRef name = entry.getName();
  auto text = llvm::dyn_cast<mlir::StringAttr>(entry.getValue());
  auto number = llvm::dyn_cast<mlir::IntegerAttr>(entry.getValue());
  if (name == "context" && number && number.getInt() > 0) {
    options.context = number.getInt();
    return Error::success();
  }
  if (name == "quantize" && text)
    if ((options.quantize = storageTypeNamed(text.getValue())))
      return Error::success();
  if (name == "activations" && text)
    for (Activations value : {Activations::f32, Activations::int8})
      if (text.getValue() == activationsName(value)) {
        options.activations = value;
        return Error::success();
      }
  if (name == "cache" && text)
    for (CacheType value : {CacheType::f32, CacheType::f16, CacheType::int8})
      if (text.getValue() == cacheName(value)) {
        options.cache = value;
        return Error::success();
      }
  std::string found;
  llvm::raw_string_ostream(found) << entry.getValue();
  return llvm::createStringError("the attribute '" + kOptions + "' has '" + name + "' = " + found +
                                 ", which attune-compile does not write");
}

static Error takeOrigin(ModuleOp module, CompileOptions &options) {
  const CompileOptions fresh;
  if (options.context != fresh.context || options.quantize || options.activations != fresh.activations ||
      options.cache != fresh.cache)
    return llvm::createStringError("--context, --quantize, --activations and --cache were decided when this "
                                   "IR was made: give them there");
  auto model = module->getAttrOfType<mlir::StringAttr>(kModel);
  if (!model || model.empty())
    return llvm::createStringError("the module has no attribute '" + kModel +
                                   "', the path of the model whose weights belong to it; IR that "
                                   "attune-compile --emit writes has it");
  if (!llvm::sys::fs::exists(model.getValue()))
    return llvm::createStringError("was made from '" + model.getValue() +
                                   "', which is not there: weights and vocabulary are taken from it (change "
                                   "the module's attribute '" +
                                   kModel + "' if it has moved)");
  if (isModuleFile(model.getValue()))
    return llvm::createStringError("the attribute '" + kModel + "' names IR: '" + model.getValue() + "'");
  if (auto noted = module->getAttrOfType<mlir::DictionaryAttr>(kOptions))
    for (mlir::NamedAttribute entry : noted)
      if (Error error = takeOption(entry, options))
        return error;
  options.model = model.str();
  return Error::success();
}

//===------------------------------ the form ------------------------------===//

/// By what it holds, so that passes of attune-opt may have been run over it.
static llvm::Expected<Form> formOf(ModuleOp module) {
  bool hasMemory = false, hasTaps = false, hasEntry = false;
  for (FuncOp function : module.getOps<FuncOp>()) {
    hasTaps |= function->hasAttr("transformer.taps");
    hasEntry |= function.isPublic() && !function.isExternal() && function.getName() == "step";
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      hasMemory |= function.getArgAttr(i, mlir::transformer::kRoleAttr) != nullptr;
  }
  bool isBehind = false, hasTransformer = false;
  module.walk([&](mlir::Operation *op) {
    StringRef dialect = op->getName().getDialectNamespace();
    isBehind |= dialect == "vector" || dialect == "llvm" || dialect == "cf" ||
                llvm::isa<mlir::scf::ForallOp, mlir::kernel::LaunchOp>(op);
    hasTransformer |= dialect == "transformer" && !llvm::isa<mlir::transformer::ParameterOp>(op);
  });
  if (isBehind)
    return llvm::createStringError("is behind the linalg stage; attune-compile goes on from the forms that "
                                   "--emit=transformer, fused, layout and linalg write");
  if (!hasEntry)
    return llvm::createStringError("has no public function @step");
  if (hasMemory)
    return hasTransformer ? Form::layout : Form::linalg;
  return hasTaps ? Form::fused : Form::transformer;
}

llvm::Expected<ModuleFile> attune::readModule(mlir::MLIRContext &context, CompileOptions &options) {
  std::string file = options.model;
  auto inFile = [&](Error error) {
    return llvm::createStringError(file + ": " + llvm::toString(std::move(error)));
  };
  if (!llvm::sys::fs::exists(file))
    return llvm::createStringError(file + ": no such file or folder");
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceFile<ModuleOp>(file, &context);
  if (!module)
    return llvm::createStringError(file + ": is no valid MLIR module");
  llvm::Expected<Form> form = formOf(*module);
  if (!form)
    return inFile(form.takeError());
  if (Error error = takeOrigin(*module, options))
    return inFile(std::move(error));
  return ModuleFile{std::move(module), *form};
}
