// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of packing share: matrices of any type, packed and unpacked whole.

#ifndef ATTUNE_TEST_UNIT_PACKMATRIX_H
#define ATTUNE_TEST_UNIT_PACKMATRIX_H

#include "frontend/weights/Packing.h"
#include <gtest/gtest.h>

namespace attune::test {

/// A matrix that owns its bytes.
struct Matrix {
  StorageType type;
  int64_t rows, columns;
  std::vector<uint8_t> bytes;

  PackSource source() const { return {"w", type, bytes, rows, columns}; }
  std::vector<float> values() const {
    std::vector<float> out(rows * columns);
    dequantize(type, bytes.data(), out.data(), out.size());
    return out;
  }
};

/// Numbers that look like weights.
inline std::vector<float> someValues(int64_t count, unsigned seed) {
  std::vector<float> values(count);
  for (float &value : values) {
    seed = seed * 1664525 + 1013904223;
    value = (static_cast<float>(seed >> 8) / 0x800000 - 1) * 0.3f;
  }
  return values;
}

inline Matrix matrixOf(StorageType type, int64_t rows, int64_t columns, unsigned seed = 1) {
  std::vector<float> values = someValues(rows * columns, seed);
  Matrix matrix{type, rows, columns, std::vector<uint8_t>(storageBytes(type, rows * columns))};
  quantize(type, values.data(), matrix.bytes.data(), values.size());
  return matrix;
}

/// Packs all panels and checks that nothing is written past their end.
inline std::vector<uint8_t> pack(const PackedFormat &format, llvm::ArrayRef<PackSource> sources,
                                 std::optional<StorageType> requantize = std::nullopt) {
  int64_t rows = 0;
  for (const PackSource &source : sources)
    rows += source.rows();
  int64_t size = format.bytes(rows, sources.front().columns);
  std::vector<uint8_t> packed(size + 64, 0xa5);
  if (llvm::Error error =
          packPanels(format, sources, 0, PackedFormat::panels(rows), packed.data(), requantize))
    ADD_FAILURE() << llvm::toString(std::move(error));
  EXPECT_EQ(std::vector<uint8_t>(packed.begin() + size, packed.end()), std::vector<uint8_t>(64, 0xa5));
  packed.resize(size);
  return packed;
}

inline std::vector<float> unpacked(const PackedFormat &format, const std::vector<uint8_t> &packed,
                                   int64_t rows, int64_t columns) {
  std::vector<float> out(rows * columns);
  unpack(format, packed.data(), rows, columns, out.data());
  return out;
}

} // namespace attune::test

#endif
