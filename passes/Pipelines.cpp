// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The stages of the compiler, in order: each pipeline reads like a table of contents.

#include "passes/Pipelines.h"

#include "passes/Passes.h"

#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::transformer;

//===-------------------------------------- fusion --------------------------------------===//

namespace {
struct Fusion {
  StringRef name; // as in the option `disable`
  std::unique_ptr<Pass> (*create)();
};
} // namespace

// In this order: gate and up of a feed-forward network must not become a split; scales join the scores before
// attention hides them.
static constexpr Fusion kFusions[] = {
    {"ffn", createFuseFfn},
    {"linear-split", createFuseLinearSplit},
    {"scales", createFoldScales},
    {"attention", createFuseAttention},
    {"residual-norm", createFuseResidualNorm},
};

static std::string fusionNames() {
  return llvm::join(llvm::map_range(kFusions, [](const Fusion &fusion) { return fusion.name; }), ", ");
}

static void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

LogicalResult transformer::buildFusePipeline(OpPassManager &pm, ArrayRef<std::string> disabled,
                                             function_ref<LogicalResult(const Twine &)> emitError) {
  for (StringRef name : disabled)
    if (llvm::none_of(kFusions, [&](const Fusion &fusion) { return fusion.name == name; }))
      return emitError("no fusion is called '" + name + "', expected one of: " + fusionNames());
  pm.addPass(createSplitTaps());
  cleanUp(pm);
  for (const Fusion &fusion : kFusions)
    if (!llvm::is_contained(disabled, fusion.name))
      pm.addPass(fusion.create());
  cleanUp(pm);
  return success();
}

//===-------------------------------------- registration --------------------------------------===//

namespace {
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// Descriptions of options are kept by reference.
StringRef disableDescription() {
  static const std::string text = "Fusions to leave out, of " + fusionNames();
  return text;
}

struct FuseOptions : PassPipelineOptions<FuseOptions> {
  ListOption<std::string> disable{*this, "disable", llvm::cl::desc(disableDescription())};
};
} // namespace

/// Like `PassPipelineRegistration`, for a builder that can refuse its options.
template <typename Options, typename Builder>
static void registerPipeline(StringRef name, StringRef summary, Builder build) {
  auto parseAndBuild = [build](OpPassManager &pm, StringRef text,
                               function_ref<LogicalResult(const Twine &)> emitError) {
    Options options;
    return success(succeeded(options.parseFromString(text)) && succeeded(build(pm, options, emitError)));
  };
  registerPassPipeline(name, summary, parseAndBuild,
                       [](function_ref<void(const detail::PassOptions &)> visit) { visit(Options()); });
}

void transformer::registerPasses() {
  registerAttunePasses();
  registerPipeline<FuseOptions>("transformer-fuse", "Split entries with taps, then fuse plain operations",
                                [](OpPassManager &pm, const FuseOptions &options, auto emitError) {
                                  return buildFusePipeline(pm, options.disable, emitError);
                                });
}
