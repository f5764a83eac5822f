// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The packed weights of a product, written as a stream: no more than a few megabytes are in memory.

#ifndef ATTUNE_TOOLS_COMPILE_PACKEDWEIGHTS_H
#define ATTUNE_TOOLS_COMPILE_PACKEDWEIGHTS_H

#include "dialect/PackedFormat.h"
#include "dialect/Transformer.h"
#include "frontend/weights/Packing.h"
#include "frontend/weights/WeightStore.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>

namespace attune {

/// One record of one parameter: where it goes and what it holds.
struct PackedRecord {
  /// Tensor of the model's files, with `{expert}` for the number of the matrix where each has its own; empty:
  /// `values`.
  std::string source;
  std::vector<float> values;          ///< literal parameters
  bool transposed = false;            ///< the file holds [columns, rows]
  std::vector<int64_t> rowSlice;      ///< first, length, period, of; empty: all rows (TransformerOps.td)
  int64_t storedColumns = 0;          ///< columns of the file's matrix; 0: as many as wanted
  bool isVector = false;              ///< stored as plain f32
  int64_t matrices = 1;               ///< of a stack
  PackedFormat format;                ///< of a matrix
  std::optional<StorageType> storage; ///< to what to quantise when the file's type is another
  int64_t rows = 0, columns = 0;      ///< of one matrix
  int64_t offset = 0;
};

struct PackedPlan {
  std::vector<PackedRecord> records; ///< by ascending offset
  int64_t bytes = 0;
};

/// Reads the plan from the parameters of a module after the layout stage.
PackedPlan planWeights(mlir::ModuleOp module);

/// One record of a parameter: of the layout stage, or before it, when offset and format are not known yet.
PackedRecord recordOf(mlir::transformer::ParameterOp parameter, int64_t index);

/// Where matrix `matrix` of a record, or its vector, comes from. Errors name the tensor.
llvm::Expected<PackSource> sourceOf(const PackedRecord &record, const WeightStore &store, int64_t matrix);

/// The elements of a vector, as f32.
std::vector<float> vectorOf(const PackSource &source);

/// Writes the plan's bytes in order through `write(offset, bytes)`; `progress(done)` counts bytes.
llvm::Error packWeights(const PackedPlan &plan, const WeightStore &store,
                        llvm::function_ref<llvm::Error(int64_t, llvm::ArrayRef<uint8_t>)> write,
                        llvm::function_ref<void(int64_t)> progress);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_PACKEDWEIGHTS_H
