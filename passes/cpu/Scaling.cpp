// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/Scaling.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

Value transformer::scaleOffset(Emitter &e, const PackedFormat &format, const Column &column, Value block,
                               Value set) {
  Value scales = format.isRowScaled() ? e.index(0) : block;
  return e.add(scales, e.add(e.mul(set, PackedFormat::panelRows * format.scaleBytes()),
                             e.mul(column.first, format.scaleBytes())));
}

Value transformer::loadScales(Emitter &e, const PackedFormat &format, Value weight, const Column &column,
                              Value offset) {
  if (format.scale == PackedFormat::ScaleF32)
    return e.loadBytes(e.floats(), weight, column.panel, offset);
  return e.extend(e.loadBytes(e.vectorOf(e.getF16Type(), e.lanes()), weight, column.panel, offset));
}

Scaling transformer::loadScaling(Emitter &e, const PackedFormat &format, Value weight, const Column &column,
                                 Value block, Value set) {
  Value offset = scaleOffset(e, format, column, block, set);
  Value scale = loadScales(e, format, weight, column, offset);
  Value shift = format.hasMin ? loadScales(e, format, weight, column, e.add(offset, format.minsOffset()))
                              : e.zeros(e.floats());
  if (format.zero)
    shift = e.fma(scale, e.splat(e.floats(), -double(format.zero)), shift);
  return {scale, shift};
}
