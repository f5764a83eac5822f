// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Reads packed weights from a kernel, as f32.

#ifndef ATTUNE_PASSES_GPU_WEIGHTREADER_H
#define ATTUNE_PASSES_GPU_WEIGHTREADER_H

#include "dialect/PackedFormat.h"
#include "passes/lower/Scalars.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::transformer {

/// Reads panels (dialect/PackedFormat.h) of a `memref<panels x bytes x i8>`.
class WeightReader {
public:
  WeightReader(LoopEmitter &e, attune::PackedFormat format) : e(e), format(format) {}

  /// Dense formats: `count` rows from `lane` of a column, as a vector of f32. `lane` is a multiple of
  /// `count`.
  Value dense(Value panels, Value panel, Value column, Value lane, int64_t count);

  /// Quantised formats: a word of codes belongs to a row (`word % 16`) of a block of 32 columns, and holds
  /// four codes for each part. `words` of them make a block.
  int64_t words() const { return format.codesBytes() / 4; }
  int64_t parts() const { return format.codes == attune::PackedFormat::U4 ? 2 : 1; }

  /// The first of the four columns of a word's part, within the block.
  Value firstColumn(Value word, int64_t part);

  /// The four weights of part after part of a word.
  struct Quad {
    Values weights; ///< f32, for columns firstColumn + 0, 1, 2, 3
  };
  SmallVector<Quad> quantized(Value panels, Value panel, Value block, Value word);

  /// One weight, of any format.
  Value element(Value panels, Value panel, Value lane, Value column);

private:
  Value loadBytes(Value panels, Value panel, Value offset, Type element, int64_t count);
  /// Where the scale of a column of a block lies in the panel, by the column's number within the block.
  Value scaleOffset(Value block, Value column, Value lane);
  Value scale(Value panels, Value panel, Value offset);
  Value weight(Value code, Value scale, Value minimum);

  LoopEmitter &e;
  attune::PackedFormat format;
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_WEIGHTREADER_H
