// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "EmulatedKernel.h"
#include "ErrorText.h"
#include "runtime/device/Fiber.h"
#include "runtime/parallel/ThreadPool.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

using namespace attune;
using namespace attune::test;

namespace {

TEST(Emulator, EveryItemRunsOnceWithItsNumbers) {
  Emulator emulator([](void **arguments) {
    int64_t grid[3], id = 0;
    for (int i = 3; i-- > 0;) {
      grid[i] = attune_item_grid_size(i);
      id = id * grid[i] + attune_item_block_id(i);
    }
    int64_t items = attune_item_block_size(0) * attune_item_block_size(1) * attune_item_block_size(2);
    argument<int32_t *>(arguments, 0)[id * items + itemNumber()] += argument<int32_t>(arguments, 1);
  });
  std::vector<int32_t> counts(3 * 4 * 5 * 7 * 3 * 2);
  emulator.run({3, 4, 5}, {7, 3, 2}, counts.data(), int32_t{2});
  EXPECT_EQ(counts, std::vector<int32_t>(counts.size(), 2));
  EXPECT_EQ(emulator.device->launches(), std::vector<int64_t>{1});
  emulator.run({3, 0, 5}, {7, 3, 2}, counts.data(), int32_t{2}); // no blocks: no launch
  EXPECT_EQ(emulator.device->launches(), std::vector<int64_t>{1});
}

TEST(Emulator, BarriersOrderTheBlock) {
  // Each round, an item takes over what its neighbour of another subgroup has left.
  Emulator emulator(
      [](void **arguments) {
        auto *shared = static_cast<int64_t *>(attune_item_shared());
        int64_t self = itemNumber(), count = attune_item_block_size(0);
        shared[self] = self;
        for (int round = 0; round < 5; ++round) {
          attune_item_barrier();
          int64_t taken = shared[(self + 33) % count];
          attune_item_barrier();
          shared[self] = taken;
        }
        argument<int64_t *>(arguments, 0)[attune_item_block_id(0) * count + self] = shared[self];
      },
      100 * 8);
  std::vector<int64_t> results(100 * 40);
  emulator.run({40, 1, 1}, {100, 1, 1}, results.data());
  for (size_t i = 0; i < results.size(); ++i)
    EXPECT_EQ(results[i], static_cast<int64_t>((i % 100 + 33 * 5) % 100));
}

TEST(Emulator, SharedMemoryBeginsAsNoNumbersInEveryBlock) {
  Emulator emulator(
      [](void **arguments) {
        auto *shared = static_cast<float *>(attune_item_shared());
        bool isPoison = std::isnan(shared[itemNumber()]) && reinterpret_cast<uintptr_t>(shared) % 64 == 0;
        shared[itemNumber()] = 1;
        argument<int32_t *>(arguments, 0)[attune_item_block_id(0) * 8 + itemNumber()] = isPoison;
      },
      8 * 4);
  std::vector<int32_t> results(8 * 20);
  emulator.run({20, 1, 1}, {8, 1, 1}, results.data());
  EXPECT_EQ(results, std::vector<int32_t>(results.size(), 1));
}

TEST(Emulator, ShufflesOfEveryMode) {
  Emulator emulator([](void **arguments) {
    auto self = static_cast<uint32_t>(itemNumber());
    auto mode = argument<int32_t>(arguments, 1);
    auto lane = argument<uint32_t>(arguments, 2), width = argument<uint32_t>(arguments, 3);
    argument<uint32_t *>(arguments, 0)[self] = attune_item_shuffle(self * 10, lane, mode, width);
  });
  for (uint32_t items : {32u, 64u, 40u})
    for (uint32_t width : {32u, 8u})
      for (uint32_t lane : {0u, 1u, 5u, 16u})
        for (int32_t mode = 0; mode < 4; ++mode) {
          std::vector<uint32_t> results(items);
          emulator.run({1, 1, 1}, {items, 1, 1}, results.data(), mode, lane, width);
          for (uint32_t i = 0; i < items; ++i) {
            int64_t begin = i / width * width, self = i - begin, from = -1;
            if (mode == 0)
              from = lane % width;
            else
              from = mode == 1 ? self ^ lane : mode == 2 ? self - int64_t{lane} : self + int64_t{lane};
            bool isThere = from >= 0 && from < width && begin + from < items;
            EXPECT_EQ(results[i], static_cast<uint32_t>(isThere ? begin + from : i) * 10)
                << "mode " << mode << " lane " << lane << " width " << width << " item " << i;
          }
        }
}

TEST(Emulator, SubgroupsNeedNotWaitForEachOther) {
  Emulator emulator(
      [](void **arguments) {
        auto *shared = static_cast<uint32_t *>(attune_item_shared());
        auto self = static_cast<uint32_t>(itemNumber());
        if (self < 32) { // the first subgroup alone adds up, in steps
          uint32_t sum = self;
          for (uint32_t distance = 16; distance > 0; distance /= 2)
            sum += attune_item_shuffle(sum, distance, 1, 32);
          shared[self] = sum;
        } else if (self >= 64) {
          shared[self] = attune_item_ballot(self % 3 == 0);
        }
        attune_item_barrier();
        argument<uint32_t *>(arguments, 0)[self] = shared[self % 32] + shared[64 + self % 32];
      },
      96 * 4);
  uint32_t ballot = 0;
  for (uint32_t i = 0; i < 32; ++i)
    ballot |= static_cast<uint32_t>((64 + i) % 3 == 0) << i;
  std::vector<uint32_t> results(96);
  emulator.run({1, 1, 1}, {96, 1, 1}, results.data());
  EXPECT_EQ(results, std::vector<uint32_t>(96, 31 * 32 / 2 + ballot));
}

TEST(Emulator, ItemsThatWaitInVainAreNamed) {
  Emulator ended([](void **) {
    if (itemNumber() != 5)
      attune_item_barrier();
  });
  EXPECT_EQ(errorOf([&] { ended.run({2, 3, 1}, {4, 2, 1}); }).substr(0, 21), "kernel 'work', block ");
  Emulator one([](void **) {
    if (attune_item_block_id(1) != 2 || itemNumber() != 5)
      attune_item_barrier();
  });
  EXPECT_EQ(errorOf([&] { one.run({1, 3, 1}, {4, 2, 1}); }),
            "kernel 'work', block (0, 2, 0): work item (0, 0, 0) waits at a barrier, but work item (1, 1, 0) "
            "has ended "
            "(1 of 8 work items are not there)");
  Emulator mixed([](void **) {
    if (itemNumber() < 40)
      attune_item_barrier();
    else
      attune_item_ballot(1);
  });
  EXPECT_EQ(errorOf([&] { mixed.run({1, 1, 1}, {64, 1, 1}); }),
            "kernel 'work', block (0, 0, 0): work item (40, 0, 0) waits at a vote, but work item (32, 0, 0) "
            "waits at a "
            "barrier (8 of 32 work items are not there)");
  // The device goes on after an error.
  mixed.run({1, 1, 1}, {40, 1, 1});
  EXPECT_EQ(errorOf([&] { mixed.run({1, 1, 1}, {2000, 1, 1}); }),
            "kernel 'work' is launched with blocks of 2000 work items, at most 1024 are possible");
}

/// D = A B + C with fragments as the PTX manual's formulas for m16n8k16 place them.
template <auto Mma> void runMma(void **arguments) {
  const auto *a = argument<const uint16_t *>(arguments, 0), *b = argument<const uint16_t *>(arguments, 1);
  auto *c = argument<float *>(arguments, 2);
  auto lane = static_cast<size_t>(itemNumber());
  size_t group = lane >> 2, inGroup = lane & 3;
  uint16_t aElements[8], bElements[4];
  for (size_t i = 0; i < 8; ++i) {
    size_t row = (i < 2 || (i >= 4 && i < 6)) ? group : group + 8;
    size_t column = inGroup * 2 + (i & 1) + (i >= 4 ? 8 : 0);
    aElements[i] = a[row * 16 + column];
  }
  for (size_t i = 0; i < 4; ++i)
    bElements[i] = b[(inGroup * 2 + (i & 1) + (i >= 2 ? 8 : 0)) * 8 + group];
  uint32_t aWords[4], bWords[2];
  std::memcpy(aWords, aElements, sizeof(aWords));
  std::memcpy(bWords, bElements, sizeof(bWords));
  float sums[4];
  auto place = [&](size_t i) { return (i < 2 ? group : group + 8) * 8 + inGroup * 2 + (i & 1); };
  for (size_t i = 0; i < 4; ++i)
    sums[i] = c[place(i)];
  Mma(aWords, bWords, sums);
  for (size_t i = 0; i < 4; ++i)
    c[place(i)] = sums[i];
}

template <typename Encode, typename Decode>
void checkMma(void (*kernel)(void **), Encode encode, Decode decode) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> values(-2, 2);
  std::vector<uint16_t> a(16 * 16), b(16 * 8);
  std::vector<float> c(16 * 8);
  for (uint16_t &each : a)
    each = encode(values(random));
  for (uint16_t &each : b)
    each = encode(values(random));
  for (float &each : c)
    each = values(random);
  std::vector<float> expected = c;
  for (size_t i = 0; i < 16; ++i)
    for (size_t j = 0; j < 8; ++j)
      for (size_t k = 0; k < 16; ++k)
        expected[i * 8 + j] += decode(a[i * 16 + k]) * decode(b[k * 8 + j]);
  Emulator emulator(kernel);
  emulator.run({1, 1, 1}, {32, 1, 1}, a.data(), b.data(), c.data());
  for (size_t i = 0; i < c.size(); ++i)
    EXPECT_NEAR(c[i], expected[i], 1e-5f) << i;
  EXPECT_EQ(errorOf([&] { emulator.run({1, 1, 1}, {16, 1, 1}, a.data(), b.data(), c.data()); }).substr(0, 31),
            "kernel 'work', block (0, 0, 0):");
}

TEST(Emulator, MatrixProductOfHalves) { checkMma(runMma<attune_item_mma_m16n8k16_f16>, toHalf, half); }
TEST(Emulator, MatrixProductOfBrainFloats) {
  checkMma(runMma<attune_item_mma_m16n8k16_bf16>, toBrain, brain);
}

TEST(Emulator, LoadsOfMatrices) {
  Emulator emulator(
      [](void **arguments) {
        auto *shared = static_cast<uint16_t *>(attune_item_shared());
        auto lane = static_cast<size_t>(itemNumber());
        for (size_t i = 0; i < 8; ++i) // row `lane` of 32 rows
          shared[lane * 8 + i] = static_cast<uint16_t>(lane * 100 + i);
        attune_item_barrier();
        uint32_t registers[4] = {~0u, ~0u, ~0u, ~0u};
        attune_item_load_matrix(shared + lane * 8, argument<int32_t>(arguments, 1),
                                argument<int32_t>(arguments, 2), registers);
        std::memcpy(argument<uint32_t *>(arguments, 0) + lane * 4, registers, sizeof(registers));
      },
      32 * 16);
  for (int32_t count : {1, 2, 4})
    for (int32_t transposed : {0, 1}) {
      std::vector<uint32_t> results(32 * 4);
      emulator.run({1, 1, 1}, {32, 1, 1}, results.data(), count, transposed);
      for (uint32_t lane = 0; lane < 32; ++lane)
        for (uint32_t matrix = 0; matrix < 4; ++matrix) {
          auto element = [&](uint32_t half) {
            uint32_t row = lane / 4, column = lane % 4 * 2 + half;
            if (transposed)
              std::swap(row, column);
            return (matrix * 8 + row) * 100 + column;
          };
          uint32_t expected = matrix < static_cast<uint32_t>(count) ? element(0) | element(1) << 16 : ~0u;
          EXPECT_EQ(results[lane * 4 + matrix], expected) << count << transposed << " lane " << lane;
        }
    }
  EXPECT_NE(errorOf([&] {
              emulator.run({1, 1, 1}, {32, 1, 1}, (uint32_t *)nullptr, int32_t{3}, int32_t{0});
            }).find("it loads 1, 2 or 4 matrices"),
            std::string::npos);
}

TEST(Emulator, CopiesArriveAtTheWaitAndNotBefore) {
  Emulator emulator(
      [](void **arguments) {
        const auto *from = argument<const int32_t *>(arguments, 0);
        auto *to = argument<int32_t *>(arguments, 1);
        auto *shared = static_cast<int32_t *>(attune_item_shared());
        attune_item_copy_async(shared, from, 16, 16);
        attune_item_copy_commit();
        attune_item_copy_async(shared + 4, from + 4, 16, 4);
        attune_item_copy_commit();
        std::memcpy(to, shared, 32);
        attune_item_copy_wait(1);
        std::memcpy(to + 8, shared, 32);
        attune_item_copy_wait(0);
        std::memcpy(to + 16, shared, 32);
      },
      32);
  std::vector<int32_t> from = {1, 2, 3, 4, 5, 6, 7, 8}, to(24);
  emulator.run({1, 1, 1}, {1, 1, 1}, from.data(), to.data());
  EXPECT_EQ(to, (std::vector<int32_t>{-1, -1, -1, -1, -1, -1, -1, -1, 1, 2, 3, 4,
                                      -1, -1, -1, -1, 1,  2,  3,  4,  5, 0, 0, 0}));
}

#if !__has_feature(address_sanitizer) // which ends the program
TEST(Emulator, StacksThatAreTooSmallAreNoticed) {
  FiberSet fibers(
      [](void *) {
        volatile char array[FiberSet::StackBytes]; // into the next fiber's stack, which is not in use
        for (size_t i = 0; i < sizeof(array); i += 8)
          array[i] = 1;
      },
      nullptr);
  EXPECT_EQ(fibers.start(), -1);
  EXPECT_TRUE(fibers.hasOverflown());
}
#endif

TEST(Emulator, ThereMustBeKernelsForTheProcessor) {
  AttuneKernel kernel{"work", nullptr, nullptr, 0, 0};
  EXPECT_EQ(
      errorOf([&] { openEmulatedDevice({&kernel, 1}); }),
      "ATTUNE_DEVICE is 'emulate', but this program has no kernels for the processor: compile the model with "
      "--emulate");
}

} // namespace
