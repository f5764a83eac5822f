// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cstdint>

namespace attune {

/// exp(x) for x <= 0, to about 1e-15 relative; 0 below -700. The C library's differs in the last bit from
/// machine to machine (with and without fused multiply-add), which would change what a seed draws; this one
/// never does as long as the compiler fuses nothing (-ffp-contract=off).
inline double exponential(double x) {
  if (!(x > -700)) // also NaN and -inf
    return 0;
  constexpr double Log2OfE = 1.4426950408889634, Ln2High = 6.93147180369123816490e-01,
                   Ln2Low = 1.90821492927058770002e-10; // Ln2High has trailing zeros: k * Ln2High is exact
  auto k = static_cast<int32_t>(x * Log2OfE - 0.5);
  double r = (x - k * Ln2High) - k * Ln2Low; // |r| <= ln(2) / 2
  constexpr double Taylor[] = {1.0 / 6227020800,
                               1.0 / 479001600,
                               1.0 / 39916800,
                               1.0 / 3628800,
                               1.0 / 362880,
                               1.0 / 40320,
                               1.0 / 5040,
                               1.0 / 720,
                               1.0 / 120,
                               1.0 / 24,
                               1.0 / 6,
                               1.0 / 2,
                               1,
                               1}; // r^14 / 14! < 1e-17
  double sum = 0;
  for (double coefficient : Taylor)
    sum = sum * r + coefficient;
  return sum * std::bit_cast<double>(static_cast<uint64_t>(1023 + k) << 52);
}

} // namespace attune
