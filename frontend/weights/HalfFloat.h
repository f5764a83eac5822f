// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 16-bit floating point numbers as bit patterns, and unaligned little-endian access to them.

#ifndef ATTUNE_FRONTEND_WEIGHTS_HALFFLOAT_H
#define ATTUNE_FRONTEND_WEIGHTS_HALFFLOAT_H

#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include <cstdint>

namespace attune {

inline float halfToFloat(uint16_t half) {
  uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 0x1f;
  uint32_t fraction = half & 0x3ff;
  if (exponent == 0) {
    float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  uint32_t wide = exponent == 0x1f ? 0x7f800000 : (exponent + 112) << 23;
  return llvm::bit_cast<float>(sign | wide | (fraction << 13));
}

/// Rounds to nearest even; what is too large becomes an infinity.
inline uint16_t floatToHalf(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  uint16_t sign = (bits >> 16) & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) { // keep the top of a NaN's payload, and keep it a NaN
    uint16_t payload = (magnitude >> 13) & 0x3ff;
    return sign | 0x7c00 | (payload ? payload : 1);
  }
  if (magnitude >= 0x477ff000) // 65520 and above
    return sign | 0x7c00;
  if (magnitude < 0x38800000) { // below 2^-14: counted in units of 2^-24, the addition rounds
    float shifted = llvm::bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<uint16_t>(llvm::bit_cast<uint32_t>(shifted) - 0x3f000000);
  }
  uint32_t odd = (magnitude >> 13) & 1;
  return sign | static_cast<uint16_t>((magnitude - 0x38000000 + 0xfff + odd) >> 13);
}

inline float bfloatToFloat(uint16_t bfloat) {
  return llvm::bit_cast<float>(static_cast<uint32_t>(bfloat) << 16);
}

/// Rounds to nearest even; a NaN becomes a quiet one.
inline uint16_t floatToBfloat(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return (bits >> 16) | 0x40;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

inline float readHalf(const uint8_t *bytes) { return halfToFloat(llvm::support::endian::read16le(bytes)); }
inline void writeHalf(uint8_t *bytes, float value) {
  llvm::support::endian::write16le(bytes, floatToHalf(value));
}

} // namespace attune

#endif
