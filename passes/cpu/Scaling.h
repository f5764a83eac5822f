// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Scales and minima of packed weights, for one vector of their rows.

#ifndef ATTUNE_PASSES_CPU_SCALING_H
#define ATTUNE_PASSES_CPU_SCALING_H

#include "passes/cpu/Product.h"

namespace mlir::transformer {

/// Multiplies and adds what turns a code into a weight: code * scale + shift.
struct Scaling {
  Value scale, shift;
};

/// The byte of a panel where the scales of `set` lie, of the block that begins at byte `block`.
Value scaleOffset(Emitter &e, const attune::PackedFormat &format, const Column &column, Value block,
                  Value set);
/// Scales or minima at byte `offset` of the column's panel, as f32.
Value loadScales(Emitter &e, const attune::PackedFormat &format, Value weight, const Column &column,
                 Value offset);
/// Minima and the zero point together shift.
Scaling loadScaling(Emitter &e, const attune::PackedFormat &format, Value weight, const Column &column,
                    Value block, Value set);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_SCALING_H
