// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Sums of products of bytes, four to a 32-bit lane, by what the instruction set offers. LLVM does not form
/// these instructions from arithmetic, so they are called as intrinsics.

#ifndef ATTUNE_PASSES_CPU_BYTEDOT_H
#define ATTUNE_PASSES_CPU_BYTEDOT_H

#include "passes/cpu/Emitter.h"

namespace mlir::transformer {

class ByteDot {
public:
  /// `nibbles`: weights are 0 to 15, or 0 to 255 where there is an instruction for it; otherwise -128 to 127.
  /// Activations are -127 to 127.
  ByteDot(Emitter &e, bool nibbles) : e(e), nibbles(nibbles) {}

  /// Four weights a lane in the form that `sum` wants, made once for several rows of activations.
  struct Weights {
    Value codes;      ///< what is multiplied: unsigned, but for Generic and Neon as stored
    Value signs = {}; ///< Avx2, signed weights: the weights themselves, whose signs the activations take
  };
  Weights prepare(Value codes);

  /// Whether weights of 0 to 255 are multiplied as they are.
  static bool takesUnsigned(const CpuTarget &target) {
    return target.dot == DotKind::AvxVnni || target.dot == DotKind::Vnni512;
  }

  /// Whether the instruction takes its four activations from any lane of a vector.
  bool takesLane() const { return kind() == DotKind::Neon; }

  /// What `prepare` adds to each weight: `sum` is larger by this times the sum of the activations.
  int offset() const;

  /// `partial` (null at first) with the products of four more columns, at most 8 times in all unless
  /// `sumsInts`.
  Value add(Value partial, const Weights &weights, Value activations);
  /// Whether `partial` has 32 bits from the first on: a sum of any length can begin with any number.
  bool sumsInts() const { return !nibbles || sumsFours(); }
  /// The sums in 32 bits.
  Value finish(Value partial) { return sumsInts() ? partial : widen(partial); }

private:
  Emitter &e;
  bool nibbles;

  DotKind kind() const { return e.target.dot; }
  bool vnni() const { return takesUnsigned(e.target); }
  /// Whether one instruction adds four products to a sum of 32 bits.
  bool sumsFours() const { return vnni() || kind() == DotKind::Neon; }
  Value withSign(Value values, Value signs);
  Value pairs(const Weights &weights, Value activations);
  Value genericPairs(Value weights, Value activations);
  Value widen(Value pairs);
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_BYTEDOT_H
