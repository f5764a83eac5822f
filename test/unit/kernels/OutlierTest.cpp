// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Elements that quantisation takes out of a row and products add again.

#include "test/unit/kernels/KernelJit.h"
#include "test/unit/kernels/Packed.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

using attune::PackedFormat;

namespace {

constexpr int64_t outputs = 37;

/// Quantises rows of `k` columns and multiplies them with random weights of a format.
struct OutlierRun {
  PackedFormat format;
  int64_t k, rows, outliers;
  bool byRow;
  ScaleShape shape = {format, k, byRow};
  int64_t blocks = shape.blocks, sums = shape.sums;
  std::vector<float> input = randomFloats(rows * k, 11);
  std::vector<int8_t> codes = std::vector<int8_t>(rows * blocks * 32);
  std::vector<float> scales = std::vector<float>(rows * shape.scales),
                     setSums = std::vector<float>(rows * sums),
                     taken = std::vector<float>(rows * 2 * outliers),
                     result = std::vector<float>(rows * outputs);
  Packed weights = Packed::random(format, outputs, k, 5);

  std::string text() const {
    return fmt::format(
        "func.func @f(%x: memref<?x{0}xf32>, %c: memref<?x{1}xi8>, %s: memref<?x{2}xf32>, %m: "
        "memref<?x{3}xf32>, "
        "%o: memref<?x{4}xf32>, %w: memref<?x{5}xi8>, %y: memref<?x{6}xf32>) attributes "
        "{{llvm.emit_c_interface}} {{\n"
        "kernel.quantize ins(%x : memref<?x{0}xf32>) outs(%c, %s, %m : memref<?x{1}xi8>, memref<?x{2}xf32>, "
        "memref<?x{3}xf32>) outliers(%o : memref<?x{4}xf32>)\n"
        "kernel.linear input(%c : memref<?x{1}xi8>) quantized(%s, %m : memref<?x{2}xf32>, memref<?x{3}xf32>) "
        "outliers(%o : memref<?x{4}xf32>) weights(%w : memref<?x{5}xi8>) outs(%y : memref<?x{6}xf32>) "
        "format({7}) "
        "columns({0}) {{\n^bb0(%p: f32):\nkernel.yield %p : f32\n}}\nreturn\n}}",
        k, blocks * 32, shape.scales, sums, 2 * outliers, format.panelBytes(k), outputs, textOf(format));
  }

  void run(const KernelJit &jit) {
    EXPECT_EQ(jit.calls(), "");
    int64_t panels = PackedFormat::panels(outputs), bytes = format.panelBytes(k);
    Matrix x(input.data(), rows, k, k), c(codes.data(), rows, blocks * 32, blocks * 32),
        s(scales.data(), rows, shape.scales, shape.scales), m(setSums.data(), rows, sums, sums),
        o(taken.data(), rows, 2 * outliers, 2 * outliers), w(weights.bytes.data(), panels, bytes, bytes),
        y(result.data(), rows, outputs, outputs);
    jit.call("f", &x, &c, &s, &m, &o, &w, &y);
  }

  /// The largest magnitude of a row.
  static int64_t largest(const std::vector<float> &row) {
    size_t best = 0;
    for (size_t i = 1; i < row.size(); ++i)
      if (std::abs(row[i]) > std::abs(row[best]))
        best = i;
    return best;
  }

  /// The largest of each class of columns, the largest of all first.
  static std::vector<int64_t> candidates(const std::vector<float> &row) {
    std::vector<int64_t> places;
    for (int64_t first = 0; first < std::min<int64_t>(16, row.size()); ++first) {
      int64_t best = first;
      for (size_t i = first; i < row.size(); i += 16)
        if (std::abs(row[i]) > std::abs(row[best]))
          best = i;
      places.push_back(best);
    }
    std::sort(places.begin(), places.end(), [&](int64_t a, int64_t b) {
      return std::pair(-std::abs(row[a]), a) < std::pair(-std::abs(row[b]), b);
    });
    return places;
  }

  /// The row as the product should see it: outliers as they are, the others by their codes. `rounds`: weights
  /// may be rounded to 8 bits.
  void check(int64_t row, bool rounds) {
    std::vector<float> rest(input.begin() + row * k, input.begin() + (row + 1) * k);
    std::vector<double> seen(k, 0);
    std::vector<int64_t> places = candidates(rest);
    for (int64_t j = 0; j < outliers; ++j) {
      int64_t place = outliers == 1 ? largest(rest) : places[j];
      ASSERT_EQ(taken[row * 2 * outliers + j], rest[place]) << "outlier " << j;
      ASSERT_EQ(taken[row * 2 * outliers + outliers + j], place) << "outlier " << j;
      seen[place] += rest[place];
      rest[place] = 0;
    }
    for (int64_t i = 0; i < k; ++i) {
      double value = double(codes[row * blocks * 32 + i]) *
                     scales[row * shape.scales + (shape.scales == 1 ? 0 : i / 64)];
      ASSERT_NEAR(value, rest[i], std::abs(rest[largest(rest)]) / 127) << "column " << i;
      seen[i] += value;
    }
    for (int64_t n = 0; n < outputs; ++n) {
      double expected = 0, size = 0, squares = 0;
      for (int64_t i = 0; i < k; ++i) {
        expected += seen[i] * weights.at(n, i);
        size += std::abs(seen[i] * weights.at(n, i));
        squares += std::pow(rest[i], 2); // outliers meet weights as they are
      }
      double rounding = rounds ? 7 * Packed::roundingError(format) * std::sqrt(squares / 3) : 0;
      ASSERT_NEAR(result[row * outputs + n], expected, 1e-5 * size + rounding) << "output " << n;
    }
  }
};

class Outliers : public testing::TestWithParam<PackedFormat> {};

void runOutliers(PackedFormat format, int64_t outliers, bool byRow,
                 std::initializer_list<int64_t> columns = {33, 64, 100}) {
  for (int64_t k : columns) {
    KernelJit jit(OutlierRun{format, k, 1, outliers, byRow}.text());
    for (int64_t rows : {1, 7, 15, 61, 535}) { // the last are more than one block of rows
      SCOPED_TRACE(fmt::format("{} columns, {} rows", k, rows));
      OutlierRun run{format, k, rows, outliers, byRow};
      for (int64_t i = 0; i < 3; ++i) // one far out, two in one block, the last column
        run.input[(rows - 1) * k + (i == 2 ? k - 1 : 5 + 7 * i)] = i == 1 ? -90.0f : 40.0f;
      run.run(jit);
      for (int64_t row = 0; row < rows && !testing::Test::HasFatalFailure(); ++row)
        run.check(row, jit.roundsWeights(format, rows));
    }
  }
}

TEST_P(Outliers, JoinTheProduct) {
  if (!GetParam().isRowScaled())
    runOutliers(GetParam(), 4, /*byRow=*/false);
}

TEST_P(Outliers, JoinTheProductOfScaledRows) {
  runOutliers(GetParam(), 1, /*byRow=*/true);
  runOutliers(GetParam(), 3, /*byRow=*/true, {100});
}

INSTANTIATE_TEST_SUITE_P(Kernels, Outliers,
                         testing::Values(PackedFormat{PackedFormat::U4, 32, PackedFormat::ScaleF16, false, 8},
                                         PackedFormat{PackedFormat::U4, 32, PackedFormat::ScaleF16, true, 0},
                                         PackedFormat{PackedFormat::U4, 16, PackedFormat::ScaleF32, true, 0},
                                         PackedFormat{PackedFormat::I8, 32, PackedFormat::ScaleF16, false, 0},
                                         PackedFormat{PackedFormat::I8, 16, PackedFormat::ScaleF32, false, 0},
                                         PackedFormat{PackedFormat::I8, 32, PackedFormat::ScaleF32, true, 5},
                                         PackedFormat{PackedFormat::U8, 0, PackedFormat::ScaleF32, false,
                                                      128}));

// A row without as many elements as outliers, and rows of zeros or of what is no number: places stay within
// the row.
TEST(Outliers, ShortAndOddRows) {
  constexpr int64_t outliers = 4;
  OutlierRun run{PackedFormat{PackedFormat::I8, 32, PackedFormat::ScaleF16, false, 0}, 2, 3, outliers,
                 /*byRow=*/false};
  run.input = {3, -5, 0, 0, NAN, INFINITY};
  run.run(KernelJit(run.text()));
  EXPECT_EQ(run.taken[0], -5);
  EXPECT_EQ(run.taken[1], 3);
  EXPECT_EQ(run.taken[2], 0);
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t j = outliers; j < 2 * outliers; ++j) {
      EXPECT_GE(run.taken[row * 2 * outliers + j], 0);
      EXPECT_LT(run.taken[row * 2 * outliers + j], 32);
    }
  EXPECT_FLOAT_EQ(run.result[0], 3 * run.weights.at(0, 0) - 5 * run.weights.at(0, 1));
  EXPECT_EQ(run.result[outputs], 0);
}

TEST(Outliers, OneOfOddRows) {
  OutlierRun run{PackedFormat{PackedFormat::U8, 0, PackedFormat::ScaleF32, false, 128}, 35, 5, 1,
                 /*byRow=*/true};
  std::fill(run.input.begin(), run.input.begin() + 35, 0.0f);
  std::fill(run.input.begin() + 35, run.input.begin() + 70, NAN);
  std::fill(run.input.begin() + 70, run.input.begin() + 105, -4.0f); // the first of equal ones
  run.input[3 * 35 + 34] = INFINITY;
  std::fill(run.input.begin() + 140, run.input.end(), 1e-44f); // a scale that is no normal number
  run.input[4 * 35 + 20] = 7;
  run.run(KernelJit(run.text()));
  auto place = [&](int64_t row) { return run.taken[row * 2 + 1]; };
  EXPECT_EQ(place(0), 0);
  EXPECT_LT(place(1), 35);
  EXPECT_EQ(place(2), 0);
  EXPECT_EQ(run.codes[2 * 64], 0);
  EXPECT_EQ(run.codes[2 * 64 + 1], -127);
  EXPECT_EQ(place(3), 34);
  EXPECT_TRUE(std::isfinite(run.scales[3]));
  EXPECT_EQ(place(4), 20);
  EXPECT_EQ(run.scales[4], 0);
  EXPECT_FLOAT_EQ(run.result[4 * outputs], 7 * run.weights.at(0, 20));
}

} // namespace
