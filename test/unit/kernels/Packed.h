// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Random weights in a packed format beside their values, and what kernels should compute from them, in plain
/// loops.

#ifndef ATTUNE_TEST_UNIT_KERNELS_PACKED_H
#define ATTUNE_TEST_UNIT_KERNELS_PACKED_H

#include "dialect/PackedFormat.h"

#include <random>
#include <string>
#include <vector>

using attune::PackedFormat;

/// An [N, K] matrix twice: packed, and as the values that the packed bytes stand for.
struct Packed {
  PackedFormat format;
  int64_t rows, columns;
  std::vector<uint8_t> bytes;
  std::vector<float> values;

  /// Padding columns hold random codes, since kernels may not rely on what stands there.
  static Packed random(PackedFormat format, int64_t rows, int64_t columns, unsigned seed);

  float at(int64_t row, int64_t column) const { return values[row * columns + column]; }
};

/// The text of `format` as an attribute.
std::string textOf(PackedFormat format);

std::vector<float> randomFloats(int64_t count, unsigned seed, float scale = 1);

/// Activations as kernel.quantize should give them.
struct QuantizedRows {
  int64_t blocks, group;
  std::vector<int8_t> codes; ///< rows x blocks * 32
  std::vector<float> scales; ///< rows x blocks
  std::vector<float> sums;   ///< rows x blocks * 32 / group

  QuantizedRows(const std::vector<float> &input, int64_t rows, int64_t columns, int64_t group);
  float value(int64_t row, int64_t column) const {
    return codes[row * blocks * 32 + column] * scales[row * blocks + column / 32];
  }
};

#endif // ATTUNE_TEST_UNIT_KERNELS_PACKED_H
