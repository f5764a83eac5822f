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

  /// How far a weight of the largest scales that `random` gives may be from one of 8 bits: half a step, and
  /// what a scale with eight bits of a fraction adds.
  static double roundingError(PackedFormat format);

  float at(int64_t row, int64_t column) const { return values[row * columns + column]; }
};

/// The text of `format` as an attribute.
std::string textOf(PackedFormat format);

std::vector<float> randomFloats(int64_t count, unsigned seed, float scale = 1);

/// How activations are quantised: a scale for a row, or for each block of it, and how many sums.
struct ScaleShape {
  int64_t blocks, scales, sums;

  /// For products with weights of `format`.
  ScaleShape(PackedFormat format, int64_t columns, bool byRow)
      : blocks(PackedFormat::blocks(columns)),
        scales(byRow || format.isRowScaled() ? 1 : PackedFormat::activationScales(columns)),
        sums(format.activationSums(columns, scales)) {}
};

/// Activations as kernel.quantize should give them.
struct QuantizedRows {
  ScaleShape shape;
  std::vector<int8_t> codes; ///< rows x blocks * 32
  std::vector<float> scales, sums;

  QuantizedRows(const std::vector<float> &input, int64_t rows, int64_t columns, ScaleShape shape);
  float value(int64_t row, int64_t column) const {
    return codes[row * shape.blocks * 32 + column] * scaleOf(row, column);
  }
  float scaleOf(int64_t row, int64_t column) const {
    return scales[row * shape.scales + (shape.scales == 1 ? 0 : column / 64)];
  }

private:
  void quantize(const float *input, int64_t row, int64_t from, int64_t to, float &scale);
};

#endif // ATTUNE_TEST_UNIT_KERNELS_PACKED_H
