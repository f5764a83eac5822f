// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Tiles of inputs and weights on their way to a block's memory, in the type that is multiplied.

#ifndef ATTUNE_PASSES_GPU_MATRIXTILES_H
#define ATTUNE_PASSES_GPU_MATRIXTILES_H

#include "passes/gpu/MatrixProduct.h"
#include "passes/gpu/MatrixUnits.h"
#include "passes/gpu/WeightReader.h"

namespace mlir::transformer {

/// Buffers of tiles in a block's memory.
struct Tile {
  Value memory; ///< buffers x rows x elements of a row
  /// Rows have 64 elements, 128 bytes, whose eighths are exchanged by the row's number, as products of warp
  /// groups read them.
  bool isSwizzled = false;

  Values place(LoopEmitter &e, Value buffer, Value row, Value column) const;
};

/// Which part of the matrices a block multiplies.
struct TilePart {
  int64_t step;     ///< columns that come together
  int64_t outputs;  ///< of each weight
  Value columnTile; ///< which of the tiles of `outputs`
};

/// Loads 64 rows of inputs and `outputs` rows of each weight.
class TileLoader : Scalars {
public:
  static constexpr int64_t rows = 64;

  TileLoader(DeviceEmitter &e, MatrixUnits &units, const Product &product, const Stretch &stretch,
             TilePart part)
      : Scalars{e}, e(e), units(units), product(product), stretch(stretch), part(part),
        reader(e, product.format) {}

  Tile inputs;
  SmallVector<Tile> weights;

  /// Block-quantised weights are read along the columns, dense ones along the outputs, and stay so.
  bool outputsFirst() const { return product.format.isQuantized(); }
  /// Whether weights are stored in the type: `cp.async` brings them then.
  bool isCopied() const { return product.format.codes == units.codes(); }

  /// Starts copies, which are a group, and loads the rest into registers, as f32.
  SmallVector<MatrixUnits::Pending> load(Value tileRow, Value k, Value buffer, Value weightBuffer);
  /// The inputs alone.
  void loadInputs(SmallVectorImpl<MatrixUnits::Pending> &pending, Value tileRow, Value k, Value buffer);

private:
  using Pending = MatrixUnits::Pending;

  DeviceEmitter &e;
  MatrixUnits &units;
  const Product &product;
  const Stretch &stretch;
  TilePart part;
  WeightReader reader;

  Value inputOrZero(Value row, Value column);
  Value panelOf(Value i);
  void loadQuantized(SmallVectorImpl<Pending> &pending, Value weight, const Tile &tile, Value k,
                     Value buffer);
  void loadDense(SmallVectorImpl<Pending> &pending, Value weight, const Tile &tile, Value k, Value buffer);
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_MATRIXTILES_H
