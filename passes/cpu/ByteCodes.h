// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Floats as integers of 8 bits times a scale: what quantised activations and caches share.

#ifndef ATTUNE_PASSES_CPU_BYTECODES_H
#define ATTUNE_PASSES_CPU_BYTECODES_H

#include "passes/cpu/Emitter.h"

namespace mlir::transformer {

/// The larger of two numbers or of each pair of lanes, none of them NaN.
Value larger(Emitter &e, Value a, Value b);
/// The largest magnitude in vectors of one type.
Value largestMagnitude(Emitter &e, ArrayRef<Value> vectors);

/// What codes up to 127 are multiplied by to give floats, and its inverse, which gives codes: multiplying is
/// faster than dividing vectors. Both are 0 where the scale would be subnormal, since its inverse may be
/// infinite.
struct CodeScale {
  Value scale, inverse;
};
/// The scale that maps magnitudes up to `largest`, a number or a vector of them, to 127.
CodeScale scaleFor(Emitter &e, Value largest);
/// The integer nearest to each lane, ties to even, for |x| < 2^22.
Value roundToInts(Emitter &e, Value x);
/// The i32 codes of a vector's lanes, within -127 and 127; ties go to even.
Value codesOf(Emitter &e, Value x, Value inverse);
/// The same, of 8 bits.
Value toBytes(Emitter &e, Value codes);

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_BYTECODES_H
