// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Codes of packed weights as integer products take them.

#ifndef ATTUNE_PASSES_CPU_CODELOADER_H
#define ATTUNE_PASSES_CPU_CODELOADER_H

#include "passes/cpu/Product.h"

namespace mlir::transformer {

/// Codes of weights as they are stored; unsigned bytes where no instruction takes them, with a sign.
struct CodeLoader {
  Emitter &e;
  const Panels &weight;
  attune::PackedFormat format = weight.format;

  bool turnsSign() const {
    return format.codes == attune::PackedFormat::U8 && !weight.holdsUnsigned(e.target);
  }
  /// What stands for a weight of zero.
  int zero() const { return turnsSign() ? format.zero - 128 : format.zero; }

  /// Four columns' codes: those of group `group` of the block's eight.
  Value load(const Column &column, Value block, int64_t group) const;
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_CPU_CODELOADER_H
