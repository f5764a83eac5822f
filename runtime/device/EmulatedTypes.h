// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements of matrices that emulated kernels multiply.
#pragma once

#include <cstdint>
#include <cstring>

namespace attune {

struct F16 {
  static float toFloat(uint16_t bits) {
    _Float16 value;
    std::memcpy(&value, &bits, sizeof(bits));
    return static_cast<float>(value);
  }
};

struct Bf16 {
  static float toFloat(uint16_t bits) {
    uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &wide, sizeof(wide));
    return value;
  }
};

} // namespace attune
