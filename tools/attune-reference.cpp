// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// attune-reference: runs the functions of a .mlir file in the reference interpreter and prints what they
// give.
//
// Every public function whose arguments are all caches is run, each in its turn with fresh caches. Output, a
// line each:
//   NAME: tensor<2x3xf32> [[1, 2, 3], [4, 5, 6]]          (NAME#0, NAME#1 ... for several results)
//   NAME tap attentions[1]: tensor<1x1x2xf32> [[[0.5, 0.5]]]

#include "dialect/reference/Reference.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

static llvm::cl::OptionCategory category("attune-reference options");
static llvm::cl::opt<std::string> inputPath(llvm::cl::Positional, llvm::cl::desc("FILE.mlir"),
                                            llvm::cl::init("-"), llvm::cl::cat(category));
static llvm::cl::opt<int64_t> cacheRows("cache-rows", llvm::cl::desc("rows of each cache (64)"),
                                        llvm::cl::init(64), llvm::cl::cat(category));
static llvm::cl::opt<Precision>
    precision("precision", llvm::cl::desc("what is kept between operations (f64)"),
              llvm::cl::values(clEnumValN(Precision::f64, "f64", "doubles"),
                               clEnumValN(Precision::f32, "f32", "floats where types say f32")),
              llvm::cl::init(Precision::f64), llvm::cl::cat(category));

static bool takesOnlyCaches(func::FuncOp function) {
  return function.isPublic() && !function.isExternal() &&
         llvm::all_of(function.getArgumentTypes(), [](Type type) { return isa<CacheType>(type); });
}

static llvm::Error runAndPrint(func::FuncOp function) {
  SmallVector<RuntimeValue> arguments;
  for (Type type : function.getArgumentTypes()) {
    llvm::Expected<std::shared_ptr<CacheValue>> cache = CacheValue::create(cast<CacheType>(type), cacheRows);
    if (!cache)
      return cache.takeError();
    arguments.push_back(*cache);
  }
  llvm::raw_ostream &os = llvm::outs();
  ReferenceOptions options;
  options.precision = precision;
  options.taps = [&](StringRef name, std::optional<int64_t> layer, const Tensor &value, Type type) {
    os << function.getSymName() << " tap " << name;
    if (layer)
      os << '[' << *layer << ']';
    print(os << ": ", value, type);
    os << '\n';
  };
  llvm::Expected<SmallVector<RuntimeValue>> results = run(function, arguments, options);
  if (!results)
    return results.takeError();
  for (auto [index, result] : llvm::enumerate(*results)) {
    auto *tensor = std::get_if<std::shared_ptr<const Tensor>>(&result);
    os << function.getSymName();
    if (results->size() > 1)
      os << '#' << index;
    os << ": ";
    if (tensor)
      print(os, **tensor, function.getResultTypes()[index]);
    else
      os << function.getResultTypes()[index];
    os << '\n';
  }
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM initialize(argc, argv);
  llvm::cl::HideUnrelatedOptions(category);
  llvm::cl::ParseCommandLineOptions(argc, argv, "Runs functions of the transformer dialect, slowly\n");

  MLIRContext context;
  context.loadDialect<TransformerDialect, arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                      tensor::TensorDialect>();
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(inputPath, &message);
  if (!buffer) {
    llvm::errs() << message << '\n';
    return 1;
  }
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return 1;

  int status = 0;
  for (func::FuncOp function : module->getOps<func::FuncOp>())
    if (takesOnlyCaches(function))
      if (llvm::Error error = runAndPrint(function)) {
        llvm::errs() << "error: " << llvm::toString(std::move(error)) << '\n';
        status = 1;
      }
  return status;
}
