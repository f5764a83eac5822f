// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one form that every block-quantised type decodes to, from which both numbers and packed panels are
// made.

#ifndef ATTUNE_FRONTEND_WEIGHTS_BLOCKCODES_H
#define ATTUNE_FRONTEND_WEIGHTS_BLOCKCODES_H

#include "frontend/weights/BlockFormat.h"
#include <array>

namespace attune {

/// 32 columns: value[j] = scales[j / 16] * codes[j] + mins[j / 16].
/// A type without minimum has -0.0, which changes no value that it is added to.
struct CodeBlock {
  static constexpr int columns = 32;
  std::array<int8_t, columns> codes;
  std::array<float, 2> scales;
  std::array<float, 2> mins = {-0.0f, -0.0f};
};

/// The most CodeBlocks that one stored block decodes to.
constexpr int maxCodeBlocks = 8;

/// Decodes one stored block to blockSize(type) / 32 code blocks.
using BlockDecoder = void (*)(const uint8_t *block, CodeBlock *out);

/// The decoder of a type for which isBlockQuantized() holds.
BlockDecoder blockDecoder(StorageType type);

} // namespace attune

#endif
