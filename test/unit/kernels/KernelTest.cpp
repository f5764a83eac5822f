// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Kernel operations, expanded, compiled and run, against plain loops over the unpacked weights.

#include "test/unit/kernels/KernelJit.h"
#include "test/unit/kernels/Packed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fmt/format.h>
#include <span>

namespace {

enum class Epilogue { None, Bias, SiluGate, Residual };

/// Around the heights of register tiles, and more than a block of rows of dense products.
constexpr int rowCounts[] = {1, 2, 3, 4, 5, 6, 7, 13, 33, 53, 197};
constexpr int maxRows = 197;
/// Rows of inputs and outputs lie further apart than they are long.
constexpr int inputGap = 5, outputGap = 3;

/// What a product takes: f32, or int8 codes with scales for blocks or rows.
enum class Input { Floats, Blocks, Rows };

struct LinearCase {
  std::string name;
  PackedFormat format;
  Input input;
  int64_t n, k;
  Epilogue epilogue;
  bool staticColumns;

  bool quantized() const { return input != Input::Floats; }
  /// Formats without blocks are there for sums too, if unused.
  ScaleShape scaleShape() const {
    return {quantized() ? format : PackedFormat{PackedFormat::I8, 32, PackedFormat::ScaleF16}, k,
            input == Input::Rows};
  }
  int64_t inputWidth() const { return quantized() ? scaleShape().blocks * 32 : k; }
  int weights() const { return epilogue == Epilogue::SiluGate ? 2 : 1; }
  std::string text() const;
};

std::string epilogueText(Epilogue epilogue) {
  switch (epilogue) {
  case Epilogue::None:
    return "^bb0(%p: f32):\n kernel.yield %p : f32";
  case Epilogue::Bias:
  case Epilogue::Residual:
    return "^bb0(%p: f32, %e: f32):\n %s = arith.addf %p, %e : f32\n kernel.yield %s : f32";
  case Epilogue::SiluGate:
    return "^bb0(%g: f32, %u: f32):\n %one = arith.constant 1.0 : f32\n %n = arith.negf %g : f32\n %a = "
           "math.exp %n : f32\n"
           "%d = arith.addf %a, %one : f32\n %s = arith.divf %g, %d : f32\n %r = arith.mulf %s, %u : f32\n "
           "kernel.yield %r : f32";
  }
  return "";
}

/// Every function takes the same arguments, some unused.
std::string LinearCase::text() const {
  std::string strided = "strided<[{}, 1], offset: ?>";
  std::string activations = fmt::format("memref<?x{}x{}, strided<[{}, 1], offset: ?>>", inputWidth(),
                                        quantized() ? "i8" : "f32", inputWidth() + inputGap);
  std::string scales = fmt::format("memref<?x{}xf32>", scaleShape().scales),
              sums = fmt::format("memref<?x{}xf32>", scaleShape().sums);
  std::string panels = fmt::format("memref<?x{}xi8>", format.panelBytes(k));
  std::string matrix = fmt::format("memref<?x{}xf32, strided<[{}, 1], offset: ?>>",
                                   staticColumns ? std::to_string(n) : "?", n + outputGap);
  std::string vector = "memref<?xf32>";
  std::string text = fmt::format(
      "func.func @{}(%x: {}, %scales: {}, %sums: {}, %w0: {}, %w1: {}, %bias: {}, %residual: {}, %y: {}) "
      "attributes {{llvm.emit_c_interface}} {{\n kernel.linear input(%x : {})",
      name, activations, scales, sums, panels, panels, vector, matrix, matrix, activations);
  if (quantized())
    text += fmt::format(" quantized(%scales, %sums : {}, {})", scales, sums);
  text += weights() == 2 ? fmt::format(" weights(%w0, %w1 : {}, {})", panels, panels)
                         : fmt::format(" weights(%w0 : {})", panels);
  if (epilogue == Epilogue::Bias)
    text += fmt::format(" extras(%bias : {})", vector);
  if (epilogue == Epilogue::Residual)
    text += fmt::format(" extras(%residual : {})", matrix);
  return text + fmt::format(" outs(%y : {}) format({}) columns({}) {{\n{}\n}}\nreturn\n}}\n", matrix,
                            textOf(format), k, epilogueText(epilogue));
}

/// A product and how far from it a sum in f32 may be.
struct Expected {
  double value = 0, tolerance = 0;
};

struct LinearRun {
  const LinearCase &test;
  Packed weights[2];
  std::vector<float> input, bias, residual;
  QuantizedRows quantized;
  std::vector<Expected> expectations, rounded; ///< the latter with weights rounded to 8 bits

  LinearRun(const LinearCase &test, bool mayRound)
      : test(test), weights{Packed::random(test.format, test.n, test.k, 1),
                            Packed::random(test.format, test.n, test.k, 2)},
        input(randomFloats(maxRows * test.k, 3)), bias(randomFloats(test.n, 4)),
        residual(randomFloats(maxRows * test.n, 5)), quantized(input, maxRows, test.k, test.scaleShape()) {
    for (int64_t t = 0; t < maxRows; ++t)
      for (int64_t n = 0; n < test.n; ++n) {
        expectations.push_back(expected(t, n, 0));
        if (mayRound)
          rounded.push_back(expected(t, n, Packed::roundingError(test.format)));
      }
  }

  /// `error`: of each weight. Errors are taken for independent: seven deviations of their sum are allowed.
  Expected product(const Packed &weight, int64_t t, int64_t n, double error) const {
    double sum = 0, magnitude = 0, squares = 0;
    for (int64_t k = 0; k < test.k; ++k) {
      double x = test.quantized() ? quantized.value(t, k) : input[t * test.k + k];
      // A weight with a minimum is a difference: what is summed is larger than it.
      double size = std::abs(weight.at(n, k)) + (test.format.hasMin ? 1 : 0) + test.format.zero * 0.1;
      sum += x * weight.at(n, k);
      magnitude += std::abs(x) * size;
      squares += x * x;
    }
    return {sum, magnitude * 1e-6 + 1e-7 + 7 * error / std::sqrt(3) * std::sqrt(squares)};
  }

  Expected expected(int64_t t, int64_t n, double error) const {
    Expected p = product(weights[0], t, n, error);
    switch (test.epilogue) {
    case Epilogue::None:
      return p;
    case Epilogue::Bias:
      return {p.value + bias[n], p.tolerance + 1e-6};
    case Epilogue::Residual:
      return {p.value + residual[t * test.n + n], p.tolerance + 1e-6};
    case Epilogue::SiluGate:
      Expected up = product(weights[1], t, n, error);
      double silu = p.value / (1 + std::exp(-p.value)), result = silu * up.value;
      return {result, 1.2 * p.tolerance * std::abs(up.value) + std::abs(silu) * up.tolerance +
                          1e-6 * std::abs(result) + 1e-7};
    }
    return p;
  }

  template <typename T> std::vector<T> spread(const std::vector<T> &rows, int64_t width, int gap) const {
    std::vector<T> result(maxRows * (width + gap), T(77));
    for (int64_t t = 0; t < maxRows; ++t)
      std::copy_n(rows.begin() + t * width, width, result.begin() + t * (width + gap));
    return result;
  }

  void run(const KernelJit &jit, int rows, bool rounds) const {
    int64_t width = test.inputWidth(), n = test.n, panels = PackedFormat::panels(n),
            bytes = test.format.panelBytes(test.k);
    std::vector<float> floats = spread(input, test.k, inputGap), base = spread(residual, n, outputGap);
    std::vector<int8_t> codes = spread(quantized.codes, quantized.shape.blocks * 32, inputGap);
    std::vector<float> output((rows + 1) * (n + outputGap), 55.0f);
    Matrix x(test.quantized() ? static_cast<const void *>(codes.data()) : floats.data(), rows, width,
             width + inputGap);
    Matrix scales(quantized.scales.data(), rows, quantized.shape.scales, quantized.shape.scales);
    Matrix sums(quantized.sums.data(), rows, quantized.shape.sums, quantized.shape.sums);
    Matrix w0(weights[0].bytes.data(), panels, bytes, bytes),
        w1(weights[1].bytes.data(), panels, bytes, bytes);
    Matrix r(base.data(), rows, n, n + outputGap), y(output.data(), rows, n, n + outputGap);
    Vector b(bias.data(), n);
    jit.call(test.name, &x, &scales, &sums, &w0, &w1, &b, &r, &y);

    for (int64_t i = 0; i < int64_t(output.size()); ++i) {
      int64_t t = i / (n + outputGap), column = i % (n + outputGap);
      if (t >= rows || column >= n) {
        ASSERT_EQ(output[i], 55.0f) << test.name << ": wrote outside the output at row " << t << ", column "
                                    << column;
        continue;
      }
      const Expected &e = (rounds ? rounded : expectations)[t * n + column];
      ASSERT_NEAR(output[i], e.value, e.tolerance)
          << test.name << ", " << rows << " rows, at row " << t << ", column " << column;
    }
  }
};

/// Shapes and epilogues for one format: each size and each epilogue with something else of the other kind.
/// 646 columns are more than one block of them and no multiple of a step.
/// Sanitizers watch the compiler here, not the kernels: every kind of code once is enough for them.
#if __has_feature(address_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

std::vector<LinearCase> casesFor(PackedFormat format, Input input, bool few) {
  struct Shape {
    int64_t n, k;
    Epilogue epilogue;
    bool staticColumns;
  };
  constexpr Shape shapes[] = {
      {17, 100, Epilogue::SiluGate, false}, {16, 64, Epilogue::Bias, true},
      {1, 33, Epilogue::None, true},        {15, 1, Epilogue::Bias, true},
      {48, 576, Epilogue::None, false},     {17, 64, Epilogue::Residual, true},
      {100, 7, Epilogue::Bias, false},      {48, 32, Epilogue::SiluGate, true},
      {33, 646, Epilogue::Residual, false},
  };
  std::vector<LinearCase> cases;
  for (const Shape &shape : std::span(shapes).first(few ? 2 : std::size(shapes)))
    cases.push_back({fmt::format("linear_{}x{}", shape.n, shape.k), format, input, shape.n, shape.k,
                     shape.epilogue, shape.staticColumns});
  return cases;
}

void runLinear(PackedFormat format, Input input, const std::string &cpu = "native") {
  if (format.isRowScaled() && input == Input::Blocks)
    return; // a kernel there is not
  std::vector<LinearCase> cases = casesFor(format, input, /*few=*/cpu != "native" || sanitized);
  std::string module;
  for (const LinearCase &test : cases)
    module += test.text();
  KernelJit jit(module, cpu);
  EXPECT_EQ(jit.calls(), "") << "calls functions where there should be instructions";
  for (const LinearCase &test : cases) {
    auto mayRound = [&](int rows) { return input != Input::Floats && jit.roundsWeights(format, rows); };
    LinearRun run(test, mayRound(maxRows));
    for (int rows : rowCounts) {
      run.run(jit, rows, mayRound(rows));
      if (testing::Test::HasFatalFailure())
        return;
    }
  }
}

struct Named {
  const char *name;
  PackedFormat format;
};

const Named dense[] = {
    {"f32", {PackedFormat::F32}}, {"f16", {PackedFormat::F16}}, {"bf16", {PackedFormat::BF16}}};
const Named quantized[] = {
    {"u4_zero", {PackedFormat::U4, 32, PackedFormat::ScaleF16, false, 8}},
    {"u4_min", {PackedFormat::U4, 32, PackedFormat::ScaleF16, true, 0}},
    {"u4_min_f32", {PackedFormat::U4, 32, PackedFormat::ScaleF32, true, 0}},
    {"u4_16_min_f32", {PackedFormat::U4, 16, PackedFormat::ScaleF32, true, 0}},
    {"u4_16_min_zero", {PackedFormat::U4, 16, PackedFormat::ScaleF16, true, 3}},
    {"i8", {PackedFormat::I8, 32, PackedFormat::ScaleF16, false, 0}},
    {"i8_min", {PackedFormat::I8, 32, PackedFormat::ScaleF16, true, 0}},
    {"i8_16_f32", {PackedFormat::I8, 16, PackedFormat::ScaleF32, false, 0}},
    {"i8_min_f32_zero", {PackedFormat::I8, 32, PackedFormat::ScaleF32, true, 5}},
    {"u8", {PackedFormat::U8, 0, PackedFormat::ScaleF32, false, 128}},
};

class DenseKernel : public testing::TestWithParam<Named> {};
class QuantizedKernel : public testing::TestWithParam<Named> {};
auto nameOf = [](const auto &info) { return std::string(info.param.name); };

TEST_P(DenseKernel, Linear) { runLinear(GetParam().format, Input::Floats); }
TEST_P(DenseKernel, LinearBaseline) { runLinear(GetParam().format, Input::Floats, "x86-64"); }
TEST_P(QuantizedKernel, LinearFloat) { runLinear(GetParam().format, Input::Floats); }
TEST_P(QuantizedKernel, LinearInt8) { runLinear(GetParam().format, Input::Blocks); }
TEST_P(QuantizedKernel, LinearInt8Baseline) { runLinear(GetParam().format, Input::Blocks, "x86-64"); }
TEST_P(QuantizedKernel, LinearInt8Rows) { runLinear(GetParam().format, Input::Rows); }
TEST_P(QuantizedKernel, LinearInt8RowsAvx2) { runLinear(GetParam().format, Input::Rows, "x86-64-v3"); }
TEST_P(QuantizedKernel, LinearInt8RowsBaseline) { runLinear(GetParam().format, Input::Rows, "x86-64"); }

INSTANTIATE_TEST_SUITE_P(Kernels, DenseKernel, testing::ValuesIn(dense), nameOf);
INSTANTIATE_TEST_SUITE_P(Kernels, QuantizedKernel, testing::ValuesIn(quantized), nameOf);

//===----------------------- mathematical functions -----------------------===//

/// A product with the weight 1 shows what the epilogue makes of each input: here a function on vectors.
void runFunction(const std::string &name, double (*function)(double), float from, float to,
                 double tolerance) {
  KernelJit jit(fmt::format(
      "func.func @f(%x: memref<?x1xf32>, %w: memref<?x64xi8>, %y: memref<?x16xf32>) attributes "
      "{{llvm.emit_c_interface}} {{\n"
      "kernel.linear input(%x : memref<?x1xf32>) weights(%w : memref<?x64xi8>) outs(%y : memref<?x16xf32>) "
      "format(<codes = f32>) "
      "columns(1) {{\n^bb0(%p: f32):\n%r = math.{} %p : f32\nkernel.yield %r : f32\n}}\nreturn\n}}",
      name));
  EXPECT_EQ(jit.calls(), "");
  constexpr int count = 20001;
  std::vector<float> x(count), ones(16, 1.0f), y(count * 16);
  for (int i = 0; i < count; ++i)
    x[i] = from + (to - from) * float(i) / (count - 1);
  Matrix input(x.data(), count, 1, 1), weight(ones.data(), 1, 64, 64), output(y.data(), count, 16, 16);
  jit.call("f", &input, &weight, &output);
  double worst = 0;
  for (int i = 0; i < count; ++i) {
    double expected = function(x[i]);
    double difference = std::abs(y[i * 16] - expected);
    ASSERT_LE(difference, tolerance * std::abs(expected))
        << name << "(" << x[i] << ") is " << y[i * 16] << ", expected " << expected;
    if (expected != 0)
      worst = std::max(worst, difference / std::abs(expected));
  }
  testing::Test::RecordProperty("worst_relative_error", fmt::format("{:.1e}", worst));
}

TEST(MathKernel, Exp) { runFunction("exp", std::exp, -87, 88, 1e-6); }
TEST(MathKernel, Tanh) { runFunction("tanh", std::tanh, -12, 12, 1e-6); }
TEST(MathKernel, Erf) { runFunction("erf", std::erf, -6, 6, 1e-6); }

//===------------------------------- embed --------------------------------===//

void runEmbed(PackedFormat format) {
  constexpr int64_t n = 37;
  for (int64_t k : {1, 7, 32, 33, 62, 100}) {
    std::string panels = fmt::format("memref<?x{}xi8>", format.panelBytes(k)),
                output = fmt::format("memref<?x{}xf32>", k);
    KernelJit jit(fmt::format(
        "func.func @embed(%i: memref<?xi32>, %t: {0}, %o: {1}) attributes {{llvm.emit_c_interface}} {{\n"
        "kernel.embed ins(%i : memref<?xi32>) table(%t : {0}) outs(%o : {1}) format({2})\nreturn\n}}",
        panels, output, textOf(format)));
    Packed table = Packed::random(format, n, k, 6);
    std::vector<int32_t> ids = {0, 36, 15, 16, 17, 3, 3};
    std::vector<float> result(ids.size() * k);
    Vector i(ids.data(), ids.size());
    Matrix t(table.bytes.data(), PackedFormat::panels(n), format.panelBytes(k), format.panelBytes(k)),
        o(result.data(), ids.size(), k, k);
    jit.call("embed", &i, &t, &o);
    for (size_t row = 0; row < ids.size(); ++row)
      for (int64_t column = 0; column < k; ++column)
        ASSERT_FLOAT_EQ(result[row * k + column], table.at(ids[row], column))
            << "id " << ids[row] << ", column " << column << " of " << k;
  }
}

TEST_P(DenseKernel, Embed) { runEmbed(GetParam().format); }
TEST_P(QuantizedKernel, Embed) { runEmbed(GetParam().format); }

//===------------------------------ quantize ------------------------------===//

void runQuantize(int64_t k, ScaleShape shape, const std::string &cpu) {
  constexpr int64_t rows = 5;
  std::vector<float> input = randomFloats(rows * k, 7, 3.0f);
  std::fill_n(input.begin(), std::min<int64_t>(k, 32), 0.0f);            // a block of zeros
  std::fill_n(input.begin() + k, std::min<int64_t>(k, 32), 1e-44f);      // its scale underflows
  std::fill_n(input.begin() + 3 * k, std::min<int64_t>(k, 32), -1e-36f); // its scale is subnormal
  for (int64_t i = 0; i < std::min<int64_t>(k, 32); ++i)                 // ties: quotients of 1.5, 2.5, ...
    input[2 * k + i] = i == 0 ? 127.0f : float(i) + 0.5f;
  QuantizedRows expected(input, rows, k, shape);
  int64_t width = shape.blocks * 32;
  KernelJit jit(fmt::format("func.func @quantize(%x: memref<?x{0}xf32>, %c: memref<?x{1}xi8>, %s: "
                            "memref<?x{2}xf32>, %m: memref<?x{3}xf32>) "
                            "attributes {{llvm.emit_c_interface}} {{\nkernel.quantize ins(%x : "
                            "memref<?x{0}xf32>) outs(%c, %s, %m : "
                            "memref<?x{1}xi8>, memref<?x{2}xf32>, memref<?x{3}xf32>)\nreturn\n}}",
                            k, width, shape.scales, shape.sums),
                cpu);
  EXPECT_EQ(jit.calls(), "");
  std::vector<int8_t> codes(rows * width, 99);
  std::vector<float> scales(rows * shape.scales), sums(rows * shape.sums);
  Matrix x(input.data(), rows, k, k), c(codes.data(), rows, width, width),
      s(scales.data(), rows, shape.scales, shape.scales), m(sums.data(), rows, shape.sums, shape.sums);
  jit.call("quantize", &x, &c, &s, &m);
  EXPECT_EQ(codes, expected.codes);
  EXPECT_EQ(scales, expected.scales);
  EXPECT_EQ(sums, expected.sums);
}

const PackedFormat sumsOf32{PackedFormat::I8, 32, PackedFormat::ScaleF16},
    sumsOf16{PackedFormat::I8, 16, PackedFormat::ScaleF16},
    sumsOfRows{PackedFormat::U8, 0, PackedFormat::ScaleF32};

TEST(QuantizeKernel, AllWidths) {
  for (int64_t k : {1, 7, 32, 33, 64, 100, 576})
    for (PackedFormat format : {sumsOf16, sumsOf32}) {
      SCOPED_TRACE(fmt::format("{} columns, sums of {}", k, format.group));
      runQuantize(k, {format, k, /*byRow=*/false}, "native");
    }
}

TEST(QuantizeKernel, ScalesOfRows) {
  for (int64_t k : {1, 7, 32, 33, 64, 100, 576})
    for (PackedFormat format : {sumsOf16, sumsOf32, sumsOfRows}) {
      SCOPED_TRACE(fmt::format("{} columns, sums of {}", k, format.group));
      runQuantize(k, {format, k, /*byRow=*/true}, "native");
    }
}

TEST(QuantizeKernel, Baseline) {
  runQuantize(100, {sumsOf16, 100, /*byRow=*/false}, "x86-64");
  runQuantize(100, {sumsOfRows, 100, /*byRow=*/true}, "x86-64");
}

} // namespace
