// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How far exp and erf are off, as kernel-math-to-polynomials says.

#include "test/unit/kernels/KernelJit.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace {

constexpr float Infinity = std::numeric_limits<float>::infinity();
constexpr float Smallest = std::numeric_limits<float>::min();

constexpr char module[] = R"(
  func.func @exp(%x: memref<?xf32>, %y: memref<?xf32>) attributes {llvm.emit_c_interface} {
    %c0 = arith.constant 0 : index
    %c8 = arith.constant 8 : index
    %n = memref.dim %x, %c0 : memref<?xf32>
    scf.for %i = %c0 to %n step %c8 {
      %in = vector.load %x[%i] : memref<?xf32>, vector<8xf32>
      %out = math.exp %in : vector<8xf32>
      vector.store %out, %y[%i] : memref<?xf32>, vector<8xf32>
    }
    return
  }
  func.func @erf(%x: memref<?xf32>, %y: memref<?xf32>) attributes {llvm.emit_c_interface} {
    %c0 = arith.constant 0 : index
    %c8 = arith.constant 8 : index
    %n = memref.dim %x, %c0 : memref<?xf32>
    scf.for %i = %c0 to %n step %c8 {
      %in = vector.load %x[%i] : memref<?xf32>, vector<8xf32>
      %out = math.erf %in : vector<8xf32>
      vector.store %out, %y[%i] : memref<?xf32>, vector<8xf32>
    }
    return
  }
)";

class Polynomials : public testing::Test {
protected:
  std::vector<float> apply(const char *function, std::vector<float> x) {
    size_t count = x.size();
    x.resize((count + 7) / 8 * 8);
    std::vector<float> y(x.size());
    auto size = static_cast<int64_t>(x.size());
    Vector in(x.data(), size), out(y.data(), size);
    jit.call(function, &in, &out);
    y.resize(count);
    return y;
  }

  /// Numbers of both signs from the smallest up to `largest`, of all magnitudes.
  static std::vector<float> numbersTo(float largest) {
    std::vector<float> numbers{0.0f};
    for (uint32_t bits = std::bit_cast<uint32_t>(Smallest); bits <= std::bit_cast<uint32_t>(largest);
         bits += 997)
      for (float sign : {1.0f, -1.0f})
        numbers.push_back(sign * std::bit_cast<float>(bits));
    return numbers;
  }

private:
  KernelJit jit{module};
};

TEST_F(Polynomials, ExpIsOffByLessThanItSays) {
  std::vector<float> x = numbersTo(88.37f);
  std::erase_if(x, [](float value) { return value < -87.336f; });
  std::vector<float> y = apply("exp", x);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::fabs(y[i] / std::exp(double(x[i])) - 1));
  EXPECT_LT(worst, 8e-8);
  EXPECT_GT(worst, 0);
}

TEST_F(Polynomials, ExpBeyondItsRange) {
  std::vector<float> y =
      apply("exp", {-87.34f, -1e30f, -Infinity, 88.37f, 89, 1e30f, Infinity, std::nanf("")});
  for (size_t i : {0, 1, 2})
    EXPECT_EQ(y[i], 0) << i;
  for (size_t i : {4, 5, 6})
    EXPECT_EQ(y[i], y[3]) << i;
  EXPECT_NEAR(y[3], 2.4e38, 0.01e38);
  EXPECT_TRUE(std::isnan(y[7]));
}

TEST_F(Polynomials, ErfIsOffByLessThanItSays) {
  std::vector<float> x = numbersTo(100), y = apply("erf", x);
  double worst = 0, relative = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double expected = std::erf(double(x[i]));
    worst = std::max(worst, std::fabs(y[i] - expected));
    if (expected != 0)
      relative = std::max(relative, std::fabs(y[i] / expected - 1));
  }
  EXPECT_LT(worst, 3.3e-7);
  EXPECT_LT(relative, 3.3e-7);
  EXPECT_GT(worst, 0);
}

TEST_F(Polynomials, ErfBeyondItsRange) {
  std::vector<float> y = apply("erf", {3.86f, 1e30f, Infinity, -3.86f, -1e30f, -Infinity, std::nanf("")});
  for (size_t i : {0, 1, 2})
    EXPECT_EQ(y[i], 1) << i;
  for (size_t i : {3, 4, 5})
    EXPECT_EQ(y[i], -1) << i;
  EXPECT_TRUE(std::isnan(y[6]));
}

} // namespace
