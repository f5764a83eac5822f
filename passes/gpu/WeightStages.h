// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Packed weights on their way to a block's memory by bulk copies of tensors, several steps ahead.

#ifndef ATTUNE_PASSES_GPU_WEIGHTSTAGES_H
#define ATTUNE_PASSES_GPU_WEIGHTSTAGES_H

#include "passes/gpu/MatrixProduct.h"
#include "passes/gpu/MatrixUnits.h"

namespace mlir::transformer {

/// Stages of the block's memory that hold a step of weights each: panel after panel, of each 64 columns of 16
/// outputs, whose halves are exchanged in every second four columns (the swizzle of 32 bytes). Steps take the
/// stages in turn; a barrier in memory for each says when what was copied to it has come. That it may be
/// written again, a barrier of the block has to say.
class WeightStages {
public:
  static constexpr int64_t count = 3;
  static constexpr int64_t step = 64;                                         ///< columns
  static constexpr int64_t columnBytes = attune::PackedFormat::panelRows * 2; ///< of a panel
  static constexpr int64_t patternBytes = 8 * columnBytes;                    ///< of the swizzle
  static constexpr int64_t panelBytes = step * columnBytes;                   ///< of a stage's panel

  /// `outputs` of each weight make the part number `columnTile` that the block multiplies.
  WeightStages(DeviceEmitter &e, MatrixUnits &units, Type type, const Product &product,
               const Stretch &stretch, int64_t outputs, Value columnTile);

  /// Makes the barriers, by the first work item, which copies too. The others may wait for copies after the
  /// next barrier of the block.
  void open();
  /// Starts copying step `number` of the block, columns `k` and on. For one work item.
  void copy(Value number, Value k);
  /// Waits until step `number` is there. For all work items.
  void wait(Value number);
  /// Where step `number` lies.
  Value stageOf(Value number) { return e.rem(number, count); }
  Value memory; ///< stages x panels x columns x outputs

private:
  DeviceEmitter &e;
  MatrixUnits &units;
  const Product &product;
  const Stretch &stretch;
  int64_t panels; ///< of each weight
  Value columnTile, barriers;
  Values maps; ///< of each weight

  Value mapOf(Value weight);
  Value barrier(Value stage);
  Value word(Value index) { return arith::IndexCastOp::create(e, e.getI32Type(), index); }
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_GPU_WEIGHTSTAGES_H
