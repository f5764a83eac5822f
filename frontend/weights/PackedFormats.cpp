// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which packed format holds what, and the way back from packed panels.

#include "frontend/weights/HalfFloat.h"
#include "frontend/weights/Packing.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>

using namespace attune;

PackedFormat attune::packedFormatOf(StorageType type) {
  std::optional<PackedFormat> format = packedFormatNamed(storageTypeName(type));
  assert(format && "holds no weights");
  return *format;
}

bool attune::holdsExactly(const PackedFormat &format, StorageType type) {
  if (!isWeightType(type) && !canQuantizeTo(type))
    return false;
  PackedFormat own = packedFormatOf(type);
  if (format == own || format.codes == PackedFormat::F32)
    return true;
  if (!format.isQuantized() || !own.isQuantized() || format.isRowScaled() || own.isRowScaled())
    return false;
  // 4-bit codes keep their offset; 8-bit codes are signed and need none.
  bool codes = format.codes == PackedFormat::I8 ? format.zero == 0
                                                : own.codes == PackedFormat::U4 && format.zero == own.zero;
  bool scales = format.scale == PackedFormat::ScaleF32 || own.scale == PackedFormat::ScaleF16;
  return codes && scales && format.group <= own.group && (format.hasMin || !own.hasMin);
}

/// The smallest quantised format that holds two others.
static PackedFormat wider(const PackedFormat &a, const PackedFormat &b) {
  bool nibbles = a.codes == PackedFormat::U4 && b.codes == PackedFormat::U4 && a.zero == b.zero;
  PackedFormat format;
  format.codes = nibbles ? PackedFormat::U4 : PackedFormat::I8;
  format.zero = nibbles ? a.zero : 0;
  format.group = std::min(a.group, b.group);
  format.scale = std::max(a.scale, b.scale);
  format.hasMin = a.hasMin || b.hasMin;
  return format;
}

PackedFormat attune::commonFormat(llvm::ArrayRef<StorageType> types) {
  assert(!types.empty() && "no types");
  PackedFormat format = packedFormatOf(types.front());
  for (StorageType type : types.drop_front()) {
    PackedFormat other = packedFormatOf(type);
    if (other == format)
      continue;
    if (!format.isQuantized() || !other.isQuantized() || format.isRowScaled() || other.isRowScaled())
      return PackedFormat{PackedFormat::F32};
    format = wider(format, other);
  }
  return format;
}

//===----------------------------------------------------------------------===//
// Unpacking
//===----------------------------------------------------------------------===//

static float loadDense(const PackedFormat &format, const uint8_t *at) {
  float value;
  StorageType type = format.codes == PackedFormat::F32   ? StorageType::F32
                     : format.codes == PackedFormat::F16 ? StorageType::F16
                                                         : StorageType::BF16;
  dequantize(type, at, &value, 1);
  return value;
}

static float loadScale(const PackedFormat &format, const uint8_t *at) {
  if (format.scale == PackedFormat::ScaleF32)
    return llvm::bit_cast<float>(llvm::support::endian::read32le(at));
  return readHalf(at);
}

static int loadCode(const PackedFormat &format, const uint8_t *codes, int row, int column) {
  if (format.codes != PackedFormat::U4) {
    uint8_t code = codes[column / 4 * 64 + row * 4 + column % 4];
    return format.codes == PackedFormat::I8 ? static_cast<int8_t>(code) : code;
  }
  uint8_t pair = codes[column % 16 / 4 * 64 + row * 4 + column % 4];
  return column < 16 ? pair & 15 : pair >> 4;
}

static float loadQuantized(const PackedFormat &format, const uint8_t *panel, int row, int64_t column) {
  const uint8_t *block = panel + column / PackedFormat::blockColumns * format.blockBytes();
  const uint8_t *scales = format.isRowScaled() ? panel : block;
  int within = column % PackedFormat::blockColumns;
  int64_t set = within * format.sets() / PackedFormat::blockColumns;
  int64_t at = (set * PackedFormat::panelRows + row) * format.scaleBytes();
  int code = loadCode(format, block + format.codesOffset(), row, within) - format.zero;
  float value = loadScale(format, scales + at) * static_cast<float>(code);
  return format.hasMin ? value + loadScale(format, scales + format.minsOffset() + at) : value;
}

void attune::unpack(const PackedFormat &format, const uint8_t *packed, int64_t rows, int64_t columns,
                    float *out) {
  constexpr int panelRows = PackedFormat::panelRows;
  for (int64_t n = 0; n < rows; ++n) {
    const uint8_t *panel = packed + n / panelRows * format.panelBytes(columns);
    int row = n % panelRows;
    for (int64_t k = 0; k < columns; ++k)
      *out++ = format.isQuantized()
                   ? loadQuantized(format, panel, row, k)
                   : loadDense(format, panel + (k * panelRows + row) * format.elementBytes());
  }
}
