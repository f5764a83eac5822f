// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cstdint>

namespace attune {

/// Pseudo-random numbers by the PCG family's XSH-RR 64/32 step (O'Neill 2014): 16 bytes of state, and the
/// same sequence for a seed on every machine, which the distributions of <random> do not promise.
class Random {
public:
  explicit Random(uint64_t seed) {
    next();
    state += seed;
    next();
  }

  /// 32 evenly distributed bits.
  uint32_t next() {
    uint64_t old = state;
    state = old * 6364136223846793005u + Increment;
    return std::rotr(static_cast<uint32_t>((old >> 18 ^ old) >> 27), static_cast<int>(old >> 59));
  }

  /// A number in [0, 1), a multiple of 2^-53.
  double nextUnit() {
    uint64_t high = next(), low = next();
    return static_cast<double>((high << 32 | low) >> 11) * 0x1p-53;
  }

private:
  static constexpr uint64_t Increment = 1442695040888963407u; // any odd number: it picks the stream
  uint64_t state = 0;
};

} // namespace attune
