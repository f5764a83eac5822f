// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Inner products of one register tile, by the weights' format; ExpandLinear.cpp has the loops around them.

#ifndef ATTUNE_PASSES_CPU_PRODUCT_H
#define ATTUNE_PASSES_CPU_PRODUCT_H

#include "dialect/Kernel.h"
#include "passes/cpu/Emitter.h"

namespace mlir::transformer {

/// One vector of outputs: `lanes()` rows of panel `panel` from row `first`.
struct Column {
  Value panel, first;
  int64_t scratch = 0; ///< where its sums lie in a row of those that wait for the epilogue
};

/// Outputs that are summed together in registers: rows `row` to `row + rows - 1` of the activations with each
/// of `columns`.
struct Tile {
  Value row;
  int rows = 1;
  SmallVector<Column> columns;
  /// Panels further on that are read next, and prefetched meanwhile; 0: the tile's own, one column after
  /// the other, past its end the next one's. Null: nothing, since the weights are in a cache.
  std::optional<int64_t> prefetched = {};

  size_t size() const { return rows * columns.size(); }
};

/// Panels of packed weights: a weight of the op, or a register tile's panels as `unpackPanels` leaves them.
struct Panels {
  Value memory;
  attune::PackedFormat format;
  bool unpacked = false;

  /// Whether a code is a byte from 0 to 255 that the target's instructions multiply as it is.
  bool holdsUnsigned(const CpuTarget &target) const;
};

/// The tile's sums with `weight`; that of row r and column c stands at r * columns + c.
/// Dense weights, f32 activations.
Values denseProduct(Emitter &e, kernel::LinearOp op, Value weight, const Tile &tile);
/// The same over columns `from` to `to`, added to `sums`. `to` - `from` is a multiple of denseStep; or both
/// are constants.
Values addDenseProduct(Emitter &e, kernel::LinearOp op, Value weight, const Tile &tile, Value from, Value to,
                       Values sums);
constexpr int64_t denseStep = 4;
/// Quantised weights, f32 activations: weights become f32 in registers, exactly.
Values dequantizedProduct(Emitter &e, kernel::LinearOp op, Value weight, const Tile &tile);
/// Quantised weights, int8 activations.
Values quantizedProduct(Emitter &e, kernel::LinearOp op, const Panels &weight, const Tile &tile);

/// The format of unpacked panels: unsigned bytes and f32 scales; minima, which then take in the zero, are
/// multiplied by -1/128, as the sums of kernel.quantize are by -128. With activations that have a scale for
/// each row, one scale for each row of weights, to which these are rounded: by 1/254 of their row's largest.
attune::PackedFormat unpackedFormat(kernel::LinearOp op);
/// Writes the panels of `columns`, one after the other, to `unpacked`, so that many rows read what was
/// unpacked once; those `next` panels further on are prefetched.
void unpackPanels(Emitter &e, kernel::LinearOp op, const Panels &weight, ArrayRef<Column> columns,
                  const Panels &unpacked, int64_t next);

/// The tile's `sums`, of one row, with what its outliers add.
Values addOutliers(Emitter &e, kernel::LinearOp op, const Panels &weight, const Tile &tile, Values sums);

/// The same for many rows, whose outliers lie in few columns: of each panel these are made f32 once.
class OutlierColumns {
public:
  /// For blocks of `rows` and register tiles of `columns` at most.
  OutlierColumns(Emitter &e, kernel::LinearOp op, int64_t rows, int64_t columns);
  /// Finds the columns of `count` rows from `block` on.
  void find(Value block, Value count);
  /// Loads them of the panels of `columns`, with the weights as they are stored: outliers would enlarge what
  /// rounding them loses.
  void load(const Panels &weight, ArrayRef<Column> columns);
  /// Adds them to the sums of the tile, which is row `row` of the block.
  Values add(Value row, const Tile &tile, Values sums);

private:
  Emitter &e;
  kernel::LinearOp op;
  int64_t outliers;   ///< of a row
  Value slots;        ///< of each column of the weights: its number among those found, negative if it is none
  Value found, count; ///< columns of the weights, and how many
  Value ofRows;       ///< the number of each row's outliers
  Value weights;      ///< f32
};

/// Computes the op's epilogue on `products` (by weight, then as above) and stores the outputs.
LogicalResult storeTile(Emitter &e, kernel::LinearOp op, const Tile &tile, ArrayRef<Values> products);

/// acc[r][c] += activation[row + r][k] * weights[c].
void addOuterProduct(Emitter &e, Value input, const Tile &tile, Value k, ArrayRef<Value> weights,
                     MutableArrayRef<Value> sums);

/// Prefetches while the `size` bytes at `offset` of the tile's panels are read, if the tile says what.
void prefetchWeights(Emitter &e, Value weight, const Tile &tile, Value offset, int64_t size);
/// Prefetches the same bytes of the panels that lie `panels` further on.
void prefetchPanels(Emitter &e, Value weight, ArrayRef<Column> columns, int64_t panels, Value offset,
                    int64_t size);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_PRODUCT_H
