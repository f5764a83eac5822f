// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The packed weights of a product, written as a stream: no more than a few megabytes are in memory.

#ifndef ATTUNE_TOOLS_COMPILE_PACKEDWEIGHTS_H
#define ATTUNE_TOOLS_COMPILE_PACKEDWEIGHTS_H

#include "dialect/PackedFormat.h"
#include "frontend/weights/WeightStore.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>

namespace attune {

/// One record of one parameter: where it goes and what it holds.
struct PackedRecord {
  std::string source;                 ///< tensor of the model's files; empty: `values`
  std::vector<float> values;          ///< literal parameters
  bool transposed = false;            ///< the file holds [columns, rows]
  bool isVector = false;              ///< stored as plain f32
  PackedFormat format;                ///< of a matrix
  std::optional<StorageType> storage; ///< to what to quantise when the file's type is another
  int64_t rows = 0, columns = 0, offset = 0;
};

struct PackedPlan {
  std::vector<PackedRecord> records; ///< by ascending offset
  int64_t bytes = 0;
};

/// Reads the plan from the parameters of a module after the layout stage.
PackedPlan planWeights(mlir::ModuleOp module);

/// Writes the plan's bytes in order through `write(offset, bytes)`; `progress(done)` counts bytes.
llvm::Error packWeights(const PackedPlan &plan, const WeightStore &store,
                        llvm::function_ref<llvm::Error(int64_t, llvm::ArrayRef<uint8_t>)> write,
                        llvm::function_ref<void(int64_t)> progress);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_PACKEDWEIGHTS_H
