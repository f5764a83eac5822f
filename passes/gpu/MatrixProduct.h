// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A product of activations with packed weights on a device, apart from its form; the form for matrix units.

#ifndef ATTUNE_PASSES_GPU_MATRIXPRODUCT_H
#define ATTUNE_PASSES_GPU_MATRIXPRODUCT_H

#include "passes/gpu/Launches.h"

namespace mlir::transformer {

/// A product without its form: `LinearOp`, or `GroupedLinearOp` with the stretch of rows of one block.
struct Product {
  ValueRange weights, extras;
  Value input, output;
  Block *epilogue;
  attune::PackedFormat format;
  int64_t columns;

  template <typename Op> static Product of(Op op) {
    return {op.getWeights(),
            op.getExtras(),
            op.getInput(),
            op.getOutput(),
            &op.getEpilogue().front(),
            op.getFormat().getFormat(),
            static_cast<int64_t>(op.getColumns())};
  }
  int64_t outputs() const { return cast<MemRefType>(output.getType()).getDimSize(1); }
  int64_t panels() const { return attune::PackedFormat::panels(outputs()); }
};

/// Rows [begin, end) of the input meet matrix number `matrix` of each weight.
struct Stretch {
  Value begin, end, matrix;

  /// `panel` of that matrix.
  Value panelOf(LoopEmitter &e, const Product &product, Value panel) const {
    return matrix ? e.add(panel, e.mul(matrix, product.panels())) : panel;
  }
};

/// The epilogue and the store of one output, if there is such a column.
void storeOutput(DeviceEmitter &e, const Product &product, const Stretch &stretch, Value row, Value column,
                 ArrayRef<Value> products);

constexpr int64_t kMatrixTileColumns = 128;

/// Tiles of 64 rows and 128 outputs, which the subgroups of a block of 256 multiply in `type` (f16 or bf16)
/// by `mma.sync.m16n8k16`, with sums in f32.
LogicalResult emitMatrixTiles(DeviceEmitter &e, Type type, const Product &product, const Stretch &stretch,
                              Value columnTile);

/// Work items of a warp group.
constexpr int64_t kWarpGroup = 128;

/// The same tiles on an sm_90a, multiplied by one warp group with `wgmma.mma_async`. It is for weights that
/// are stored in `type`, one or two of them, which share the tile's outputs: `warpGroupColumns` of each.
bool suitsWarpGroup(const Product &product, Type type);
int64_t warpGroupColumns(const Product &product);
LogicalResult emitWarpGroupTiles(DeviceEmitter &e, Type type, const Product &product, const Stretch &stretch,
                                 Value columnTile);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_MATRIXPRODUCT_H
