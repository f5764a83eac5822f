// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/device/DeviceAbi.h"
#include "runtime/device/EmulatedBarriers.h"
#include "runtime/device/EmulatedProducts.h"
#include "runtime/device/Fiber.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace attune {

/// An operation that several work items take part in: they all wait until the last one has come to it.
struct Collective {
  const char *name; ///< for messages: "a shuffle"
  /// What it does, when all items of a warp (or of a warp group) are there: one pointer per item, to what the
  /// item gave. Returns what is wrong, or null.
  const char *(*complete)(std::span<void *const> operands);
  int64_t items = 32; ///< of a warp; 128: of a warp group; 1: of one item, which may have to wait
  std::string (*missing)(void *operands) = nullptr; ///< what an item waits for, for messages

  /// What `complete` returns if the item has to wait on: this very address.
  static constexpr char NotYet[] = "not yet";
};

/// Runs a kernel's blocks on one thread of the system, each work item as a fiber. Work items run one after
/// the other until they wait; those that never wait share one stack.
class BlockRunner {
public:
  static constexpr int64_t WarpSize = 32, GroupSize = 4 * WarpSize, MostItems = 1024;

  struct Grid {
    int64_t grid[3], block[3];
    void **arguments;
    int64_t items() const { return block[0] * block[1] * block[2]; }
  };

  /// That of this thread; kept, with its stacks, for later blocks.
  static BlockRunner &ofThread();

  /// Runs block `number`. Throws attune::Error with kernel, block and work items if items wait for each other
  /// in vain, or do what a device cannot do; the block is abandoned then.
  void run(const AttuneKernel &kernel, const Grid &grid, int64_t number);

  // For the work item that runs.

  static BlockRunner &running() { return *current; }
  const Grid &grid() const { return *launched; }
  int64_t block(int32_t dimension) const { return blockId[dimension]; }
  int64_t thread(int32_t dimension) const { return items[static_cast<size_t>(item)].thread[dimension]; }
  int64_t lane() const { return item % WarpSize; }
  EmulatedBarriers::User user() const { return {item, round}; }
  std::byte *shared() const { return sharedMemory.get(); }
  void barrier();
  /// Waits for the item's warp or warp group; `operands` is for `collective.complete`.
  void collect(const Collective &collective, void *operands);
  /// Of the item's warp.
  EmulatedProducts &products();
  EmulatedBarriers &barriers() { return inMemory; }
  std::span<std::byte> sharedSpan() const { return {sharedMemory.get(), sharedBytes}; }

  /// Copies that are on their way: see attune_item_copy_async.
  struct Copy {
    std::byte *to;
    const std::byte *from;
    int32_t bytes, sourceBytes;
  };
  void startCopy(const Copy &copy);
  void commitCopies();
  /// Finishes all but the latest `left` groups.
  void awaitCopies(int64_t left);

private:
  struct Item {
    int32_t thread[3];
    int32_t fiber = -1;                   ///< while it waits
    const Collective *waitsFor = nullptr; ///< null: it has not begun, or is through
    void *operands = nullptr;
    bool isThrough = false;
  };
  struct Copies {
    std::vector<Copy> waiting;
    std::vector<size_t> groupEnds; ///< of the groups in `waiting`
  };

  BlockRunner() : fibers(runItems, this) {}
  void begin(const AttuneKernel &kernel, const Grid &grid, int64_t number);
  static void runItems(void *runner);
  void placeItems(const int64_t *size);
  template <typename Use> void forEach(int64_t size, Use use);
  void start(int64_t first, int64_t end);
  void settle(int64_t first, int64_t end);
  bool settleGroups();
  bool settleItems(int64_t first, int64_t end);
  bool completes(std::span<Item> together, int64_t size);
  void resume(int64_t first, int64_t end);
  [[noreturn]] void fail(const std::string &what);
  std::string divergence() const;

  static constinit thread_local BlockRunner *current;

  FiberSet fibers;
  const AttuneKernel *kernel = nullptr;
  const Grid *launched = nullptr;
  int64_t blockId[3] = {}, itemsOf[3] = {}; ///< `itemsOf`: the size of block that `items` is for
  int64_t item = 0, next = 0, nextEnd = 0;
  int64_t round = 0; ///< how many of the block's barriers are through
  std::vector<Item> items;
  std::vector<Copies> copies;               ///< per item, in kernels that have any
  std::vector<EmulatedProducts> multiplied; ///< per warp, in kernels that have any
  EmulatedBarriers inMemory;
  struct Free {
    void operator()(std::byte *memory) const;
  };
  std::unique_ptr<std::byte, Free> sharedMemory;
  uint32_t sharedBytes = 0;
};

} // namespace attune
