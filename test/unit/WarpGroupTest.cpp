// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of warp groups on the emulated device.
#include "EmulatedKernel.h"
#include "ErrorText.h"

#include <gtest/gtest.h>

#include <random>

using namespace attune;
using namespace attune::test;

namespace {

constexpr size_t Rows = 64, Depth = 16, Columns = 128, Step = 64;
constexpr uint32_t TileBytes = Rows * Step * 2, SharedBytes = 3 * TileBytes;

/// What goes wrong in a kernel, for the tests of errors.
enum class Fault : int32_t {
  None,
  NoRegisterFence,
  NoProxyFence,
  NoCommit,
  NoWait,
  ChangedOperand,
  Misplaced,
  Outside
};

/// Of a tile of rows of 64 elements with the swizzle of 128 bytes, by the manual's formula: pieces of eight
/// elements are exchanged by the row's number among eight.
size_t swizzled(size_t row, size_t column) { return row * 64 + ((column / 8 ^ row % 8) * 8) + column % 8; }

/// Of panels of 16 outputs, each depth a row of 32 bytes: its halves change places in the second four of
/// eight rows.
size_t panelled(size_t depth, size_t output) {
  return output / 16 * Step * 16 + depth * 16 + ((output % 16 / 8 ^ depth / 4 % 2) * 8) + output % 8;
}

constexpr uint64_t Swizzle128 = 1, Swizzle32 = 3;
uint64_t descriptor(const void *start, uint64_t leading, uint64_t stride, uint64_t swizzle = Swizzle128) {
  return (reinterpret_cast<uintptr_t>(start) & 0x3ffff) >> 4 | leading >> 4 << 16 | stride >> 4 << 32 |
         swizzle << 62;
}

/// How B lies in the block's memory: along its columns, or transposed, in rows of 64 or of 16 elements.
enum class Layout : int32_t { Columns, Rows, Panels };

/// D = A B + C: arguments are A[64][64], B[64][128], C[64][128], B's layout, a fault.
template <auto Multiply> void multiplyTiles(void **arguments) {
  const auto *a = argument<const uint16_t *>(arguments, 0), *b = argument<const uint16_t *>(arguments, 1);
  auto *c = argument<float *>(arguments, 2);
  auto layout = argument<Layout>(arguments, 3);
  auto fault = argument<Fault>(arguments, 4);
  auto *rows = static_cast<uint16_t *>(attune_item_shared()), *columns = rows + Rows * Step;
  auto item = static_cast<size_t>(itemNumber());
  for (size_t i = item; i < Rows * Step; i += 128)
    rows[swizzled(i / Step, i % Step)] = a[i];
  for (size_t i = item; i < Step * Columns; i += 128) {
    size_t k = i / Columns, n = i % Columns;
    // Rows: 64 columns of B after the other 64, each depth a row. Columns: each column of B is a row.
    columns[layout == Layout::Rows     ? swizzled(n / 64 * Step + k, n % 64)
            : layout == Layout::Panels ? panelled(k, n)
                                       : swizzled(n, k)] = b[i];
  }
  if (fault != Fault::NoProxyFence)
    attune_item_proxy_fence();
  attune_item_barrier();
  float sums[Columns / 2];
  size_t lane = item % 32;
  auto place = [&](size_t i) {
    size_t row = item / 32 * 16 + lane / 4 + (i % 4 >= 2 ? 8 : 0);
    return row * Columns + i / 4 * 8 + lane % 4 * 2 + i % 2;
  };
  for (size_t i = 0; i < Columns / 2; ++i)
    sums[i] = c[place(i)];
  if (fault != Fault::NoRegisterFence)
    attune_item_wgmma_fence();
  const char *start = reinterpret_cast<const char *>(rows);
  if (fault == Fault::Misplaced)
    start += 128;
  if (fault == Fault::Outside)
    start += SharedBytes;
  for (size_t k = 0; k < Step; k += Depth) {
    uint64_t of = descriptor(start + k * 2, 16, 1024);
    const char *first = reinterpret_cast<const char *>(columns);
    uint64_t by = layout == Layout::Rows     ? descriptor(first + k * 128, Step * 128, 1024)
                  : layout == Layout::Panels ? descriptor(first + k * 32, Step * 32, 256, Swizzle32)
                                             : descriptor(first + k * 2, 16, 1024);
    Multiply(of, by, Columns, layout != Layout::Columns, sums);
  }
  if (fault != Fault::NoCommit)
    attune_item_wgmma_commit();
  if (fault == Fault::ChangedOperand && item == 127)
    columns[5] ^= 1;
  if (fault != Fault::NoWait)
    attune_item_wgmma_wait(0);
  for (size_t i = 0; i < Columns / 2; ++i)
    c[place(i)] = sums[i];
}

template <typename Encode> std::vector<uint16_t> randomMatrix(size_t size, Encode encode) {
  static std::mt19937 random(1);
  std::uniform_real_distribution<float> values(-2, 2);
  std::vector<uint16_t> matrix(size);
  for (uint16_t &each : matrix)
    each = encode(values(random));
  return matrix;
}

template <typename Encode, typename Decode>
void checkProduct(void (*kernel)(void **), Encode encode, Decode decode) {
  std::vector<uint16_t> a = randomMatrix(Rows * Step, encode), b = randomMatrix(Step * Columns, encode);
  std::vector<float> start(Rows * Columns), expected;
  for (size_t i = 0; i < start.size(); ++i)
    start[i] = static_cast<float>(i % 17) - 8;
  expected = start;
  for (size_t i = 0; i < Rows; ++i)
    for (size_t j = 0; j < Columns; ++j)
      for (size_t k = 0; k < Step; ++k)
        expected[i * Columns + j] += decode(a[i * Step + k]) * decode(b[k * Columns + j]);
  for (Layout layout : {Layout::Columns, Layout::Rows, Layout::Panels}) {
    std::vector<float> c = start;
    Emulator emulator(kernel, SharedBytes);
    emulator.run({1, 1, 1}, {128, 1, 1}, a.data(), b.data(), c.data(), layout, Fault::None);
    for (size_t i = 0; i < c.size(); ++i)
      ASSERT_NEAR(c[i], expected[i], 1e-4f)
          << static_cast<int>(layout) << " " << i / Columns << " " << i % Columns;
  }
}

TEST(WarpGroup, ProductOfHalves) { checkProduct(multiplyTiles<attune_item_wgmma_f16>, toHalf, half); }
TEST(WarpGroup, ProductOfBrainFloats) { checkProduct(multiplyTiles<attune_item_wgmma_bf16>, toBrain, brain); }

std::string errorWith(Fault fault, int64_t items = 128) {
  std::vector<uint16_t> a(Rows * Step), b(Step * Columns);
  std::vector<float> c(Rows * Columns);
  Emulator emulator(multiplyTiles<attune_item_wgmma_bf16>, SharedBytes);
  return errorOf(
      [&] { emulator.run({1, 1, 1}, {items, 1, 1}, a.data(), b.data(), c.data(), Layout::Rows, fault); });
}

TEST(WarpGroup, WhatAGpuGetsWrongIsAnError) {
  const std::string where = "kernel 'work', block (0, 0, 0): ",
                    product = where + "a product of a warp group (bf16) of ";
  EXPECT_EQ(errorWith(Fault::None), "no error");
  EXPECT_EQ(errorWith(Fault::NoRegisterFence),
            product +
                "work items 0 to 127: a warp has not come by wgmma.fence and fence.proxy.async before it");
  EXPECT_EQ(errorWith(Fault::NoProxyFence),
            product +
                "work items 0 to 127: a warp has not come by wgmma.fence and fence.proxy.async before it");
  for (Fault fault : {Fault::NoCommit, Fault::NoWait})
    EXPECT_EQ(errorWith(fault),
              where + "work items 0 to 31 have ended before their products, which no wait has finished");
  EXPECT_EQ(errorWith(Fault::ChangedOperand), where +
                                                  "wgmma.wait_group of work items 96 to 127: what a product "
                                                  "reads has changed before the wait for it");
  EXPECT_EQ(errorWith(Fault::Misplaced), product +
                                             "work items 0 to 127: a matrix does not begin where a pattern "
                                             "of its swizzle does");
  EXPECT_EQ(errorWith(Fault::Outside),
            product + "work items 0 to 127: a matrix lies outside of the block's memory");
  EXPECT_EQ(errorWith(Fault::None, 64), product + "work items 0 to 63: it needs all 128 work items of a warp "
                                                  "group, and the block has not so many");
}

TEST(WarpGroup, ItsWarpsWaitForEachOther) {
  Emulator emulator([](void **) {
    float sums[4] = {};
    if (itemNumber() < 96)
      attune_item_wgmma_bf16(0, 0, 8, 0, sums);
  });
  EXPECT_EQ(
      errorOf([&] { emulator.run({1, 1, 1}, {256, 1, 1}); }),
      "kernel 'work', block (0, 0, 0): work item (0, 0, 0) waits at a product of a warp group (bf16), but "
      "work item (96, 0, 0) has ended (32 of 128 work items are not there)");
}

} // namespace
