// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/unit/kernels/Packed.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

namespace {

/// f16 bits of a normal number that f16 holds.
uint16_t toHalf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t exponent = (bits >> 23 & 255) - 112;
  return value == 0 ? 0
                    : uint16_t(bits >> 16 & 0x8000) | uint16_t(exponent << 10) | uint16_t(bits >> 13 & 1023);
}

/// `value` with `bits` bits of fraction, so that it is exact in a shorter type.
float shorten(float value, int bits) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & ~((1u << (23 - bits)) - 1));
}

struct Writer {
  Packed &packed;
  std::mt19937 random;
  const PackedFormat &format = packed.format;

  float uniform(float low, float high) { return std::uniform_real_distribution<float>(low, high)(random); }
  int integer(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }

  void put(int64_t offset, float value, PackedFormat::Codes type) {
    uint8_t *target = packed.bytes.data() + offset;
    uint32_t bits = std::bit_cast<uint32_t>(value);
    uint16_t half = type == PackedFormat::F16 ? toHalf(value) : uint16_t(bits >> 16);
    type == PackedFormat::F32 ? std::memcpy(target, &bits, 4) : std::memcpy(target, &half, 2);
  }

  float dense(int64_t offset) {
    float value = uniform(-1, 1);
    if (std::abs(value) < 0.001f)
      value = 0.5f;
    if (format.codes != PackedFormat::F32)
      value = shorten(value, format.codes == PackedFormat::F16 ? 10 : 7);
    put(offset, value, format.codes);
    return value;
  }

  /// Scales or minima of one row of a block, or of all blocks.
  std::vector<float> scaling(int64_t block, int64_t row, float low, float high) {
    std::vector<float> result;
    for (int64_t set = 0; set < format.sets(); ++set) {
      float value = uniform(low, high);
      bool half = format.scale == PackedFormat::ScaleF16;
      if (half)
        value = shorten(value, 10);
      put(block + (set * 16 + row) * format.scaleBytes(), value,
          half ? PackedFormat::F16 : PackedFormat::F32);
      result.push_back(value);
    }
    return result;
  }

  int code(int64_t codes, int64_t row, int column) {
    if (format.codes == PackedFormat::U8)
      return packed.bytes[codes + column / 4 * 64 + row * 4 + column % 4] = uint8_t(integer(0, 255));
    if (format.codes == PackedFormat::I8) {
      int value = integer(0, 20) ? integer(-127, 127) : -128;
      packed.bytes[codes + column / 4 * 64 + row * 4 + column % 4] = uint8_t(value);
      return value;
    }
    int value = integer(0, 15), within = column % 16;
    packed.bytes[codes + within / 4 * 64 + row * 4 + within % 4] |= value << (column / 16 * 4);
    return value;
  }

  void block(int64_t offset, int64_t lane, int64_t row, int64_t first, std::vector<float> scales) {
    if (scales.empty())
      scales = scaling(offset, lane, 0.01f, 0.1f);
    std::vector<float> mins(scales.size(), 0.0f);
    if (format.hasMin)
      mins = scaling(offset + format.minsOffset(), lane, -1.0f, -0.1f);
    for (int column = 0; column < 32; ++column) {
      int value = code(offset + format.codesOffset(), lane, column);
      if (first + column < packed.columns)
        packed.values[row * packed.columns + first + column] =
            scales[column * format.sets() / 32] * float(value - format.zero) +
            mins[column * format.sets() / 32];
    }
  }

  void row(int64_t row) {
    int64_t panel = row / 16 * format.panelBytes(packed.columns), lane = row % 16;
    if (!format.isQuantized()) {
      for (int64_t k = 0; k < packed.columns; ++k)
        packed.values[row * packed.columns + k] = dense(panel + (k * 16 + lane) * format.elementBytes());
      return;
    }
    std::vector<float> scales;
    if (format.isRowScaled())
      scales = scaling(panel, lane, 0.01f, 0.1f);
    for (int64_t first = 0; first < packed.columns; first += 32)
      block(panel + first / 32 * format.blockBytes(), lane, row, first, scales);
  }
};

} // namespace

Packed Packed::random(PackedFormat format, int64_t rows, int64_t columns, unsigned seed) {
  Packed packed{format, rows, columns, std::vector<uint8_t>(format.bytes(rows, columns)),
                std::vector<float>(rows * columns)};
  Writer writer{packed, std::mt19937(seed)};
  for (int64_t row = 0; row < rows; ++row)
    writer.row(row);
  return packed;
}

double Packed::roundingError(PackedFormat format) {
  double codes = format.codes == PackedFormat::U4 ? 15 : 128;
  double largest = 0.1 * (codes + format.zero) + (format.hasMin ? 1 : 0);
  return largest / 127 * (0.5 + (codes + 1) / 512);
}

std::string textOf(PackedFormat format) {
  static const char *const codes[] = {"f32", "f16", "bf16", "i8", "u4", "u8"}, *const scales[] = {
                                                                                   "none", "f16", "f32"};
  std::string text = std::string("<codes = ") + codes[format.codes];
  if (format.isQuantized())
    text += (format.group ? ", group = " + std::to_string(format.group) : "") +
            ", scale = " + scales[format.scale] + (format.hasMin ? ", min = true" : "") +
            (format.zero ? ", zero = " + std::to_string(format.zero) : "");
  return text + ">";
}

std::vector<float> randomFloats(int64_t count, unsigned seed, float scale) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution(0, scale);
  std::vector<float> values(count);
  for (float &value : values)
    value = distribution(random);
  return values;
}

QuantizedRows::QuantizedRows(const std::vector<float> &input, int64_t rows, int64_t columns, ScaleShape shape)
    : shape(shape), codes(rows * shape.blocks * 32), scales(rows * shape.scales), sums(rows * shape.sums) {
  int64_t width = shape.blocks * 32, perScale = shape.scales == 1 ? width : 64;
  int64_t sets = shape.sums - (shape.scales == 1 ? 1 : 0);
  for (int64_t row = 0; row < rows; ++row) {
    auto sum = [&](int64_t from, int64_t to) {
      auto first = codes.begin() + row * width;
      return -128 * float(std::accumulate(first + from, first + to, 0));
    };
    for (int64_t i = 0; i < shape.scales; ++i)
      quantize(&input[row * columns], row, i * perScale, std::min(columns, (i + 1) * perScale),
               scales[row * shape.scales + i]);
    float *sumsOf = &sums[row * shape.sums];
    for (int64_t i = 0; i < sets; ++i)
      sumsOf[i] = sum(i * width / sets, (i + 1) * width / sets);
    if (shape.scales == 1)
      sumsOf[sets] = sum(0, width);
  }
}

/// Columns `from` to `to` of a row of the input, which share a scale.
void QuantizedRows::quantize(const float *input, int64_t row, int64_t from, int64_t to, float &scale) {
  float largest = 0;
  for (int64_t k = from; k < to; ++k)
    largest = std::max(largest, std::abs(input[k]));
  float quotient = largest / 127.0f;
  scale = std::isnormal(quotient) ? quotient : 0;
  for (int64_t k = from; scale > 0 && k < to; ++k)
    codes[row * shape.blocks * 32 + k] = int8_t(std::nearbyint(input[k] * (1 / scale)));
}
