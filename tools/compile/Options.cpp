// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Options.h"
#include "tools/compile/DeviceCode.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

namespace cl = llvm::cl;
using namespace attune;

static constexpr char kOverview[] = R"(Compiles a Transformer model to a native program.

MODEL is a description (.yaml), a Hugging Face folder, a GGUF file, or IR that --emit has written (.mlir). Examples:

  attune-compile SmolLM2.gguf -o smollm2        then: ./smollm2 generate "The cat sat"
  attune-compile Llama-3.2-1B/ -o llama         a folder with config.json, model.safetensors, tokenizer.json
  attune-compile examples/lecture_qkv.yaml -o lecture && ./lecture attend
  attune-compile MODEL --emit=fused -o m.mlir   the IR after fusion; edit it, then: attune-compile m.mlir -o model
  attune-compile MODEL --emit=graph -o m.html   a picture of the model
)";

namespace {

/// Options of attune-compile alone: LLVM's own are hidden.
cl::OptionCategory category("Options");

struct Flags {
  cl::opt<std::string> model{cl::Positional, cl::Required, cl::desc("MODEL"), cl::cat(category)};
  cl::opt<std::string> output{"o", cl::desc("Where to write; names the program after the model by default"),
                              cl::value_desc("file"), cl::cat(category)};
  cl::opt<Emit> emit{
      "emit", cl::desc("What to write:"), cl::init(Emit::executable), cl::cat(category),
      cl::values(clEnumValN(Emit::executable, "exe", "an executable program"),
                 clEnumValN(Emit::library, "lib", "a shared library and a C header"),
                 clEnumValN(Emit::object, "obj", "an object file"),
                 clEnumValN(Emit::assembly, "asm",
                            "assembly; PTX with --target=cuda, a GPU's with rocm, SPIR-V's with opencl"),
                 clEnumValN(Emit::llvm, "llvm", "LLVM IR"),
                 clEnumValN(Emit::gpu, "gpu", "kernels and launches, with a GPU as target"),
                 clEnumValN(Emit::linalg, "linalg", "MLIR in linalg and kernels"),
                 clEnumValN(Emit::layout, "layout", "MLIR after the layout stage"),
                 clEnumValN(Emit::fused, "fused", "the transformer dialect after fusion"),
                 clEnumValN(Emit::transformer, "transformer", "the transformer dialect as built"),
                 clEnumValN(Emit::description, "description", "the model's description as YAML"),
                 clEnumValN(Emit::graph, "graph",
                            "a picture of the dataflow with shapes, bytes and FLOPs: HTML, or SVG for a name "
                            "that ends in .svg"))};
  cl::list<std::string> cpus{
      "cpu",
      cl::desc(
          "Processor: native, x86-64-v2, x86-64-v3, x86-64-v4, aarch64 (64-bit Arm), or a name that LLVM "
          "knows (neoverse-n1). With several of one kind the program holds code for each and uses the best "
          "that runs (x86-64-v3,x86-64-v4)"),
      cl::CommaSeparated, cl::value_desc("names"), cl::cat(category)};
  cl::opt<Target> target{
      "target", cl::desc("Where the model runs:"), cl::init(Target::cpu), cl::cat(category),
      cl::values(clEnumValN(Target::cpu, "cpu", "the processor"),
                 clEnumValN(Target::cuda, "cuda", "an NVIDIA GPU: code for sm_80 and later"),
                 clEnumValN(Target::rocm, "rocm", "an AMD GPU: code for gfx90a and gfx942"),
                 clEnumValN(Target::opencl, "opencl",
                            "a device of OpenCL that takes SPIR-V and has Intel's unified shared memory"))};
  cl::list<std::string> chips{
      "chip",
      cl::desc("Chips that get machine code, the oldest first (sm_80,sm_90a; for AMD's, gfx90a,gfx942)"),
      cl::CommaSeparated, cl::value_desc("names"), cl::cat(category)};
  cl::opt<bool> emulate{
      "emulate",
      cl::desc("Compile the GPU's kernels for the processor as well; ATTUNE_DEVICE=emulate, "
               "or emulate:sm_90a, runs them, to try a program without a GPU"),
      cl::cat(category)};
  cl::opt<Activations> activations{
      "activations", cl::desc("Activations of products:"), cl::init(Activations::automatic),
      cl::cat(category),
      cl::values(
          clEnumValN(Activations::automatic, "auto", "int8 for block-quantised weights, else f32"),
          clEnumValN(Activations::f32, "f32", "f32 everywhere: exact, slower; the cache is f32 too"),
          clEnumValN(Activations::int8, "int8", "as auto"),
          clEnumValN(Activations::f16, "f16",
                     "with a GPU as target: products of many rows multiply in f16, on its matrix units"),
          clEnumValN(Activations::bf16, "bf16", "the same in bf16"))};
  cl::opt<CacheType> cache{
      "cache", cl::desc("Elements of the key/value cache:"), cl::init(CacheType::automatic),
      cl::cat(category),
      cl::values(
          clEnumValN(CacheType::automatic, "auto",
                     "f16 for block-quantised weights with int8 activations, else f32"),
          clEnumValN(CacheType::f32, "f32", "f32"), clEnumValN(CacheType::f16, "f16", "f16"),
          clEnumValN(CacheType::int8, "int8",
                     "8-bit integers with a scale for each token's keys, or values, of a head: half of "
                     "f16's memory, less exact; for --target=cpu"))};
  cl::opt<std::string> quantize{
      "quantize",
      cl::desc("How matrices are stored: keep, f32, f16, bf16, int8, q8_0, q4_0, q4_1, q5_0, q5_1"),
      cl::init("keep"), cl::value_desc("type"), cl::cat(category)};
  cl::opt<int64_t> context{"context", cl::desc("Longest context in tokens (the model's own by default)"),
                           cl::init(0), cl::value_desc("tokens"), cl::cat(category)};
  cl::opt<std::string> weights{"weights", cl::desc("embed: in the product; file: in a file beside it"),
                               cl::init("embed"), cl::value_desc("embed|file"), cl::cat(category)};
  cl::opt<std::string> compare{
      "compare",
      cl::desc("Write nothing; run the program on token ids beside the reference "
               "interpreter and print where they differ (1,42,7; for encoder-decoders "
               "what the encoder reads and what the decoder is fed: 5,17,40/0,9)"),
      cl::value_desc("ids|@file"), cl::cat(category)};
  cl::opt<double> compareTolerance{"compare-tolerance",
                                   cl::desc("Largest error that --compare takes, relative to the size of a "
                                            "token's values (0.001; with an f16 cache or activations 0.005, "
                                            "with int8 or bf16 activations 0.05)"),
                                   cl::init(0), cl::value_desc("number"), cl::cat(category)};
  cl::opt<bool> sanitize{"sanitize",
                         cl::desc("Check every memory access of the generated code (AddressSanitizer)"),
                         cl::cat(category)};
  cl::opt<bool> report{"report",
                       cl::desc("Print time and size of each stage, and what a token takes at least"),
                       cl::cat(category)};
  cl::opt<std::string> dump{"dump-passes-to", cl::desc("Write the IR after every pass into a folder"),
                            cl::value_desc("folder"), cl::cat(category)};
  cl::list<std::string> disable{"disable-fusion", cl::desc("Fusions to leave out (see docs/passes.md)"),
                                cl::CommaSeparated, cl::value_desc("names"), cl::cat(category)};
};

[[noreturn]] void usageError(const std::string &message) {
  llvm::errs() << "attune-compile: " << message << "\n";
  std::exit(2);
}

/// The model's name without its ending: "SmolLM2.gguf" -> "SmolLM2".
std::string defaultOutput(const CompileOptions &options) {
  llvm::StringRef path = llvm::StringRef(options.model).rtrim('/');
  std::string stem = llvm::sys::path::stem(path).str();
  switch (options.emit) {
  case Emit::executable:
    return stem + (llvm::sys::path::has_extension(path) ? "" : ".bin");
  case Emit::library:
    return "lib" + stem + ".so";
  case Emit::object:
    return stem + ".o";
  default:
    return "-";
  }
}

std::optional<StorageType> quantization(const std::string &name) {
  if (name == "keep")
    return std::nullopt;
  for (StorageType type :
       {StorageType::F32, StorageType::F16, StorageType::BF16, StorageType::INT8, StorageType::Q8_0,
        StorageType::Q4_0, StorageType::Q4_1, StorageType::Q5_0, StorageType::Q5_1})
    if (storageTypeName(type) == name)
      return type;
  usageError("--quantize is '" + name +
             "', expected keep, f32, f16, bf16, int8, q8_0, q4_0, q4_1, q5_0 or q5_1");
}

void checkTarget(CompileOptions &options) {
  bool isProduct = options.emit == Emit::executable || options.emit == Emit::library;
  if (options.cpus.size() > 1 && (options.target != Target::cpu || !isProduct))
    usageError(
        "--cpu names several processors, which only programs and libraries for --target=cpu can be for");
  if (options.target == Target::cpu) {
    if (!options.chips.empty() || options.emulate || options.emit == Emit::gpu)
      usageError("--chip, --emulate and --emit=gpu need a GPU as target: --target=cuda, rocm or opencl");
    return;
  }
  if (options.target == Target::opencl) {
    if (!options.chips.empty())
      usageError(
          "--chip is for --target=cuda and rocm: OpenCL's drivers make machine code of SPIR-V themselves");
    return;
  }
  for (const std::string &chip : options.chips)
    if (!isChip(options.target, chip))
      usageError("--chip is '" + chip + "', expected names like " +
                 (options.target == Target::cuda ? "sm_80 or sm_90a" : "gfx90a or gfx942"));
  if (options.chips.empty())
    options.chips = options.target == Target::cuda ? std::vector<std::string>{"sm_80", "sm_90a"}
                                                   : std::vector<std::string>{"gfx90a", "gfx942"};
}

} // namespace

const char *attune::targetName(Target target) {
  switch (target) {
  case Target::cpu:
    return "cpu";
  case Target::cuda:
    return "cuda";
  case Target::rocm:
    return "rocm";
  case Target::opencl:
    return "opencl";
  }
  llvm_unreachable("a target without a name");
}

CompileOptions attune::parseOptions(int argc, char **argv) {
  Flags flags;
  cl::HideUnrelatedOptions(category);
  std::string errors;
  llvm::raw_string_ostream stream(errors);
  if (!cl::ParseCommandLineOptions(argc, argv, kOverview, &stream)) {
    llvm::errs() << errors;
    std::exit(2);
  }
  CompileOptions options;
  options.model = flags.model;
  options.emit = flags.emit;
  options.output = flags.output.empty() ? defaultOutput(options) : flags.output;
  options.cpus.assign(flags.cpus.begin(), flags.cpus.end());
  if (options.cpus.empty())
    options.cpus = {"native"};
  options.target = flags.target;
  options.chips.assign(flags.chips.begin(), flags.chips.end());
  options.emulate = flags.emulate;
  checkTarget(options);
  options.activations = flags.activations;
  if (options.target != Target::cpu && options.activations == Activations::int8)
    usageError("--activations=int8 is for --target=cpu");
  if (options.target != Target::cuda &&
      (options.activations == Activations::f16 || options.activations == Activations::bf16))
    usageError("--activations=f16 and bf16 need matrix units: --target=cuda");
  options.cache = flags.cache;
  if (options.target != Target::cpu && options.cache == CacheType::int8)
    usageError("--cache=int8 is for --target=cpu");
  options.quantize = quantization(flags.quantize);
  options.context = flags.context;
  if (flags.context < 0)
    usageError("--context is " + std::to_string(flags.context) + ", expected a number of tokens");
  if (flags.weights != "embed" && flags.weights != "file")
    usageError("--weights is '" + flags.weights + "', expected embed or file");
  options.weightsInFile = flags.weights == "file";
  if (flags.compare.getNumOccurrences())
    options.compare = flags.compare;
  if (flags.compareTolerance.getNumOccurrences()) {
    options.compareTolerance = flags.compareTolerance;
    if (!options.compare || !(flags.compareTolerance >= 0))
      usageError("--compare-tolerance is " + fmt::format("{}", static_cast<double>(flags.compareTolerance)) +
                 ", expected a number from 0 on, with --compare");
  }
  options.sanitize = flags.sanitize;
  options.report = flags.report;
  options.dumpPassesTo = flags.dump;
  options.disabledFusions.assign(flags.disable.begin(), flags.disable.end());
  return options;
}
