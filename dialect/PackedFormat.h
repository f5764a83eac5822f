// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a weight matrix lies in memory for the kernels. Plain C++: what packs weights and what generates the
// code that reads them share this header.
//
// A matrix is logically [N, K]: N outputs (rows) of K inputs (columns). N is split into panels of 16 rows,
// the last one padded with rows of zeros; panels follow each other. All numbers are little endian.
//
// Dense panel (F32, F16, BF16): [K][16] elements, column by column.
//
// Quantised panel: K is padded to a multiple of 32; for each block of 32 columns, in order,
//   scales  [32 / group][16]   f16 or f32
//   mins    [32 / group][16]   the same type, only if hasMin
//   codes   U4: 4 groups g of 64 bytes; byte [row * 4 + j] holds the code of column 4g + j in its low half,
//               that of column 16 + 4g + j in its high half
//           I8: 8 groups g of 64 bytes; byte [row * 4 + j] is the code of column 4g + j, signed
// Quantised panel with one scale for a row (U8): scales [16]; then for each block of 32 columns
//   codes   as those of I8, but unsigned: instructions for products of bytes take them as they are
//
// A value is scale * (code - zero) + min. Padding columns may reconstruct to something near zero instead of
// zero: whoever reads them multiplies them by zero.

#ifndef ATTUNE_DIALECT_PACKEDFORMAT_H
#define ATTUNE_DIALECT_PACKEDFORMAT_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace attune {

struct PackedFormat {
  enum Codes : uint8_t { F32, F16, BF16, I8, U4, U8 };
  enum Scale : uint8_t { None, ScaleF16, ScaleF32 };

  static constexpr int panelRows = 16;
  static constexpr int blockColumns = 32;
  /// Blocks of columns that share a scale of activations.
  static constexpr int scaledBlocks = 2;

  Codes codes = F32;
  int group = 0; ///< Columns that share a scale (16 or 32); 0: all of a row, and when dense.
  Scale scale = None;
  bool hasMin = false;
  int zero = 0; ///< Subtracted from each code.

  bool operator==(const PackedFormat &) const = default;

  constexpr bool isQuantized() const { return codes >= I8; }
  /// Whether a row has one scale, which lies outside the blocks.
  constexpr bool isRowScaled() const { return isQuantized() && group == 0; }
  /// Columns whose integer products a sum of 32 bits holds, with activations of 8 bits, at most.
  static constexpr int64_t maxRowScaledColumns = 1 << 17;

  /// Bytes of one element of a dense format.
  constexpr int64_t elementBytes() const { return codes == F32 ? 4 : 2; }

  // Inside one quantised block of 16 rows and 32 columns, in bytes. Where rows have one scale, block b's
  // codes are at b * blockBytes() + codesOffset() of the panel too, its scales at 0.
  constexpr int64_t sets() const { return group ? blockColumns / group : 1; }
  constexpr int64_t scaleBytes() const { return scale == ScaleF32 ? 4 : 2; }
  constexpr int64_t scalesBytes() const { return sets() * panelRows * scaleBytes(); }
  constexpr int64_t minsOffset() const { return scalesBytes(); }
  constexpr int64_t codesOffset() const { return hasMin ? 2 * scalesBytes() : scalesBytes(); }
  constexpr int64_t codesBytes() const { return panelRows * blockColumns / (codes == U4 ? 2 : 1); }
  constexpr int64_t blockBytes() const { return (isRowScaled() ? 0 : codesOffset()) + codesBytes(); }

  /// Blocks in a quantised panel of that many columns.
  static constexpr int64_t blocks(int64_t columns) { return (columns + blockColumns - 1) / blockColumns; }
  /// Scales of a row of activations of that many columns.
  static constexpr int64_t activationScales(int64_t columns) {
    return (blocks(columns) + scaledBlocks - 1) / scaledBlocks;
  }
  /// Sums of such a row: for each set of the weights, and one more where there is one scale.
  constexpr int64_t activationSums(int64_t columns, int64_t scales) const {
    return (isRowScaled() ? 0 : blocks(columns) * sets()) + (scales == 1 ? 1 : 0);
  }
  constexpr int64_t panelBytes(int64_t columns) const {
    if (!isQuantized())
      return columns * panelRows * elementBytes();
    return blocks(columns) * blockBytes() + (isRowScaled() ? codesOffset() : 0);
  }
  static constexpr int64_t panels(int64_t rows) { return (rows + panelRows - 1) / panelRows; }
  constexpr int64_t bytes(int64_t rows, int64_t columns) const { return panels(rows) * panelBytes(columns); }
};

/// The packed form of what a file stores as `name` ("f32", "q4_1", ...; the words of #transformer.stored), or
/// nothing for a type that holds no weights. Every one of them keeps the stored values exactly.
constexpr std::optional<PackedFormat> packedFormatNamed(std::string_view name) {
  using P = PackedFormat;
  struct Entry {
    std::string_view name;
    PackedFormat format;
  };
  constexpr Entry entries[] = {
      {"f32", {P::F32}},
      {"f16", {P::F16}},
      {"bf16", {P::BF16}},
      {"q4_0", {P::U4, 32, P::ScaleF16, false, 8}},
      {"q4_1", {P::U4, 32, P::ScaleF16, true, 0}},
      {"q5_0", {P::I8, 32, P::ScaleF16, false, 0}},
      {"q5_1", {P::I8, 32, P::ScaleF16, true, 0}},
      {"q8_0", {P::I8, 32, P::ScaleF16, false, 0}},
      {"q2_k", {P::U4, 16, P::ScaleF32, true, 0}},
      {"q3_k", {P::I8, 16, P::ScaleF32, false, 0}},
      {"q4_k", {P::U4, 32, P::ScaleF32, true, 0}},
      {"q5_k", {P::I8, 32, P::ScaleF32, true, 0}},
      {"q6_k", {P::I8, 16, P::ScaleF32, false, 0}},
      {"iq4_nl", {P::I8, 32, P::ScaleF16, false, 0}},
      {"mxfp4", {P::I8, 32, P::ScaleF32, false, 0}},
      {"int8", {P::U8, 0, P::ScaleF32, false, 128}},
  };
  for (const Entry &entry : entries)
    if (entry.name == name)
      return entry.format;
  return std::nullopt;
}

} // namespace attune

#endif
