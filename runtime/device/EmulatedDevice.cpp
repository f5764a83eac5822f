// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device in software: blocks go to the threads of the process, work items of a block are fibers of one
// thread, which change at barriers and at operations of several work items.
#include "runtime/Error.h"
#include "runtime/device/Device.h"
#include "runtime/parallel/ThreadPool.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <sys/mman.h>

using namespace attune;

extern "C" {
/// Saves what a call must preserve on the stack, notes where in `*from`, and goes on where `to` was noted.
void attune_fiber_switch(void **from, void *to);
}
asm(R"(
.text
.p2align 4
.globl attune_fiber_switch
.hidden attune_fiber_switch
.type attune_fiber_switch, @function
attune_fiber_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size attune_fiber_switch, .-attune_fiber_switch
)");

namespace {

constexpr int64_t WarpSize = 32, MostItems = 1024;
constexpr size_t StackBytes = 64 * 1024;

/// What a work item waits for.
enum class Wait : uint8_t { Nothing, Barrier, Shuffle, Mma };
const char *nameOf(Wait wait) {
  const char *names[] = {"nothing", "a barrier", "a shuffle", "a matrix product"};
  return names[static_cast<int>(wait)];
}

struct Item {
  void *stackPointer = nullptr;
  Wait wait = Wait::Nothing;
  bool done = false;
  uint32_t rounds = 0; ///< how many exchanges it has taken part in
};

/// What a work item gives to the others of its warp.
struct Exchange {
  uint32_t words[10];
};

/// A block's state on the thread that runs it; kept for the next block.
class BlockRunner {
public:
  static BlockRunner &ofThread() {
    static thread_local BlockRunner runner;
    return runner;
  }
  ~BlockRunner() {
    if (stacks)
      munmap(stacks, MostItems * StackBytes);
  }

  /// Returns what is wrong with the block, or nothing.
  std::string run(const AttuneKernel &kernel, const Device::Launch &launch, int64_t number);

  // Of the work item that runs.
  const Device::Launch *launch = nullptr;
  int64_t block[3] = {};
  int64_t item = 0;
  std::byte *shared = nullptr;
  void wait(Wait reason);
  /// Gives words to the warp; returns what all its items gave.
  const Exchange *exchange(Wait reason, const Exchange &given);

private:
  void start(int64_t index, int64_t stack);
  void resume(int64_t index) {
    item = index;
    attune_fiber_switch(&scheduler, items[static_cast<size_t>(index)].stackPointer);
  }
  static void runItem();
  std::string divergence(const AttuneKernel &kernel) const;

  const AttuneKernel *kernel = nullptr;
  std::byte *stacks = nullptr;
  void *scheduler = nullptr;
  std::vector<Item> items;
  std::vector<Exchange> given[2]; // an item may be one exchange ahead of the others
  std::vector<std::byte> sharedMemory;
};

void BlockRunner::runItem() {
  BlockRunner &runner = ofThread();
  runner.kernel->emulated(runner.launch->arguments);
  Item &self = runner.items[static_cast<size_t>(runner.item)];
  self.done = true;
  attune_fiber_switch(&self.stackPointer, runner.scheduler);
  __builtin_unreachable();
}

void BlockRunner::start(int64_t index, int64_t stack) {
  std::byte *top = stacks + static_cast<size_t>(stack + 1) * StackBytes;
  auto **words = reinterpret_cast<void **>(top);
  *--words = nullptr; // where runItem would return to; the stack is aligned as after a call
  *--words = reinterpret_cast<void *>(&BlockRunner::runItem);
  for (int i = 0; i < 6; ++i)
    *--words = nullptr;
  items[static_cast<size_t>(index)].stackPointer = words;
}

std::string BlockRunner::run(const AttuneKernel &which, const Device::Launch &what, int64_t number) {
  kernel = &which;
  launch = &what;
  for (int i = 0; i < 3; ++i) {
    block[i] = number % what.grid[i];
    number /= what.grid[i];
  }
  int64_t count = what.block[0] * what.block[1] * what.block[2];
  if (!stacks) {
    void *mapped = mmap(nullptr, MostItems * StackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
      return "there is no memory for the stacks of work items";
    stacks = static_cast<std::byte *>(mapped);
  }
  items.assign(static_cast<size_t>(count), {});
  for (std::vector<Exchange> &each : given)
    each.resize(static_cast<size_t>(count));
  sharedMemory.assign(which.sharedBytes + 64, std::byte{0xff});
  shared = sharedMemory.data() + (64 - reinterpret_cast<uintptr_t>(sharedMemory.data()) % 64) % 64;

  int64_t waiting = 0;
  for (int64_t i = 0; i < count; ++i) { // an item that waits keeps its stack
    start(i, waiting);
    resume(i);
    waiting += !items[static_cast<size_t>(i)].done;
  }
  while (waiting > 0) {
    if (waiting != count ||
        std::ranges::any_of(items, [&](const Item &each) { return each.wait != items[0].wait; }))
      return divergence(which);
    for (int64_t i = 0; i < count; ++i) {
      resume(i);
      waiting -= items[static_cast<size_t>(i)].done;
    }
  }
  return "";
}

std::string BlockRunner::divergence(const AttuneKernel &which) const {
  auto find = [&](auto matches) { return std::ranges::find_if(items, matches) - items.begin(); };
  int64_t first = find([](const Item &each) { return !each.done; });
  int64_t other = find(
      [&](const Item &each) { return each.done || each.wait != items[static_cast<size_t>(first)].wait; });
  const Item &different = items[static_cast<size_t>(other)];
  return fmt::format(
      "kernel '{}', block ({}, {}, {}): work item {} waits at {}, but work item {} {}", which.name, block[0],
      block[1], block[2], first, nameOf(items[static_cast<size_t>(first)].wait), other,
      different.done ? std::string("has finished") : fmt::format("waits at {}", nameOf(different.wait)));
}

void BlockRunner::wait(Wait reason) {
  Item &self = items[static_cast<size_t>(item)];
  self.wait = reason;
  attune_fiber_switch(&self.stackPointer, scheduler);
}

const Exchange *BlockRunner::exchange(Wait reason, const Exchange &words) {
  int64_t self = item;
  std::vector<Exchange> &all = given[items[static_cast<size_t>(self)].rounds++ % 2];
  all[static_cast<size_t>(self)] = words;
  wait(reason);
  return all.data() + self / WarpSize * WarpSize;
}

class EmulatedDevice : public Device {
public:
  explicit EmulatedDevice(std::span<const AttuneKernel> kernels) : Device(kernels) {}

  std::string name() const override { return "emulated device"; }
  void *allocate(int64_t bytes, const char *purpose) override {
    void *memory = nullptr;
    size_t size = (static_cast<size_t>(bytes) + 63) / 64 * 64;
    if (posix_memalign(&memory, 64, size))
      throw Error(fmt::format("cannot get {} bytes of memory for {}", bytes, purpose));
    std::memset(memory, 0, size);
    return memory;
  }
  void release(void *memory) override { std::free(memory); }
  void upload(void *to, const void *from, int64_t bytes) override { copy(to, from, bytes); }
  void download(void *to, const void *from, int64_t bytes) override { copy(to, from, bytes); }
  void copy(void *to, const void *from, int64_t bytes) override {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
  void synchronize() override {}

protected:
  void launchKernel(int32_t number, const Launch &launch) override {
    if (launch.block[0] * launch.block[1] * launch.block[2] > MostItems)
      throw Error(fmt::format("kernel '{}' has blocks of more than {} work items",
                              kernels()[static_cast<size_t>(number)].name, MostItems));
    Job job{&kernels()[static_cast<size_t>(number)], &launch, {}, {}, false};
    ThreadPool::process().parallelFor(runBlocks, &job, launch.grid[0] * launch.grid[1] * launch.grid[2]);
    if (job.failed)
      throw Error(job.message);
  }

private:
  struct Job {
    const AttuneKernel *kernel;
    const Launch *launch;
    std::mutex mutex;
    std::string message; // of the first block that went wrong
    std::atomic<bool> failed;
  };
  static void runBlocks(int64_t begin, int64_t end, void *context) {
    Job &job = *static_cast<Job *>(context);
    for (int64_t i = begin; i < end && !job.failed; ++i) {
      std::string message = BlockRunner::ofThread().run(*job.kernel, *job.launch, i);
      if (message.empty())
        continue;
      std::lock_guard lock(job.mutex);
      if (!job.failed.exchange(true))
        job.message = message;
    }
  }
};

} // namespace

std::unique_ptr<Device> attune::openEmulatedDevice(std::span<const AttuneKernel> kernels) {
  for (const AttuneKernel &kernel : kernels)
    if (!kernel.emulated)
      throw Error("ATTUNE_DEVICE is 'emulate', but this program has no kernels for the processor: compile "
                  "the model with "
                  "--emulate");
  return std::make_unique<EmulatedDevice>(kernels);
}

//===----------------------------------- calls of emulated kernels --------------------------------===//

static BlockRunner &running() { return BlockRunner::ofThread(); }

int64_t attune_item_thread_id(int32_t dimension) {
  const int64_t *size = running().launch->block;
  int64_t item = running().item;
  return dimension == 0   ? item % size[0]
         : dimension == 1 ? item / size[0] % size[1]
                          : item / size[0] / size[1];
}
int64_t attune_item_block_id(int32_t dimension) { return running().block[dimension]; }
int64_t attune_item_block_size(int32_t dimension) { return running().launch->block[dimension]; }
int64_t attune_item_grid_size(int32_t dimension) { return running().launch->grid[dimension]; }
void attune_item_barrier(void) { running().wait(Wait::Barrier); }
void *attune_item_shared(void) { return running().shared; }

uint32_t attune_item_shuffle(uint32_t value, uint32_t lane, int32_t mode, uint32_t width) {
  auto self = static_cast<uint32_t>(running().item % WarpSize);
  const Exchange *warp = running().exchange(Wait::Shuffle, {{value}});
  uint32_t first = self / width * width, from = self;
  switch (mode) {
  case 0:
    from = first + lane % width;
    break;
  case 1:
    from = self ^ lane;
    break;
  case 2:
    from = self - lane;
    break;
  default:
    from = self + lane;
    break;
  }
  return from >= first && from < first + width ? warp[from].words[0] : value;
}

/// Element (row, column) of PTX's 16 x 8 x 16 products: which lane and which half of which register holds it.
template <typename Half> static void multiply(const Exchange *warp, uint32_t lane, float *sums) {
  auto element = [](uint32_t word, uint32_t half) {
    auto bits = static_cast<uint16_t>(word >> (16 * half));
    if constexpr (std::is_same_v<Half, _Float16>) {
      _Float16 value;
      std::memcpy(&value, &bits, sizeof(bits));
      return static_cast<float>(value);
    } else {
      uint32_t wide = static_cast<uint32_t>(bits) << 16;
      float value;
      std::memcpy(&value, &wide, sizeof(wide));
      return value;
    }
  };
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t row = lane / 4 + 8 * (i / 2), column = lane % 4 * 2 + i % 2;
    float sum = sums[i];
    for (uint32_t k = 0; k < 16; ++k) {
      const Exchange &a = warp[row % 8 * 4 + k % 8 / 2], &b = warp[column * 4 + k % 8 / 2];
      sum += element(a.words[row / 8 + 2 * (k / 8)], k % 2) * element(b.words[4 + k / 8], k % 2);
    }
    sums[i] = sum;
  }
}

void attune_item_mma_m16n8k16_f16(uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                  uint32_t b1, float *sums) {
  auto lane = static_cast<uint32_t>(running().item % WarpSize);
  multiply<_Float16>(running().exchange(Wait::Mma, {{a0, a1, a2, a3, b0, b1}}), lane, sums);
}
void attune_item_mma_m16n8k16_bf16(uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                   uint32_t b1, float *sums) {
  auto lane = static_cast<uint32_t>(running().item % WarpSize);
  multiply<uint16_t>(running().exchange(Wait::Mma, {{a0, a1, a2, a3, b0, b1}}), lane, sums);
}
