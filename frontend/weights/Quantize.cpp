// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/BlockFormat.h"
#include "frontend/weights/HalfFloat.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

using namespace attune;

static constexpr int columns = 32;

/// Truncates; what is out of range, infinite or no number gives a bound, as converting it would be undefined.
static int clampedInt(float value, int low, int high) {
  if (value >= static_cast<float>(high))
    return high;
  return value > static_cast<float>(low) ? static_cast<int>(value) : low;
}

static float inverse(float scale) { return scale == 0.0f ? 0.0f : 1.0f / scale; }

/// The element of largest magnitude (the first of several), with its sign.
static float extreme(const float *src) {
  float found = 0.0f;
  for (int i = 0; i < columns; ++i)
    if (std::fabs(src[i]) > std::fabs(found))
      found = src[i];
  return found;
}

static void storeNibbles(const int (&codes)[columns], uint8_t *dst) {
  for (int i = 0; i < columns / 2; ++i)
    dst[i] = (codes[i] & 15) | (codes[i + columns / 2] & 15) << 4;
}

static void storeFifthBits(const int (&codes)[columns], uint8_t *dst) {
  uint32_t bits = 0;
  for (int i = 0; i < columns; ++i)
    bits |= static_cast<uint32_t>(codes[i] >> 4) << i;
  llvm::support::endian::write32le(dst, bits);
}

/// Symmetric codes 0 .. 2 * zero - 1: the extreme element gets code 0. Returns the scale.
static float symmetricCodes(const float *src, int zero, int (&codes)[columns]) {
  float scale = extreme(src) / static_cast<float>(-zero);
  float factor = inverse(scale);
  for (int i = 0; i < columns; ++i)
    codes[i] = clampedInt(src[i] * factor + (static_cast<float>(zero) + 0.5f), 0, 2 * zero - 1);
  return scale;
}

/// Codes 0 .. top over the range of the elements. Returns the scale; the minimum goes to `low`.
static float rangeCodes(const float *src, int top, int (&codes)[columns], float &low) {
  low = *std::min_element(src, src + columns);
  float scale = (*std::max_element(src, src + columns) - low) / static_cast<float>(top);
  float factor = inverse(scale);
  for (int i = 0; i < columns; ++i)
    codes[i] = clampedInt((src[i] - low) * factor + 0.5f, 0, top);
  return scale;
}

static void quantizeQ4_0(const float *src, uint8_t *dst) {
  int codes[columns];
  writeHalf(dst, symmetricCodes(src, 8, codes));
  storeNibbles(codes, dst + 2);
}

static void quantizeQ5_0(const float *src, uint8_t *dst) {
  int codes[columns];
  writeHalf(dst, symmetricCodes(src, 16, codes));
  storeFifthBits(codes, dst + 2);
  storeNibbles(codes, dst + 6);
}

static void quantizeQ4_1(const float *src, uint8_t *dst) {
  int codes[columns];
  float low;
  writeHalf(dst, rangeCodes(src, 15, codes, low));
  writeHalf(dst + 2, low);
  storeNibbles(codes, dst + 4);
}

static void quantizeQ5_1(const float *src, uint8_t *dst) {
  int codes[columns];
  float low;
  writeHalf(dst, rangeCodes(src, 31, codes, low));
  writeHalf(dst + 2, low);
  storeFifthBits(codes, dst + 4);
  storeNibbles(codes, dst + 8);
}

static void quantizeQ8_0(const float *src, uint8_t *dst) {
  float scale = std::fabs(extreme(src)) / 127.0f;
  float factor = inverse(scale);
  writeHalf(dst, scale);
  for (int i = 0; i < columns; ++i)
    dst[2 + i] = static_cast<uint8_t>(clampedInt(std::round(src[i] * factor), -127, 127));
}

using BlockEncoder = void (*)(const float *src, uint8_t *dst);

static BlockEncoder blockEncoder(StorageType type) {
  switch (type) {
  case StorageType::Q4_0:
    return quantizeQ4_0;
  case StorageType::Q4_1:
    return quantizeQ4_1;
  case StorageType::Q5_0:
    return quantizeQ5_0;
  case StorageType::Q5_1:
    return quantizeQ5_1;
  case StorageType::Q8_0:
    return quantizeQ8_0;
  default:
    return nullptr;
  }
}

bool attune::canQuantizeTo(StorageType type) {
  return type <= StorageType::BF16 || type == StorageType::INT8 || blockEncoder(type);
}

float attune::quantizeRow(const float *src, int8_t *dst, int64_t count) {
  float largest = 0.0f;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::fabs(src[i])); // keeps what it has beside what is no number
  float scale = largest / 127.0f, factor = inverse(scale);
  for (int64_t i = 0; i < count; ++i)
    dst[i] = static_cast<int8_t>(clampedInt(std::round(src[i] * factor), -127, 127));
  return scale;
}

void attune::quantize(StorageType type, const float *src, uint8_t *dst, int64_t count) {
  assert(canQuantizeTo(type) && type != StorageType::INT8 && "no quantiser for the type");
  assert(count % blockSize(type) == 0 && "not whole blocks");
  switch (type) {
  case StorageType::F32:
    std::memcpy(dst, src, count * sizeof(float));
    return;
  case StorageType::F16:
    for (int64_t i = 0; i < count; ++i)
      writeHalf(dst + 2 * i, src[i]);
    return;
  case StorageType::BF16:
    for (int64_t i = 0; i < count; ++i)
      llvm::support::endian::write16le(dst + 2 * i, floatToBfloat(src[i]));
    return;
  default:
    BlockEncoder encode = blockEncoder(type);
    for (int64_t i = 0; i < count; i += columns, dst += blockBytes(type))
      encode(src + i, dst);
  }
}
