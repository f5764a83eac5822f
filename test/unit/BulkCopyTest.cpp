// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Barriers in memory and bulk copies of tensors on the emulated device.
#include "EmulatedKernel.h"
#include "ErrorText.h"
#include "runtime/device/EmulatedBarriers.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace attune;
using namespace attune::test;

namespace {

constexpr int32_t Stages = 3, Steps = 8, BoxPanels = 2, BoxColumns = 16, FirstPanel = 2;
constexpr int32_t BoxBytes = BoxPanels * BoxColumns * 32;
constexpr uint32_t SharedBytes = Stages * BoxBytes + Stages * 8;
/// A box goes beyond the last panel, and the last one beyond the last column.
constexpr int64_t Panels = 3, Columns = Steps * BoxColumns - 5;

/// What goes wrong in a kernel, for the tests of errors.
enum class Fault : int32_t {
  None,
  NoFence,
  NoBlockBarrier,
  Uninitialised,
  Unaligned,
  NoArrivals,
  TwoBarriers,
  TooFewBytes,
  TooManyBytes,
  SecondArrival,
  NoArrival,
  NoWait,
  Overtaken,
  Overwritten,
  NoMap,
  Outside,
  Misplaced,
  WithinColumn,
  Multiplied,
};

/// Steps of a matrix through stages: arguments are a map, where each step's stage goes, a fault.
void copySteps(void **arguments) {
  const void *map = arguments[0];
  auto *out = argument<std::byte *>(arguments, 1);
  auto fault = argument<Fault>(arguments, 2);
  auto *stages = static_cast<std::byte *>(attune_item_shared());
  auto *barriers = reinterpret_cast<int64_t *>(stages + Stages * BoxBytes);
  bool isFirst = itemNumber() == 0;
  if (isFirst && fault != Fault::Uninitialised)
    for (int64_t *each = barriers; each < barriers + Stages; ++each) {
      auto *place = reinterpret_cast<char *>(each) + (fault == Fault::Unaligned ? 4 : 0);
      attune_item_mbarrier_init(place, fault == Fault::NoArrivals ? 0 : fault == Fault::NoArrival ? 2 : 1);
      if (fault == Fault::TwoBarriers)
        attune_item_mbarrier_init(place, 1);
    }
  if (isFirst && fault != Fault::NoFence)
    attune_item_mbarrier_fence();
  if (isFirst && fault == Fault::Overwritten)
    barriers[1] = 0;
  auto copy = [&](int32_t step) {
    int64_t *barrier = barriers + step % Stages;
    std::byte *to = stages + step % Stages * BoxBytes;
    to += fault == Fault::Outside ? Stages * BoxBytes : fault == Fault::Misplaced ? 64 : 0;
    int32_t more = fault == Fault::TooFewBytes ? -16 : fault == Fault::TooManyBytes ? 16 : 0;
    attune_item_mbarrier_expect(barrier, BoxBytes + more);
    if (fault == Fault::SecondArrival)
      attune_item_mbarrier_expect(barrier, 0);
    attune_item_copy_tensor(to, fault == Fault::NoMap ? stages : map, barrier,
                            fault == Fault::WithinColumn ? 8 : 0, step * BoxColumns, FirstPanel);
  };
  if (isFirst)
    for (int32_t step = 0; step < Stages - 1; ++step)
      copy(step);
  for (int32_t step = 0; step < Steps; ++step) {
    if (fault != Fault::NoBlockBarrier)
      attune_item_barrier(); // the stage that was read last is free
    if (isFirst && step + Stages - 1 < Steps)
      copy(step + Stages - 1);
    if (isFirst && fault == Fault::Overtaken && step + Stages < Steps)
      copy(step + Stages);
    if (fault == Fault::Multiplied) {
      float sums[4] = {};
      uint64_t matrix = (reinterpret_cast<uintptr_t>(stages) & 0x3ffff) >> 4 | uint64_t{3} << 62;
      attune_item_proxy_fence();
      attune_item_wgmma_fence();
      attune_item_wgmma_bf16(matrix, matrix, 8, 0, sums);
    }
    if (fault != Fault::NoWait)
      attune_item_mbarrier_wait(barriers + step % Stages, step / Stages % 2);
    for (int64_t i = itemNumber(); i < BoxBytes; i += attune_item_block_size(0))
      out[step * BoxBytes + i] = stages[step % Stages * BoxBytes + i];
  }
}

struct Copied {
  std::vector<uint16_t> weights = std::vector<uint16_t>(Panels * Columns * 16),
                        stages = std::vector<uint16_t>(Steps * BoxBytes / 2);
  std::string error;

  explicit Copied(Fault fault, int64_t items = 40) {
    std::iota(weights.begin(), weights.end(), uint16_t{1});
    Emulator emulator(copySteps, SharedBytes);
    TensorMap map =
        makeEmulatedMap({reinterpret_cast<int64_t>(weights.data()), Panels, Columns, BoxPanels, BoxColumns});
    error = errorOf([&] { emulator.run({1, 1, 1}, {items, 1, 1}, map, stages.data(), fault); });
  }
};

TEST(BulkCopy, BoxesComeSwizzledAndWithZerosBeyondTheEnd) {
  Copied copied(Fault::None);
  ASSERT_EQ(copied.error, "no error");
  for (int64_t step = 0; step < Steps; ++step)
    for (int64_t panel = 0; panel < BoxPanels; ++panel)
      for (int64_t column = 0; column < BoxColumns; ++column)
        for (int64_t output = 0; output < 16; ++output) {
          int64_t from = step * BoxColumns + column;
          bool isThere = FirstPanel + panel < Panels && from < Columns;
          int expected =
              isThere
                  ? copied.weights[static_cast<size_t>(((FirstPanel + panel) * Columns + from) * 16 + output)]
                  : 0;
          // By the manual's picture: the halves of the second four of eight rows of 32 bytes change places.
          int64_t place = column % 8 < 4 ? output : (output + 8) % 16;
          ASSERT_EQ(copied.stages[static_cast<size_t>((step * BoxPanels + panel) * BoxColumns * 16 +
                                                      column * 16 + place)],
                    expected)
              << step << " " << panel << " " << column << " " << output;
        }
}

TEST(BulkCopy, WhatAGpuGetsWrongIsAnError) {
  const std::string where = "kernel 'work', block (0, 0, 0): ",
                    copy = where + "cp.async.bulk.tensor of work item 0: ",
                    initialise = where + "mbarrier.init of work item 0: ",
                    expect = where + "mbarrier.arrive.expect_tx of work item 0: ",
                    wait = where + "mbarrier.try_wait of work item ";
  struct Case {
    Fault fault;
    std::string error;
  };
  const Case cases[] = {
      {Fault::NoFence, copy + "its barrier has been initialised without fence.mbarrier_init"},
      {Fault::NoBlockBarrier,
       wait + "1: another work item has initialised it, without a barrier of the block in between"},
      {Fault::Uninitialised, expect + "no barrier has been initialised there"},
      {Fault::Unaligned, initialise + "it does not lie at a multiple of 8 of the block's memory"},
      {Fault::NoArrivals, initialise + "it is for no arrivals"},
      {Fault::TwoBarriers, initialise + "there is one already"},
      {Fault::TooFewBytes, wait + "0: copies have brought more bytes than were expected"},
      {Fault::TooManyBytes, where + "work item (0, 0, 0) waits at mbarrier.try_wait in vain: 0 of 1 arrivals "
                                    "and 16 bytes of copies are missing"},
      {Fault::SecondArrival, expect + "its phase has had all its arrivals"},
      {Fault::NoArrival, where + "work item (0, 0, 0) waits at mbarrier.try_wait in vain: 1 of 2 arrivals "
                                 "and 0 bytes of copies are missing"},
      {Fault::Overtaken, expect + "its phase has had all its arrivals"},
      {Fault::Overwritten, expect + "what lies there has been overwritten"},
      {Fault::NoMap, copy + "its tensor map is none"},
      {Fault::Outside, copy + "it leads outside of the block's memory"},
      {Fault::Misplaced, copy + "it leads to no multiple of 128 bytes"},
      {Fault::WithinColumn, copy + "it begins within a column"},
  };
  for (const Case &each : cases)
    EXPECT_EQ(Copied(each.fault).error, each.error) << static_cast<int>(each.fault);
}

TEST(BulkCopy, AStageIsNotReadBeforeItsBarrier) {
  EXPECT_EQ(Copied(Fault::Multiplied, 128).error,
            "kernel 'work', block (0, 0, 0): a product of a warp group (bf16) of work items 0 to 127: a copy "
            "is still on its way to a matrix");
}

TEST(BulkCopy, BlocksWaitForTheirCopies) {
  Emulator emulator(
      [](void **arguments) {
        auto *shared = static_cast<std::byte *>(attune_item_shared());
        int64_t *barrier = reinterpret_cast<int64_t *>(shared + BoxBytes);
        attune_item_mbarrier_init(barrier, 1);
        attune_item_mbarrier_fence();
        attune_item_mbarrier_wait(barrier, 1); // of the phase before the first one: it is over
        attune_item_mbarrier_expect(barrier, BoxBytes);
        attune_item_copy_tensor(shared, arguments[0], barrier, 0, 0, 0);
        argument<uint16_t *>(arguments, 1)[0] = *reinterpret_cast<uint16_t *>(shared);
      },
      SharedBytes);
  std::vector<uint16_t> read(1);
  DeviceMemory weights(*emulator.device, BoxBytes, "weights");
  const TensorMap *map = nullptr;
  emulator.device->run({}, [&] {
    auto ask = [&](int32_t boxPanels) {
      return static_cast<const TensorMap *>(attune_device_panel_map(
          reinterpret_cast<int64_t>(weights.data()), BoxPanels, BoxColumns, boxPanels, BoxColumns));
    };
    map = ask(BoxPanels);
    EXPECT_EQ(ask(BoxPanels), map); // made once
    EXPECT_NE(ask(1), map);
  });
  EXPECT_EQ(
      errorOf([&] { emulator.run({1, 1, 1}, {1, 1, 1}, *map, read.data()); }),
      "kernel 'work', block (0, 0, 0): it has ended before its bulk copies, which no wait has finished");
  EXPECT_EQ(read[0], 0xffff); // no number
}

TEST(BulkCopy, MapsAreOfTheDevicesMemory) {
  Emulator emulator([](void **) {});
  DeviceMemory weights(*emulator.device, 64 * PanelTensor::ColumnBytes, "weights");
  auto ask = [&](int64_t offset, int64_t panels, int32_t boxColumns) {
    return errorOf([&] {
      emulator.device->run({}, [&] {
        attune_device_panel_map(reinterpret_cast<int64_t>(weights.data()) + offset, panels, 16, 1,
                                boxColumns);
      });
    });
  };
  EXPECT_EQ(ask(0, 4, 16), "no error");
  EXPECT_EQ(ask(16 * 32, 3, 64), "no error");
  for (auto [offset, panels] :
       {std::pair(0, 5), std::pair(16 * 32, 4), std::pair(-32, 1), std::pair(64 * 32, 1)})
    EXPECT_EQ(ask(offset, panels, 16), "a tensor map of " + std::to_string(panels) +
                                           " panels of 16 columns goes beyond the device's memory");
  EXPECT_EQ(ask(8, 1, 16).substr(0, 24), "no tensor map begins at ");
  EXPECT_NE(ask(0, 4, 257).find("has boxes of 1 x 257"), std::string::npos);
}

TEST(BulkCopy, OneItemCanWaitForAnother) {
  // A value goes through memory with a barrier for each direction; the other items do not take part.
  Emulator emulator(
      [](void **arguments) {
        auto *shared = static_cast<int64_t *>(attune_item_shared());
        int64_t self = itemNumber();
        if (self == 0) {
          attune_item_mbarrier_init(shared, 1);
          attune_item_mbarrier_init(shared + 1, 1);
        }
        attune_item_barrier();
        for (int32_t i = 0; i < 5; ++i)
          if (self == 3) {
            attune_item_mbarrier_wait(shared + 1, (i + 1) % 2);
            shared[2] = i * 10;
            attune_item_mbarrier_expect(shared, 0);
          } else if (self == 70) {
            attune_item_mbarrier_wait(shared, i % 2);
            argument<int64_t *>(arguments, 0)[i] = shared[2];
            attune_item_mbarrier_expect(shared + 1, 0);
          }
        attune_item_barrier();
      },
      3 * 8);
  std::vector<int64_t> taken(5);
  emulator.run({1, 1, 1}, {96, 1, 1}, taken.data());
  EXPECT_EQ(taken, (std::vector<int64_t>{0, 10, 20, 30, 40}));
}

} // namespace
