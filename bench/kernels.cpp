// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Speed of products with packed weights on one core, against what the core can do: its multiply-add peak and
// its read bandwidth, both measured in the same rounds. Times are CPU time, the best of all rounds.
//
//   kernel-bench [FILTER] [ROUNDS]     FILTER: part of a line's name, e.g. "1x576" or "q4_1"

#include "passes/cpu/Target.h"
#include "test/unit/kernels/KernelJit.h"
#include "test/unit/kernels/Packed.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>

#include <fmt/format.h>

namespace {

double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// Something measured: `work` per call in floating-point operations and bytes of weights.
struct Line {
  std::string name;
  double operations = 0, bytes = 0;
  std::function<void()> run = {};
  int repeats = 1; ///< calls that `run` makes
  double best = 1e30;

  void measure() {
    double start = now();
    run();
    best = std::min(best, (now() - start) / repeats);
  }
};

//===------------------------- the core's limits --------------------------===//

/// Sums a matrix in 8 vectors at once, prefetching `ahead` elements further on.
std::string readText(int lanes, int ahead) {
  std::string v = fmt::format("vector<{}xf32>", lanes);
  std::string names, inits, types, body, results;
  for (int i = 0; i < 8; ++i) {
    std::string comma = i ? ", " : "";
    inits += fmt::format("{}%a{} = %zero", comma, i);
    types += comma + v;
    results += fmt::format("{}%s{}", comma, i);
    body += fmt::format("%o{0} = arith.constant {1} : index\n%j{0} = arith.addi %i, %o{0} : index\n%l{0} = "
                        "vector.load %x[%c0, %j{0}] : memref<?x?xf32, "
                        "strided<[?, 1], offset: ?>>, {2}\n%s{0} = arith.addf %l{0}, %a{0} : {2}\n",
                        i, i * lanes, v);
    if (ahead && i * lanes % 16 == 0)
      body += fmt::format("%h{0} = arith.constant {1} : index\n%q{0} = arith.addi %j{0}, %h{0} : index\n"
                          "memref.prefetch %x[%c0, %q{0}], read, locality<3>, data : memref<?x?xf32, "
                          "strided<[?, 1], offset: ?>>\n",
                          i, ahead);
  }
  std::string sum = "%r#0";
  std::string tail;
  for (int i = 1; i < 8; ++i) {
    tail += fmt::format("%t{0} = arith.addf {1}, %r#{0} : {2}\n", i, sum, v);
    sum = fmt::format("%t{}", i);
  }
  return fmt::format(
      "func.func @read_{8}(%x: memref<?x?xf32, strided<[?, 1], offset: ?>>, %y: memref<?x?xf32>) attributes "
      "{{llvm.emit_c_interface}} {{\n"
      "%c0 = arith.constant 0 : index\n%c1 = arith.constant 1 : index\n%step = arith.constant {0} : "
      "index\n%zero = arith.constant dense<0.0> : {1}\n"
      "%n = memref.dim %x, %c1 : memref<?x?xf32, strided<[?, 1], offset: ?>>\n"
      "%r:8 = scf.for %i = %c0 to %n step %step iter_args({2}) -> ({3}) {{\n{4}scf.yield {5} : {3}\n}}\n{6}"
      "vector.store {7}, %y[%c0, %c0] : memref<?x?xf32>, {1}\nreturn\n}}\n",
      8 * lanes, v, inits, types, body, results, tail, sum, ahead);
}

/// 12 independent chains of multiply-adds.
std::string peakText(int lanes) {
  std::string v = fmt::format("vector<{}xf32>", lanes), inits, types, body, results, tail, sum = "%r#0";
  for (int i = 0; i < 12; ++i) {
    std::string comma = i ? ", " : "";
    inits += fmt::format("{}%a{} = %x", comma, i);
    types += comma + v;
    results += fmt::format("{}%s{}", comma, i);
    body += fmt::format("%s{0} = vector.fma %x, %a{0}, %x : {1}\n", i, v);
    if (i) {
      tail += fmt::format("%t{0} = arith.addf {1}, %r#{0} : {2}\n", i, sum, v);
      sum = fmt::format("%t{}", i);
    }
  }
  // Chains that start alike would be computed once: each adds its own number first.
  std::string starts;
  for (int i = 0; i < 12; ++i) {
    starts +=
        fmt::format("%k{0} = arith.constant dense<{0}.5> : {1}\n%b{0} = arith.addf %x, %k{0} : {1}\n", i, v);
    inits.replace(inits.find(fmt::format("%a{} = %x", i)), fmt::format("%a{} = %x", i).size(),
                  fmt::format("%a{0} = %b{0}", i));
  }
  return fmt::format(
      "func.func @peak(%m: memref<?x?xf32>) attributes {{llvm.emit_c_interface}} {{\n%c0 = arith.constant 0 "
      ": index\n%c1 = arith.constant 1 : index\n"
      "%n = arith.constant 100000 : index\n%x = vector.load %m[%c0, %c0] : memref<?x?xf32>, {0}\n{1}"
      "%r:12 = scf.for %i = %c0 to %n step %c1 iter_args({2}) -> ({3}) {{\n{4}scf.yield {5} : {3}\n}}\n{6}"
      "vector.store {7}, %m[%c0, %c0] : memref<?x?xf32>, {0}\nreturn\n}}\n",
      v, starts, inits, types, body, results, tail, sum);
}

struct Limits {
  Line read{"read bandwidth"}, peak{"multiply-add peak"};
  std::vector<float> memory, result;
  bool ahead = false; ///< both ways of reading take turns; the better counts
  KernelJit jit;

  explicit Limits(int lanes)
      : memory(64 << 20, 1.0f), result(64, 0.5f),
        jit(readText(lanes, 0) + readText(lanes, 1024) + peakText(lanes)) {
    read.bytes = 4.0 * double(memory.size());
    read.run = [this] {
      Matrix x(memory.data(), 1, int64_t(memory.size()), int64_t(memory.size())), y(result.data(), 1, 64, 64);
      jit.call(ahead ? "read_1024" : "read_0", &x, &y);
      ahead = !ahead;
    };
    peak.operations = 100000.0 * 12 * 2 * lanes;
    peak.run = [this] {
      Matrix y(result.data(), 1, 64, 64);
      std::fill(result.begin(), result.end(), 0.5f);
      jit.call("peak", &y);
    };
  }
};

//===------------------------------ products ------------------------------===//

/// A product whose weights are repeated in memory when there is one row, as a model's layers are: no cache
/// holds them all.
struct Product {
  PackedFormat format;
  bool int8, byRow;
  int64_t rows, n, k;
  int copies;
  std::vector<uint8_t> weights;
  std::vector<float> input, output;
  std::unique_ptr<QuantizedRows> quantized;
  std::unique_ptr<KernelJit> jit;

  ScaleShape scaleShape() const { return {int8 ? format : PackedFormat{PackedFormat::I8, 32}, k, byRow}; }

  Product(PackedFormat format, bool int8, bool byRow, int64_t rows, int64_t n, int64_t k)
      : format(format), int8(int8), byRow(byRow), rows(rows), n(n), k(k), input(randomFloats(rows * k, 1)),
        output(rows * n) {
    int64_t bytes = format.bytes(n, k);
    copies = rows <= 48 ? int((96 << 20) / bytes) + 1 : 1;
    std::vector<uint8_t> one = Packed::random(format, std::min<int64_t>(n, 1024), k, 2).bytes;
    weights.resize(bytes * copies);
    for (size_t at = 0; at < weights.size(); at += one.size())
      std::copy_n(one.begin(), std::min(one.size(), weights.size() - at), weights.begin() + at);
    quantized = std::make_unique<QuantizedRows>(input, rows, k, scaleShape());
    jit = std::make_unique<KernelJit>(text());
  }

  std::string text() const {
    int64_t blocks = (k + 31) / 32;
    std::string x = int8 ? fmt::format("memref<?x{}xi8>", blocks * 32) : fmt::format("memref<?x{}xf32>", k);
    std::string s = fmt::format("memref<?x{}xf32>", scaleShape().scales),
                m = fmt::format("memref<?x{}xf32>", scaleShape().sums);
    std::string w = fmt::format("memref<?x{}xi8>", format.panelBytes(k)),
                y = fmt::format("memref<?x{}xf32>", n);
    return fmt::format(
        "func.func @product(%x: {0}, %s: {1}, %m: {2}, %w: {3}, %y: {4}) attributes "
        "{{llvm.emit_c_interface}} {{\n"
        "kernel.linear input(%x : {0}) {5} weights(%w : {3}) outs(%y : {4}) format({6}) columns({7}) {{\n"
        "^bb0(%p: f32):\nkernel.yield %p : f32\n}}\nreturn\n}}",
        x, s, m, w, y, int8 ? fmt::format("quantized(%s, %m : {}, {})", s, m) : "", textOf(format), k);
  }

  void run() {
    int64_t blocks = (k + 31) / 32, scales = scaleShape().scales, sums = scaleShape().sums,
            bytes = format.panelBytes(k), panels = PackedFormat::panels(n);
    Matrix x(int8 ? static_cast<const void *>(quantized->codes.data()) : input.data(), rows,
             int8 ? blocks * 32 : k, int8 ? blocks * 32 : k);
    Matrix s(quantized->scales.data(), rows, scales, scales), m(quantized->sums.data(), rows, sums, sums);
    Matrix y(output.data(), rows, n, n);
    for (int i = 0; i < copies; ++i) {
      Matrix w(weights.data() + i * panels * bytes, panels, bytes, bytes);
      jit->call("product", &x, &s, &m, &w, &y);
    }
  }
};

struct Kind {
  const char *name, *stored;
  bool int8, byRow = false; ///< activations
};

} // namespace

int main(int argc, char **argv) {
  std::string filter = argc > 1 ? argv[1] : "";
  int rounds = argc > 2 ? std::atoi(argv[2]) : 10;
  llvm::Expected<mlir::transformer::CpuTarget> target = mlir::transformer::CpuTarget::get("native");
  if (!target)
    return 1;

  constexpr Kind kinds[] = {{"f32", "f32", false},
                            {"f16", "f16", false},
                            {"bf16", "bf16", false},
                            {"q8_0 x f32", "q8_0", false},
                            {"q4_1 x f32", "q4_1", false},
                            {"q8_0 x int8", "q8_0", true},
                            {"q4_1 x int8", "q4_1", true},
                            {"q4_0 x int8", "q4_0", true},
                            {"q4_k x int8", "q4_k", true},
                            {"q6_k x int8", "q6_k", true},
                            {"q2_k x int8", "q2_k", true},
                            {"q8_0 x int8 rows", "q8_0", true, true},
                            {"q4_1 x int8 rows", "q4_1", true, true},
                            {"int8 x int8 rows", "int8", true, true}};
  constexpr int64_t shapes[][3] = {{1, 576, 576},    {1, 1536, 576},  {1, 576, 1536},  {1, 49152, 576},
                                   {4, 1536, 576},   {8, 1536, 576},  {8, 576, 1536},  {16, 1536, 576},
                                   {24, 1536, 576},  {36, 1536, 576}, {48, 1536, 576}, {128, 576, 576},
                                   {512, 1536, 576}, {512, 576, 1536}};
  Limits limits(target->lanes());
  std::vector<std::unique_ptr<Product>> products;
  std::vector<Line> lines;
  for (const auto &[rows, n, k] : shapes)
    for (const Kind &kind : kinds) {
      Line line{fmt::format("{}x{}x{} {}", rows, n, k, kind.name)};
      if (line.name.find(filter) == std::string::npos)
        continue;
      Product *product = products
                             .emplace_back(std::make_unique<Product>(*attune::packedFormatNamed(kind.stored),
                                                                     kind.int8, kind.byRow, rows, n, k))
                             .get();
      line.operations = 2.0 * double(rows) * double(n) * double(k);
      line.bytes = double(product->format.bytes(n, k));
      line.repeats = product->copies;
      line.run = [product] { product->run(); };
      lines.push_back(line);
    }
  for (int round = 0; round < rounds; ++round) {
    limits.read.measure();
    limits.peak.measure();
    for (Line &line : lines)
      line.measure();
  }
  double bandwidth = limits.read.bytes / limits.read.best, peak = limits.peak.operations / limits.peak.best;
  fmt::print("{}: {:.1f} GB/s read, {:.1f} GFLOP/s\n", target->cpu, bandwidth * 1e-9, peak * 1e-9);
  fmt::print("{:<28}{:>12}{:>10}{:>10}{:>9}{:>9}\n", "rows x N x K, weights", "us", "GFLOP/s", "GB/s",
             "of read", "of peak");
  for (const Line &line : lines)
    fmt::print("{:<28}{:>12.1f}{:>10.1f}{:>10.2f}{:>8.0f}%{:>8.0f}%\n", line.name, line.best * 1e6,
               line.operations / line.best * 1e-9, line.bytes / line.best * 1e-9,
               line.bytes / line.best / bandwidth * 100, line.operations / line.best / peak * 100);
  return 0;
}
