// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device in software: its memory is the host's, its blocks go to the threads of the process.
#include "runtime/Error.h"
#include "runtime/device/BlockRunner.h"
#include "runtime/device/Device.h"
#include "runtime/parallel/ThreadPool.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>

using namespace attune;

namespace {

class EmulatedDevice : public Device {
public:
  EmulatedDevice(std::span<const AttuneKernel> kernels, bool hasWarpGroups)
      : Device(kernels), warpGroups(hasWarpGroups) {}

  std::string name() const override { return warpGroups ? "emulated device (sm_90a)" : "emulated device"; }
  bool hasWarpGroups() const override { return warpGroups; }
  void *allocate(int64_t bytes, const char *purpose) override {
    // From the heap, where AddressSanitizer sees accesses beyond the end.
    void *memory = nullptr;
    if (posix_memalign(&memory, 64, static_cast<size_t>(bytes)))
      throw Error(fmt::format("cannot get {} bytes of memory for {}", bytes, purpose));
    std::memset(memory, 0, static_cast<size_t>(bytes));
    blocks[reinterpret_cast<int64_t>(memory)] = bytes;
    return memory;
  }
  void release(void *memory) override {
    blocks.erase(reinterpret_cast<int64_t>(memory));
    std::free(memory);
  }
  void upload(void *to, const void *from, int64_t bytes) override { copy(to, from, bytes); }
  void download(void *to, const void *from, int64_t bytes) override { copy(to, from, bytes); }
  void copy(void *to, const void *from, int64_t bytes) override {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
  void synchronize() override {}

protected:
  /// With the limits of NVIDIA's driver; that the memory is there, it leaves to the kernel's first copy.
  TensorMap makeMap(const PanelTensor &tensor) override {
    if (tensor.address % 16 || std::max(tensor.boxPanels, tensor.boxColumns) > 256)
      throw Error(fmt::format("no tensor map begins at {:#x}, or has boxes of {} x {}", tensor.address,
                              tensor.boxPanels, tensor.boxColumns));
    auto block = blocks.upper_bound(tensor.address);
    int64_t end = tensor.address + tensor.panels * tensor.panelBytes();
    if (block == blocks.begin() || end > std::prev(block)->first + std::prev(block)->second)
      throw Error(fmt::format("a tensor map of {} panels of {} columns goes beyond the device's memory",
                              tensor.panels, tensor.columns));
    return makeEmulatedMap(tensor);
  }
  void launchKernel(int32_t number, const Launch &launch) override {
    BlockRunner::Grid grid{{launch.grid[0], launch.grid[1], launch.grid[2]},
                           {launch.block[0], launch.block[1], launch.block[2]},
                           launch.arguments};
    Job job{&kernels()[static_cast<size_t>(number)], &grid, {}, {}, false};
    ThreadPool::process().parallelFor(runBlocks, &job, grid.grid[0] * grid.grid[1] * grid.grid[2]);
    if (job.failed)
      throw Error(job.message);
  }

private:
  bool warpGroups;
  std::map<int64_t, int64_t> blocks; ///< of memory: their addresses and sizes

  struct Job {
    const AttuneKernel *kernel;
    const BlockRunner::Grid *grid;
    std::mutex mutex;
    std::string message; ///< of the first block that went wrong
    std::atomic<bool> failed;
  };
  static void runBlocks(int64_t begin, int64_t end, void *context) {
    Job &job = *static_cast<Job *>(context);
    try {
      for (int64_t i = begin; i < end && !job.failed; ++i)
        BlockRunner::ofThread().run(*job.kernel, *job.grid, i);
    } catch (const std::exception &error) {
      std::lock_guard lock(job.mutex);
      if (!job.failed.exchange(true))
        job.message = error.what();
    }
  }
};

} // namespace

std::unique_ptr<Device> attune::openEmulatedDevice(std::span<const AttuneKernel> kernels,
                                                   bool hasWarpGroups) {
  if (!FiberSet::isSupported())
    throw Error("ATTUNE_DEVICE is 'emulate', which needs an x86-64 processor");
  for (const AttuneKernel &kernel : kernels)
    if (!kernel.emulated)
      throw Error(
          "ATTUNE_DEVICE is 'emulate', but this program has no kernels for the processor: compile the model "
          "with --emulate");
  return std::make_unique<EmulatedDevice>(kernels, hasWarpGroups);
}
