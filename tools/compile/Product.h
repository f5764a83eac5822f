// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// From an object file and a model to the program or library that a user gets.

#ifndef ATTUNE_TOOLS_COMPILE_PRODUCT_H
#define ATTUNE_TOOLS_COMPILE_PRODUCT_H

#include "frontend/Model.h"
#include "passes/cpu/Target.h"
#include "tools/compile/DeviceCode.h"
#include "tools/compile/Options.h"
#include "tools/compile/PackedWeights.h"
#include "tools/compile/Progress.h"

#include "llvm/Support/JSON.h"

namespace attune {

/// What was made of a model's graph.
struct ProductParts {
  std::vector<std::string> objects; ///< paths of the code, one for each processor
  PackedPlan weights;
  llvm::json::Object entries; ///< and caches, as the metadata describes them
  std::vector<DeviceCode> deviceCodes;
};

/// The files of a product: the program or library; its weights and its header, if they are files.
std::vector<std::string> outputsOf(const CompileOptions &options);

/// Links the code with the runtime, packs the weights and puts all files in their places at the end. Errors
/// leave none of them.
llvm::Error writeProduct(const CompileOptions &options, const Model &model,
                         llvm::ArrayRef<mlir::transformer::CpuTarget> cpus, ProductParts parts,
                         Progress &progress);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_PRODUCT_H
