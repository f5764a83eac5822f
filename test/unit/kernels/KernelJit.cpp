// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/unit/kernels/KernelJit.h"

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/cpu/Target.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace {

constexpr StringRef pipeline =
    "kernel-expand-quantize{{cpu={0}},kernel-expand-linear{{cpu={0}},kernel-expand-embed{{cpu={0}},"
    "canonicalize,cse,loop-invariant-code-motion,kernel-math-to-polynomials,"
    "expand-strided-metadata,lower-affine,convert-scf-to-cf,convert-vector-to-llvm,convert-math-to-llvm,"
    "finalize-memref-to-llvm,convert-func-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,convert-cf-to-"
    "llvm,convert-ub-to-llvm,"
    "reconcile-unrealized-casts,canonicalize,cse";

void registerOnce() {
  static bool done = [] {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
    mlir::registerTransformsPasses();
    mlir::registerConversionPasses();
    mlir::memref::registerMemRefPasses();
    mlir::registerPass([] { return mlir::transformer::createExpandLinear(); });
    mlir::registerPass([] { return mlir::transformer::createExpandQuantize(); });
    mlir::registerPass([] { return mlir::transformer::createExpandEmbed(); });
    mlir::registerPass([] { return mlir::transformer::createMathToPolynomials(); });
    return true;
  }();
  (void)done;
}

void optimize(Module &module, TargetMachine &machine) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager graph;
  ModuleAnalysisManager modules;
  PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3).run(module, modules);
}

} // namespace

struct KernelJit::State {
  std::unique_ptr<orc::LLJIT> jit;
  std::string calls;
  bool unpacks = false;
  int leastUnpackedRows = 0;
};

KernelJit::~KernelJit() = default;

bool KernelJit::roundsWeights(attune::PackedFormat format, int64_t rows) const {
  return state->unpacks && format.codes != attune::PackedFormat::U8 && rows >= state->leastUnpackedRows;
}

KernelJit::KernelJit(const std::string &text, const std::string &cpu) : state(std::make_unique<State>()) {
  registerOnce();
  ExitOnError check("kernel jit: ");
  mlir::transformer::CpuTarget target = check(mlir::transformer::CpuTarget::get(cpu));

  state->unpacks = target.unpacksOnce();
  state->leastUnpackedRows = target.leastUnpackedRows();
  mlir::DialectRegistry registry;
  registry.insert<mlir::kernel::KernelDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect,
                  mlir::math::MathDialect, mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                  mlir::vector::VectorDialect>();
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  mlir::PassManager passes(&context);
  if (!module || failed(mlir::parsePassPipeline(formatv(pipeline.data(), cpu).str(), passes)) ||
      failed(passes.run(*module)))
    check(createStringError("the module does not lower"));

  auto llvmContext = std::make_unique<LLVMContext>();
  std::unique_ptr<Module> code = mlir::translateModuleToLLVMIR(*module, *llvmContext);
  orc::JITTargetMachineBuilder machineBuilder{Triple(target.triple)};
  machineBuilder.setCPU(target.cpu);
  SmallVector<StringRef> features;
  StringRef(target.features).split(features, ',', -1, false);
  machineBuilder.addFeatures(std::vector<std::string>(features.begin(), features.end()));
  machineBuilder.setCodeGenOptLevel(CodeGenOptLevel::Aggressive);
  std::unique_ptr<TargetMachine> machine = check(machineBuilder.createTargetMachine());
  code->setTargetTriple(Triple(target.triple));
  code->setDataLayout(machine->createDataLayout());
  for (Function &function : *code)
    if (!function.isDeclaration())
      function.addFnAttr("prefer-vector-width", target.preferredWidth());
  optimize(*code, *machine);
  for (Function &function : *code)
    if (function.isDeclaration() && !function.isIntrinsic())
      state->calls += function.getName().str() + " ";
  if (const char *file = getenv("KERNEL_JIT_DUMP")) {
    std::error_code error;
    raw_fd_ostream out(file, error);
    code->print(out, nullptr);
  }
  state->jit = check(orc::LLJITBuilder().setJITTargetMachineBuilder(machineBuilder).create());
  check(state->jit->addIRModule(orc::ThreadSafeModule(std::move(code), std::move(llvmContext))));
}

const std::string &KernelJit::calls() const { return state->calls; }

void *KernelJit::address(const std::string &name) const {
  return ExitOnError("kernel jit: ")(state->jit->lookup("_mlir_ciface_" + name)).toPtr<void *>();
}
