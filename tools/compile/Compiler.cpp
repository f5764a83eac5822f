// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Compiler.h"

#include "dialect/Kernel.h"
#include "dialect/KernelBufferize.h"
#include "frontend/Builder.h"
#include "frontend/Model.h"
#include "frontend/yaml/DescriptionText.h"
#include "passes/Pipelines.h"
#include "passes/cpu/Target.h"
#include "passes/gpu/DeviceModules.h"
#include "tools/compile/Compare.h"
#include "tools/compile/DeviceCode.h"
#include "tools/compile/Graph.h"
#include "tools/compile/Link.h"
#include "tools/compile/Metadata.h"
#include "tools/compile/ModuleFile.h"
#include "tools/compile/ObjectCode.h"
#include "tools/compile/OutputFile.h"
#include "tools/compile/PackedWeights.h"
#include "tools/compile/Prediction.h"
#include "tools/compile/Product.h"
#include "tools/compile/Progress.h"
#include "tools/compile/Requantize.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace attune;
using llvm::Error;
namespace transformer = mlir::transformer;

namespace {

class Compilation {
public:
  explicit Compilation(const CompileOptions &options) : options(options), progress(options.report) {
    createContext();
  }

  Error run() {
    if (Error error = checkOutputs())
      return error;
    if (isModuleFile(options.model))
      if (Error error = readInput())
        return error;
    if (Error error = load())
      return error;
    if (options.emit == Emit::description)
      return writeText(yaml::printDescription(model->description));
    if (model->description.kind == ModelKind::tokenizer)
      return llvm::createStringError(
          options.model +
          ": has no config.json, only a tokenizer: programs without a model are not supported yet");
    if (Error error = build())
      return error;
    if (options.compare)
      if (Error error = runReference())
        return error;
    if (options.emit == emitOf(form))
      return writeModule();
    if (options.emit == Emit::graph && form == Form::fused)
      return writeGraph();
    std::vector<Stage> all = stages();
    for (const Stage &stage : llvm::drop_begin(all, static_cast<size_t>(form))) {
      if (Error error = lower(stage, *module))
        return error;
      if (stage.emit == Emit::fused && options.emit == Emit::graph)
        return writeGraph();
      if (options.emit == stage.emit)
        return writeModule();
    }
    if (!deviceAssembly.empty())
      return writeText(deviceAssembly);
    return isProduct() ? writeProduct() : writeCodeFile();
  }

  /// Compares the program that was written with the reference; `folder` takes files.
  Error compare(const std::string &folder) {
    progress.begin("running the program");
    std::string table;
    llvm::raw_string_ostream stream(table);
    Error error = compareProgram(options.output, reference, ids, *model,
                                 options.compareTolerance.value_or(defaultTolerance()), folder, stream);
    progress.end();
    llvm::outs() << table;
    llvm::outs().flush();
    return error;
  }

private:
  /// A step of the pipeline; `emit` is the form that a user can stop at after it.
  struct Stage {
    const char *name;
    std::optional<Emit> emit;
    std::function<mlir::LogicalResult(mlir::OpPassManager &)> build;
    std::function<Error()> after = [] { return Error::success(); };
  };

  CompileOptions options;
  Progress progress;
  std::optional<Model> model;
  std::vector<transformer::CpuTarget> cpus; ///< to have code for, the least demanding first
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Form form = Form::transformer; ///< of the module that the stages begin with
  llvm::json::Object caches;
  llvm::json::Object entries;
  std::vector<DeviceCode> deviceCodes; ///< with a GPU as target
  std::string deviceAssembly;          ///< in their place, if it is what a user wants
  PackedPlan plan;
  CompareIds ids; ///< to compare on
  std::vector<ReferenceValue> reference;
  std::string prediction; ///< to report

  template <typename Build> static auto always(Build build) {
    return [build](mlir::OpPassManager &pm) { return build(pm), mlir::success(); };
  }

  transformer::CodeOptions codeOptions(const transformer::CpuTarget &cpu) const {
    bool hasWarpGroups = llvm::is_contained(options.chips, transformer::kWarpGroupChip);
    return {cpu.request, quantizesActivations(), matrixType(), hasWarpGroups};
  }

  /// Of a GPU's products of many rows; empty: f32.
  std::string matrixType() const {
    return options.activations == Activations::bf16  ? "bf16"
           : options.activations == Activations::f16 ? "f16"
                                                     : "";
  }

  /// The table of contents of the compiler; what depends on the processor follows in codeStages.
  std::vector<Stage> stages() {
    transformer::CodeOptions code = codeOptions(cpus.front());
    std::vector<Stage> all = {
        {"fusion", Emit::fused,
         [this](mlir::OpPassManager &pm) {
           return transformer::buildFusePipeline(pm, options.disabledFusions,
                                                 [&](const llvm::Twine &message) {
                                                   llvm::errs() << "attune-compile: " << message << "\n";
                                                   return mlir::failure();
                                                 });
         },
         [this] {
           if (options.report)
             prediction =
                 predictionText(describeGraph(*module, model->description.name), model->description.kind);
           return Error::success();
         }},
        {"layout", Emit::layout,
         always([code](mlir::OpPassManager &pm) { transformer::buildLayoutPipeline(pm, code); }),
         [this] {
           plan = planWeights(*module);
           return Error::success();
         }},
        {"linalg", Emit::linalg, always(transformer::buildLinalgPipeline)},
    };
    auto noteEntries = [this] {
      entries = describeEntries(*module, model->description);
      return Error::success();
    };
    if (options.target == Target::cpu) {
      all.push_back({"vectors", {}, always(transformer::buildVectorPipeline)});
      all.push_back({"buffers", {}, always(transformer::buildBufferPipeline), noteEntries});
    } else {
      all.push_back({"tiles", {}, always(transformer::buildDeviceTilePipeline)});
      all.push_back({"buffers", {}, always(transformer::buildDeviceBufferPipeline), noteEntries});
      all.push_back({"kernels", Emit::gpu, always([code](mlir::OpPassManager &pm) {
                       transformer::buildDeviceKernelPipeline(pm, code);
                     }),
                     [this] { return compileKernels(); }});
      if (options.emulate)
        all.push_back({"emulation", {}, always(transformer::buildEmulationPipeline)});
    }
    return all;
  }

  std::vector<Stage> codeStages(const transformer::CpuTarget &cpu) {
    transformer::CodeOptions code = codeOptions(cpu);
    std::vector<Stage> all;
    if (options.target == Target::cpu)
      all.push_back({"kernels", {}, always([code](mlir::OpPassManager &pm) {
                       transformer::buildKernelPipeline(pm, code);
                     })});
    all.push_back(
        {"code", {}, always([code](mlir::OpPassManager &pm) { transformer::buildLLVMPipeline(pm, code); })});
    return all;
  }

  /// Of the device; nothing if a user stops here.
  Error compileKernels() {
    if (options.emit == Emit::gpu)
      return Error::success();
    progress.begin("device code");
    if (options.emit == Emit::assembly) {
      auto text = writeDeviceAssembly(*module, options.target, options.chips);
      if (!text)
        return text.takeError();
      deviceAssembly = std::move(*text);
      return Error::success();
    }
    auto codes = writeDeviceCode(*module, options.target, options.chips);
    if (!codes)
      return codes.takeError();
    deviceCodes = std::move(*codes);
    return Error::success();
  }

  void createContext() {
    mlir::DialectRegistry registry;
    mlir::registerAllDialects(registry);
    mlir::registerAllExtensions(registry);
    registry.insert<transformer::TransformerDialect, mlir::kernel::KernelDialect>();
    mlir::kernel::registerBufferizableOpInterfaceExternalModels(registry);
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
  }

  static Emit emitOf(Form form) {
    static constexpr Emit kEmits[] = {Emit::transformer, Emit::fused, Emit::layout, Emit::linalg};
    return kEmits[static_cast<size_t>(form)];
  }

  bool isProduct() const { return options.emit == Emit::executable || options.emit == Emit::library; }

  /// Before minutes are spent.
  Error checkOutputs() const {
    if (!options.dumpPassesTo.empty()) {
      std::error_code code = llvm::sys::fs::create_directories(options.dumpPassesTo);
      if (!code && !llvm::sys::fs::is_directory(options.dumpPassesTo))
        code = std::make_error_code(std::errc::not_a_directory);
      if (code)
        return llvm::createStringError(code, "--dump-passes-to=" + options.dumpPassesTo +
                                                 ": the folder cannot be made: " + code.message());
    }
    if (options.output == "-" && isProduct())
      return llvm::createStringError("a program is not written to standard output: name a file with -o");
    if (options.output == "-")
      return Error::success();
    for (const std::string &path : outputsOf(options))
      if (Error error = checkWritable(path))
        return error;
    return Error::success();
  }

  /// IR that was dumped before: the stages begin where it stands.
  Error readInput() {
    progress.begin("reading the IR");
    std::string file = options.model;
    auto read = readModule(*context, options);
    if (!read)
      return read.takeError();
    module = std::move(read->module);
    form = read->form;
    for (Form earlier : {Form::transformer, Form::fused, Form::layout})
      if (earlier < form && options.emit == emitOf(earlier))
        return llvm::createStringError(file + ": has the form '" + formName(form) +
                                       "', which lies behind --emit=" + formName(earlier));
    if (form > Form::fused && (options.compare || options.emit == Emit::graph))
      return llvm::createStringError(file + ": has the form '" + formName(form) +
                                     "'; --compare and --emit=graph need the transformer dialect");
    return Error::success();
  }

  Error load() {
    progress.begin("loading the model");
    auto loaded = loadModel(options.model);
    if (!loaded)
      return loaded.takeError();
    model.emplace(std::move(*loaded));
    if (options.context > 0) {
      model->description.context = options.context;
      if (Error error = validate(model->description)) // a table of positions has only so many rows
        return llvm::createStringError("--context is " + llvm::Twine(options.context) + ": " +
                                       llvm::toString(std::move(error)));
    }
    if (Error error = findCpus())
      return error;
    if (options.quantize)
      requantize(model->description, *options.quantize);
    return Error::success();
  }

  Error findCpus() {
    for (const std::string &name : options.cpus) {
      auto cpu = transformer::CpuTarget::get(name);
      if (!cpu)
        return cpu.takeError();
      for (const transformer::CpuTarget &earlier : cpus)
        if (earlier.name == cpu->name)
          return llvm::createStringError("--cpu: '" + name + "' and '" + earlier.request +
                                         "' are one processor");
      cpus.push_back(std::move(*cpu));
    }
    if (Error error = checkMachine())
      return error;
    llvm::sort(cpus, [](const auto &a, const auto &b) {
      return std::pair(a.required.size(), a.name) < std::pair(b.required.size(), b.name);
    });
    return Error::success();
  }

  /// Whether there are programs for the machine that the processors are of, and what is asked can be done
  /// here.
  Error checkMachine() const {
    for (const transformer::CpuTarget &cpu : cpus) {
      if (cpu.machine() != cpus.front().machine())
        return llvm::createStringError("--cpu: no machine has both '" + cpus.front().request + "' (" +
                                       cpus.front().machine() + ") and '" + cpu.request + "' (" +
                                       cpu.machine() + ")");
      if (!cpu.isHostKind() && (options.compare || options.sanitize || options.emulate))
        return llvm::createStringError("--cpu=" + cpu.request + " is of another kind of machine (" +
                                       cpu.machine() +
                                       "): --compare, --sanitize and --emulate are for this one's");
    }
    return isProduct() ? checkRuntime(cpus.front().machine()) : Error::success();
  }

  /// Whether any matrix is stored in blocks.
  bool hasBlocks() const {
    for (const auto &[name, source] : model->description.tensors)
      for (StorageType type : source.types)
        if (type != StorageType::F32 && type != StorageType::F16 && type != StorageType::BF16)
          return true;
    return false;
  }

  bool quantizesActivations() const {
    return options.target == Target::cpu && options.activations != Activations::f32 && hasBlocks();
  }

  CacheElement cacheElement() const {
    if (options.cache == CacheType::automatic)
      return options.activations != Activations::f32 && hasBlocks() ? CacheElement::f16 : CacheElement::f32;
    return options.cache == CacheType::f16    ? CacheElement::f16
           : options.cache == CacheType::int8 ? CacheElement::int8
                                              : CacheElement::f32;
  }

  Error build() {
    if (options.target != Target::cpu && cacheElement() == CacheElement::int8)
      return llvm::createStringError(options.model + ": has an int8 cache, which is for --target=cpu");
    progress.begin("building the graph");
    mlir::OwningOpRef<mlir::ModuleOp> built;
    if (!module || form > Form::fused) // the layout stage has no cache type any more
      if (!(built = buildModule(*context, model->description, {cacheElement()})))
        return llvm::createStringError(options.model + ": the model cannot be built");
    caches = describeCaches(built ? *built : *module);
    if (!module)
      module = std::move(built);
    noteOrigin(*module, options);
    if (form > Form::fused)
      plan = planWeights(*module);
    return Error::success();
  }

  /// What rounding alone may make of a token's values.
  double defaultTolerance() const {
    bool isCoarse = quantizesActivations() || options.activations == Activations::bf16;
    return isCoarse                                  ? 0.05
           : options.activations == Activations::f16 ? 0.005
           : cacheElement() == CacheElement::f16     ? 0.005
                                                     : 0.001;
  }

  Error runReference() {
    if (model->description.kind != ModelKind::literal) {
      auto parsed = parseIds(*options.compare, model->description);
      if (!parsed)
        return parsed.takeError();
      ids = std::move(*parsed);
    }
    progress.begin("reference (slow)");
    auto values = attune::runReference(*module, *model, ids,
                                       [&](int64_t done, int64_t all) { progress.update(done, all); });
    if (!values)
      return values.takeError();
    reference = std::move(*values);
    return Error::success();
  }

  Error lower(const Stage &stage, mlir::ModuleOp module) {
    progress.begin(stage.name);
    mlir::PassManager pm(context.get());
    if (mlir::failed(stage.build(pm)))
      return llvm::createStringError("bad options");
    pm.enableVerifier(true);
    if (!options.dumpPassesTo.empty())
      pm.enableIRPrintingToFileTree([](mlir::Pass *, mlir::Operation *) { return false; },
                                    [](mlir::Pass *, mlir::Operation *) { return true; },
                                    /*printModuleScope=*/true,
                                    /*printAfterOnlyOnChange=*/true, /*printAfterOnlyOnFailure=*/false,
                                    options.dumpPassesTo + "/" + stage.name);
    if (mlir::failed(pm.run(module)))
      return llvm::createStringError(options.model + ": stage '" + stage.name + "' failed");
    return stage.after();
  }

  Error writeText(const std::string &text) {
    if (options.output != "-")
      return writeFile(options.output, text);
    llvm::outs() << text;
    llvm::outs().flush();
    if (!llvm::outs().has_error())
      return Error::success();
    std::error_code code = llvm::outs().error();
    llvm::outs().clear_error();
    return llvm::createStringError(code, "standard output: " + code.message());
  }

  Error writeModule() {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module->print(stream);
    return writeText(text + "\n");
  }

  /// Optimised code for one processor, at `path`.
  Error writeCodeFor(const transformer::CpuTarget &cpu, mlir::ModuleOp module, CodeForm codeForm,
                     const std::string &path) {
    for (const Stage &stage : codeStages(cpu))
      if (Error error = lower(stage, module))
        return error;
    progress.begin("machine code");
    return writeCode(module, cpu, codeForm, options.sanitize, path);
  }

  Error writeCodeFile() {
    CodeForm codeForm = options.emit == Emit::llvm       ? CodeForm::llvmIr
                        : options.emit == Emit::assembly ? CodeForm::assembly
                                                         : CodeForm::object;
    if (options.output == "-")
      return writeCodeFor(cpus.front(), *module, codeForm, "-");
    auto file = OutputFile::create(options.output);
    if (!file)
      return file.takeError();
    if (Error error = writeCodeFor(cpus.front(), *module, codeForm, file->temporary()))
      return error;
    return file->commit();
  }

  Error writeProduct() {
    llvm::SmallString<128> folder;
    if (std::error_code code = llvm::sys::fs::createUniqueDirectory("attune-code", folder))
      return llvm::createStringError(code, "temporary folder: " + code.message());
    llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(folder); });
    ProductParts parts;
    for (const transformer::CpuTarget &cpu : cpus) {
      mlir::OwningOpRef<mlir::ModuleOp> code = &cpu == &cpus.back() ? std::move(module) : module->clone();
      parts.objects.push_back((folder + "/" + cpu.name + ".o").str());
      if (Error error = writeCodeFor(cpu, *code, CodeForm::object, parts.objects.back()))
        return error;
    }
    context.reset();
    for (auto &[name, cache] : caches)
      entries[name] = cache;
    parts.weights = std::move(plan);
    parts.entries = std::move(entries);
    parts.deviceCodes = std::move(deviceCodes);
    if (Error error = attune::writeProduct(options, *model, cpus, std::move(parts), progress))
      return error;
    llvm::errs() << prediction;
    return Error::success();
  }

  Error writeGraph() {
    Graph graph = describeGraph(*module, model->description.name);
    return writeText(llvm::StringRef(options.output).ends_with(".svg") ? graphAsSvg(graph)
                                                                       : graphAsHtml(graph));
  }
};

/// Compiles to a folder that is gone afterwards.
Error compareWithReference(CompileOptions options) {
  llvm::SmallString<128> folder;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("attune-compare", folder))
    return llvm::createStringError(code, "temporary folder: " + code.message());
  llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(folder); });
  options.emit = Emit::executable;
  options.output = (folder + "/program").str();
  Compilation compilation(options);
  if (Error error = compilation.run())
    return error;
  return compilation.compare(std::string(folder));
}

} // namespace

Error attune::compile(const CompileOptions &options) {
  return options.compare ? compareWithReference(options) : Compilation(options).run();
}
