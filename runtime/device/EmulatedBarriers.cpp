// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Barriers in memory and bulk copies, of DeviceAbi.h's closed list.
#include "runtime/device/EmulatedBarriers.h"
#include "runtime/device/BlockRunner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

using namespace attune;

static constexpr uint64_t Mark = 0x6d62617272696572; ///< that a barrier lies there, with its number
static constexpr uint64_t MapMark = 0x70616e656c6d6170;
static constexpr uint8_t NoNumber = 0xff;

namespace {
struct EmulatedMap {
  uint64_t mark;
  PanelTensor tensor;
};
static_assert(sizeof(EmulatedMap) <= sizeof(TensorMap));
} // namespace

TensorMap attune::makeEmulatedMap(const PanelTensor &tensor) {
  EmulatedMap content{MapMark, tensor};
  TensorMap map;
  std::memcpy(map.bytes, &content, sizeof(content));
  return map;
}

void EmulatedBarriers::begin(std::span<std::byte> blockMemory) {
  memory = blockMemory;
  barriers.clear();
  copies.clear();
}

bool EmulatedBarriers::holds(const std::byte *place, size_t bytes) const {
  return place >= memory.data() && place + bytes <= memory.data() + memory.size();
}

EmulatedBarriers::Problem EmulatedBarriers::initialise(void *at, int32_t count, User user) {
  auto *place = static_cast<std::byte *>(at);
  if (reinterpret_cast<uintptr_t>(place) % 8 || !holds(place, 8))
    return "it does not lie at a multiple of 8 of the block's memory";
  if (count < 1)
    return "it is for no arrivals";
  if (std::ranges::find(barriers, place, &Barrier::place) != barriers.end())
    return "there is one already";
  uint64_t mark = Mark + barriers.size();
  std::memcpy(place, &mark, sizeof(mark));
  barriers.push_back({place, count, count, 0, 0, user, false});
  return nullptr;
}

void EmulatedBarriers::fence(User user) {
  for (Barrier &each : barriers)
    each.isFenced |= each.maker.item == user.item;
}

EmulatedBarriers::Problem EmulatedBarriers::find(void *place, User user, Barrier *&found) {
  auto at = std::ranges::find(barriers, static_cast<std::byte *>(place), &Barrier::place);
  if (at == barriers.end())
    return "no barrier has been initialised there";
  uint64_t mark;
  std::memcpy(&mark, at->place, sizeof(mark));
  if (mark != Mark + static_cast<uint64_t>(at - barriers.begin()))
    return "what lies there has been overwritten";
  if (at->maker.item != user.item && at->maker.round == user.round)
    return "another work item has initialised it, without a barrier of the block in between";
  found = &*at;
  return nullptr;
}

/// A phase ends when all have arrived and what they expect has come.
EmulatedBarriers::Problem EmulatedBarriers::advance(Barrier &barrier) const {
  if (barrier.arrivals || barrier.bytes > 0)
    return nullptr;
  if (barrier.bytes < 0)
    return "copies have brought more bytes than were expected";
  barrier.arrivals = barrier.count;
  ++barrier.phase;
  return nullptr;
}

EmulatedBarriers::Problem EmulatedBarriers::expect(void *place, int32_t bytes, User user) {
  Barrier *barrier = nullptr;
  if (Problem problem = find(place, user, barrier))
    return problem;
  if (bytes < 0)
    return "it expects less than nothing";
  if (!barrier->arrivals)
    return "its phase has had all its arrivals";
  --barrier->arrivals;
  barrier->bytes += bytes;
  return advance(*barrier);
}

EmulatedBarriers::Problem EmulatedBarriers::copy(void *at, const void *map, void *place,
                                                 const int32_t (&coordinates)[3], User user) {
  Barrier *barrier = nullptr;
  if (Problem problem = find(place, user, barrier))
    return problem;
  if (!barrier->isFenced)
    return "its barrier has been initialised without fence.mbarrier_init";
  EmulatedMap content;
  std::memcpy(&content, map, sizeof(content));
  if (content.mark != MapMark || reinterpret_cast<uintptr_t>(map) % alignof(TensorMap))
    return "its tensor map is none";
  auto *to = static_cast<std::byte *>(at);
  auto bytes = static_cast<size_t>(content.tensor.boxBytes());
  if (!holds(to, bytes))
    return "it leads outside of the block's memory";
  if ((to - memory.data()) % 128)
    return "it leads to no multiple of 128 bytes";
  if (coordinates[0] != 0)
    return "it begins within a column";
  if (isAwaited(to, bytes))
    return "another copy is on its way to the same place";
  std::memset(to, NoNumber, bytes);
  copies.push_back({to,
                    content.tensor,
                    {coordinates[0], coordinates[1], coordinates[2]},
                    static_cast<size_t>(barrier - barriers.data())});
  return nullptr;
}

/// The swizzle exchanges the halves of 32 bytes by the address in the block's memory.
void EmulatedBarriers::perform(const Copy &copy) const {
  const PanelTensor &tensor = copy.tensor;
  const auto *from = reinterpret_cast<const std::byte *>(tensor.address);
  for (int64_t i = 0; i < tensor.boxPanels; ++i)
    for (int64_t j = 0; j < tensor.boxColumns; ++j) {
      int64_t panel = copy.coordinates[2] + i, column = copy.coordinates[1] + j;
      bool isThere = panel >= 0 && panel < tensor.panels && column >= 0 && column < tensor.columns;
      for (int64_t half = 0; half < 2; ++half) {
        int64_t offset = (i * tensor.boxColumns + j) * PanelTensor::ColumnBytes + half * 16;
        int64_t address = copy.to - memory.data() + offset;
        std::byte *place = memory.data() + (address ^ (address >> 7 & 1) << 4);
        if (isThere)
          std::memcpy(place,
                      from + panel * tensor.panelBytes() + column * PanelTensor::ColumnBytes + half * 16, 16);
        else
          std::memset(place, 0, 16);
      }
    }
}

EmulatedBarriers::Problem EmulatedBarriers::wait(void *place, int32_t parity, User user, bool &isOver) {
  Barrier *barrier = nullptr;
  if (Problem problem = find(place, user, barrier))
    return problem;
  auto hasPassed = [&] { return (barrier->phase & 1) != (parity & 1); };
  isOver = hasPassed();
  if (isOver)
    return nullptr;
  auto number = static_cast<size_t>(barrier - barriers.data());
  std::erase_if(copies, [&](const Copy &copy) {
    if (copy.barrier != number)
      return false;
    perform(copy);
    barrier->bytes -= copy.tensor.boxBytes();
    return true;
  });
  if (Problem problem = advance(*barrier))
    return problem;
  isOver = hasPassed();
  return nullptr;
}

std::string EmulatedBarriers::missing(const void *place) const {
  auto at = std::ranges::find(barriers, static_cast<const std::byte *>(place), &Barrier::place);
  return fmt::format("{} of {} arrivals and {} bytes of copies are missing", at->arrivals, at->count,
                     at->bytes);
}

bool EmulatedBarriers::isAwaited(const std::byte *place, size_t bytes) const {
  return std::ranges::any_of(copies, [&](const Copy &copy) {
    return place < copy.to + copy.tensor.boxBytes() && copy.to < place + bytes;
  });
}

namespace {

/// What one item does with a barrier: by itself, but where errors can be told.
struct Use {
  EmulatedBarriers &barriers;
  EmulatedBarriers::User user;
  void *place;
  int32_t number = 0; ///< a count, bytes, a parity
  void *to = nullptr;
  const void *map = nullptr;
  int32_t coordinates[3] = {};

  static Use &of(std::span<void *const> operands) { return *static_cast<Use *>(operands[0]); }
};

Use use(void *place, int32_t number = 0) {
  BlockRunner &runner = BlockRunner::running();
  return {runner.barriers(), runner.user(), place, number};
}

const Collective initialise{"mbarrier.init",
                            [](std::span<void *const> operands) {
                              Use &own = Use::of(operands);
                              return own.barriers.initialise(own.place, own.number, own.user);
                            },
                            1};
const Collective expect{"mbarrier.arrive.expect_tx",
                        [](std::span<void *const> operands) {
                          Use &own = Use::of(operands);
                          return own.barriers.expect(own.place, own.number, own.user);
                        },
                        1};
const Collective copyTensor{"cp.async.bulk.tensor",
                            [](std::span<void *const> operands) {
                              Use &own = Use::of(operands);
                              return own.barriers.copy(own.to, own.map, own.place, own.coordinates, own.user);
                            },
                            1};
const Collective waitFor{"mbarrier.try_wait",
                         [](std::span<void *const> operands) -> const char * {
                           Use &own = Use::of(operands);
                           bool isOver = false;
                           if (const char *problem =
                                   own.barriers.wait(own.place, own.number, own.user, isOver))
                             return problem;
                           return isOver ? nullptr : Collective::NotYet;
                         },
                         1,
                         [](void *operands) {
                           Use &own = *static_cast<Use *>(operands);
                           return own.barriers.missing(own.place);
                         }};

} // namespace

void attune_item_mbarrier_init(void *barrier, int32_t count) {
  Use own = use(barrier, count);
  BlockRunner::running().collect(initialise, &own);
}
void attune_item_mbarrier_fence(void) {
  BlockRunner::running().barriers().fence(BlockRunner::running().user());
}
void attune_item_mbarrier_expect(void *barrier, int32_t bytes) {
  Use own = use(barrier, bytes);
  BlockRunner::running().collect(expect, &own);
}
void attune_item_mbarrier_wait(void *barrier, int32_t parity) {
  Use own = use(barrier, parity);
  BlockRunner::running().collect(waitFor, &own);
}
void attune_item_copy_tensor(void *shared, const void *map, void *barrier, int32_t x, int32_t y, int32_t z) {
  Use own = use(barrier);
  own.to = shared;
  own.map = map;
  std::ranges::copy(std::initializer_list<int32_t>{x, y, z}, own.coordinates);
  BlockRunner::running().collect(copyTensor, &own);
}
