// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/device/BlockRunner.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace attune;

constinit thread_local BlockRunner *BlockRunner::current = nullptr;

static const Collective Barrier{"a barrier", nullptr};
static constexpr size_t SharedAlignment = 1024; ///< of patterns in which matrices lie

BlockRunner &BlockRunner::ofThread() {
  static thread_local BlockRunner runner;
  return runner;
}

void BlockRunner::Free::operator()(std::byte *memory) const { std::free(memory); }

void BlockRunner::begin(const AttuneKernel &which, const Grid &grid, int64_t number) {
  kernel = &which;
  launched = &grid;
  for (int i = 0; i < 3; ++i) {
    blockId[i] = number % grid.grid[i];
    number /= grid.grid[i];
  }
  if (grid.items() > MostItems)
    throw Error(fmt::format("kernel '{}' is launched with blocks of {} work items, at most {} are possible",
                            which.name, grid.items(), MostItems));
  placeItems(grid.block);
  copies.clear();
  multiplied.clear();
  if (which.sharedBytes != sharedBytes) { // exactly as much, so that AddressSanitizer sees its end
    void *memory = nullptr;
    if (posix_memalign(&memory, SharedAlignment, which.sharedBytes))
      throw Error(fmt::format("cannot get {} bytes of memory for a block of kernel '{}'", which.sharedBytes,
                              which.name));
    sharedMemory.reset(static_cast<std::byte *>(memory));
    sharedBytes = which.sharedBytes;
  }
  if (which.sharedBytes)
    std::memset(sharedMemory.get(), 0xff, which.sharedBytes);
  inMemory.begin(sharedSpan());
  round = 0;
}

/// Makes all items such that have not begun.
void BlockRunner::placeItems(const int64_t *size) {
  if (std::equal(size, size + 3, itemsOf)) {
    for (Item &each : items)
      each.fiber = -1, each.waitsFor = nullptr, each.isThrough = false;
    return;
  }
  std::copy(size, size + 3, itemsOf);
  items.clear();
  for (int32_t z = 0; z < size[2]; ++z)
    for (int32_t y = 0; y < size[1]; ++y)
      for (int32_t x = 0; x < size[0]; ++x)
        items.push_back({{x, y, z}});
}

void BlockRunner::run(const AttuneKernel &which, const Grid &grid, int64_t number) {
  current = this;
  begin(which, grid, number);
  forEach(WarpSize, [&](int64_t first, int64_t end) {
    start(first, end);
    settle(first, end);
  });
  while (std::ranges::any_of(items, [](const Item &each) { return !each.isThrough; })) {
    bool hasMoved = settleGroups();
    forEach(WarpSize, [&](int64_t first, int64_t end) {
      if (settleItems(first, end)) {
        settle(first, end);
        hasMoved = true;
      }
    });
    if (hasMoved)
      continue;
    if (std::ranges::any_of(items, [](const Item &each) { return each.waitsFor != &Barrier; }))
      fail(divergence());
    ++round;
    forEach(WarpSize, [&](int64_t first, int64_t end) {
      resume(first, end);
      settle(first, end);
    });
  }
  for (size_t i = 0; i < multiplied.size(); ++i)
    if (!multiplied[i].areDone())
      fail(fmt::format("work items {} to {} have ended before their products, which no wait has finished",
                       i * WarpSize, std::min((i + 1) * WarpSize, items.size()) - 1));
  if (!inMemory.areDone())
    fail("it has ended before its bulk copies, which no wait has finished");
}

/// Items in their order, `size` of them at a time.
template <typename Use> void BlockRunner::forEach(int64_t size, Use use) {
  auto count = static_cast<int64_t>(items.size());
  for (int64_t first = 0; first < count; first += size)
    use(first, std::min(first + size, count));
}

/// Runs the items of a warp until each is through or waits. A fiber takes one item after the other until one
/// waits: that has the fiber for itself from then on.
void BlockRunner::start(int64_t first, int64_t end) {
  next = first;
  while (next < end) {
    nextEnd = end;
    int32_t fiber = fibers.start();
    if (fiber >= 0)
      items[static_cast<size_t>(item)].fiber = fiber;
  }
}

/// Runs the items of a warp until each waits for others than the warp's, or is through.
void BlockRunner::settle(int64_t first, int64_t end) {
  std::span<Item> warp{items.data() + first, static_cast<size_t>(end - first)};
  while (true) {
    while (settleItems(first, end)) {
    }
    if (!completes(warp, WarpSize))
      return;
    resume(first, end);
  }
}

/// Does what single items wait at, each as far as it can go. Returns whether there was any.
bool BlockRunner::settleItems(int64_t first, int64_t end) {
  bool any = false;
  for (int64_t i = first; i < end; ++i)
    while (completes({items.data() + i, 1}, 1)) {
      any = true;
      resume(i, i + 1);
    }
  return any;
}

/// Does what whole warp groups wait at. Returns whether there was any.
bool BlockRunner::settleGroups() {
  bool any = false;
  forEach(GroupSize, [&](int64_t first, int64_t end) {
    while (completes({items.data() + first, static_cast<size_t>(end - first)}, GroupSize)) {
      any = true;
      for (int64_t warp = first; warp < end; warp += WarpSize) {
        resume(warp, std::min(warp + WarpSize, end));
        settle(warp, std::min(warp + WarpSize, end));
      }
    }
  });
  return any;
}

/// Whether all of these wait at one operation of `size` items; does it.
bool BlockRunner::completes(std::span<Item> together, int64_t size) {
  if (fibers.hasOverflown())
    fail(fmt::format("its work items need stacks of more than {} bytes", FiberSet::StackBytes));
  const Collective *operation = together[0].waitsFor;
  if (!operation || operation == &Barrier || operation->items != size ||
      std::ranges::any_of(together, [&](const Item &each) { return each.waitsFor != operation; }))
    return false;
  void *operands[GroupSize];
  for (size_t i = 0; i < together.size(); ++i)
    operands[i] = together[i].operands;
  const char *problem = operation->complete({operands, together.size()});
  if (problem == Collective::NotYet)
    return false;
  if (problem)
    fail(size == 1
             ? fmt::format("{} of work item {}: {}", operation->name, &together[0] - items.data(), problem)
             : fmt::format("{} of work items {} to {}: {}", operation->name, &together[0] - items.data(),
                           &together.back() - items.data(), problem));
  return true;
}

/// Lets items that wait go on.
void BlockRunner::resume(int64_t first, int64_t end) {
  for (int64_t i = first; i < end; ++i) {
    Item &each = items[static_cast<size_t>(i)];
    each.waitsFor = nullptr;
    item = i;
    nextEnd = 0; // its fiber takes no other
    if (!fibers.resume(each.fiber))
      each.fiber = -1;
  }
}

/// The body of a fiber.
void BlockRunner::runItems(void *context) {
  BlockRunner &runner = *static_cast<BlockRunner *>(context);
  do {
    runner.item = runner.next++;
    runner.kernel->emulated(runner.launched->arguments);
    runner.items[static_cast<size_t>(runner.item)].isThrough = true;
  } while (runner.next < runner.nextEnd);
}

void BlockRunner::barrier() { collect(Barrier, nullptr); }

void BlockRunner::collect(const Collective &collective, void *operands) {
  Item &self = items[static_cast<size_t>(item)];
  self.waitsFor = &collective;
  self.operands = operands;
  fibers.suspend();
}

EmulatedProducts &BlockRunner::products() {
  if (multiplied.empty())
    multiplied.resize((items.size() + WarpSize - 1) / WarpSize);
  return multiplied[static_cast<size_t>(item / WarpSize)];
}

void BlockRunner::fail(const std::string &what) {
  fibers.abandon();
  throw Error(fmt::format("kernel '{}', block ({}, {}, {}): {}", kernel->name, blockId[0], blockId[1],
                          blockId[2], what));
}

/// Names the first item that waits and the first one that it waits for. Of a warp or a warp group that is
/// apart, those say more than other warps' at the block's barrier.
std::string BlockRunner::divergence() const {
  auto isApart = [](const Item &each) { return each.waitsFor && each.waitsFor != &Barrier; };
  auto found = std::ranges::find_if(items, isApart);
  auto nameItem = [](auto place) {
    return fmt::format("work item ({}, {}, {})", place->thread[0], place->thread[1], place->thread[2]);
  };
  size_t first = 0, end = items.size();
  if (found != items.end() && found->waitsFor->missing)
    return fmt::format("{} waits at {} in vain: {}", nameItem(found), found->waitsFor->name,
                       found->waitsFor->missing(found->operands));
  if (found != items.end()) {
    auto size = static_cast<size_t>(found->waitsFor->items);
    first = static_cast<size_t>(found - items.begin()) / size * size;
    end = std::min(first + size, end);
  } else {
    found = std::ranges::find(items, &Barrier, &Item::waitsFor);
  }
  auto other = std::find_if(items.begin() + static_cast<ptrdiff_t>(first), items.end(),
                            [&](const Item &each) { return each.waitsFor != found->waitsFor; });
  auto apart = std::count_if(items.begin() + static_cast<ptrdiff_t>(first),
                             items.begin() + static_cast<ptrdiff_t>(end),
                             [&](const Item &each) { return each.waitsFor != found->waitsFor; });
  return fmt::format("{} waits at {}, but {} {} ({} of {} work items are not there)", nameItem(found),
                     found->waitsFor->name, nameItem(other),
                     other->isThrough ? "has ended" : fmt::format("waits at {}", other->waitsFor->name),
                     apart, end - first);
}

//===------------------------------------- asynchronous copies ------------------------------------===//

void BlockRunner::startCopy(const Copy &copy) {
  if (copies.empty())
    copies.resize(items.size());
  copies[static_cast<size_t>(item)].waiting.push_back(copy);
}

void BlockRunner::commitCopies() {
  if (copies.empty())
    copies.resize(items.size());
  Copies &own = copies[static_cast<size_t>(item)];
  own.groupEnds.push_back(own.waiting.size());
}

void BlockRunner::awaitCopies(int64_t left) {
  if (copies.empty())
    return;
  Copies &own = copies[static_cast<size_t>(item)];
  auto groups = static_cast<int64_t>(own.groupEnds.size()) - left;
  if (groups <= 0)
    return;
  size_t end = own.groupEnds[static_cast<size_t>(groups - 1)];
  for (size_t i = 0; i < end; ++i) {
    const Copy &copy = own.waiting[i];
    std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.sourceBytes));
    std::memset(copy.to + copy.sourceBytes, 0, static_cast<size_t>(copy.bytes - copy.sourceBytes));
  }
  own.waiting.erase(own.waiting.begin(), own.waiting.begin() + static_cast<ptrdiff_t>(end));
  own.groupEnds.erase(own.groupEnds.begin(), own.groupEnds.begin() + groups);
  for (size_t &each : own.groupEnds)
    each -= end;
}
