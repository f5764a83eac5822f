// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/device/DeviceAbi.h"
#include "runtime/device/TensorMap.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attune {

class Program;

/// Where kernels run, and the memory that they work in. Work goes in order; the host waits for it in
/// `download` and `synchronize`. Errors are attune::Error.
class Device {
public:
  virtual ~Device() = default;
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  /// For people: "NVIDIA H100 80GB HBM3", "emulated device".
  virtual std::string name() const = 0;
  /// Of a device with memory of its own.
  struct MemorySize {
    int64_t total, free;
  };
  virtual std::optional<MemorySize> memory() const { return std::nullopt; }

  /// Zeroed memory; `purpose` is for the message if there is not enough.
  virtual void *allocate(int64_t bytes, const char *purpose) = 0;
  virtual void release(void *memory) = 0;
  virtual void upload(void *to, const void *from, int64_t bytes) = 0;
  virtual void download(void *to, const void *from, int64_t bytes) = 0;
  virtual void copy(void *to, const void *from, int64_t bytes) = 0;
  virtual void synchronize() = 0;

  /// Runs an entry, whose launches come here. `key` is all that its launches depend on: with the same key
  /// they are the same, so that a device may repeat what it has recorded. Throws what went wrong in a launch.
  void run(std::span<const int64_t> key, const std::function<void()> &entry);

  /// How often each kernel of the program was launched, by number.
  const std::vector<int64_t> &launches() const { return counts; }
  std::span<const AttuneKernel> kernels() const { return table; }
  /// Whether it runs the kernels whose chip is sm_90a.
  virtual bool hasWarpGroups() const { return false; }

  // For the functions of DeviceAbi.h.
  struct Launch {
    int64_t grid[3], block[3];
    void **arguments;
  };
  void launch(int32_t kernel, const Launch &launch);
  /// What cannot be repeated from a record.
  void *allocateInEntry(int64_t bytes);
  void releaseInEntry(void *memory);
  int32_t read(int64_t address);
  /// Made once; null after an error.
  const TensorMap *panelMap(const PanelTensor &tensor);

  /// The one whose entry runs on this thread.
  static Device *current();

protected:
  explicit Device(std::span<const AttuneKernel> kernels) : table(kernels), counts(kernels.size()) {}

  /// Whether something in the entry that runs went wrong: its launches are skipped from then on.
  bool hasFailed() const { return failure != nullptr; }

  virtual void launchKernel(int32_t kernel, const Launch &launch) = 0;
  /// Of a device with warp groups.
  virtual TensorMap makeMap(const PanelTensor &tensor);
  virtual void runEntry(std::span<const int64_t>, const std::function<void()> &entry) { entry(); }
  /// Called in an entry that cannot be recorded.
  virtual void refuseRecord() {}

  std::span<const AttuneKernel> table;
  std::vector<int64_t> counts;

private:
  /// Calls that come from compiled code must not throw: the first error waits for the entry's end.
  template <typename Call> auto guarded(Call call) -> decltype(call());
  std::exception_ptr failure;
  std::map<PanelTensor, TensorMap> maps;
};

/// The device that a program runs on: the one that it was compiled for, or what the environment variable
/// ATTUNE_DEVICE names ("cuda", "cuda:1", "rocm", "opencl", "emulate", "emulate:sm_90a"). Throws
/// attune::Error if there is no such device here or if the program has no code for it; nothing else takes its
/// place.
std::unique_ptr<Device> openDevice(const Program &program);

/// Kernels as functions of the host, work items as fibers; `hasWarpGroups`: in the place of an sm_90a. Throws
/// if a kernel has no such function.
std::unique_ptr<Device> openEmulatedDevice(std::span<const AttuneKernel> kernels, bool hasWarpGroups = false);
/// NVIDIA's device of that number.
std::unique_ptr<Device> openCudaDevice(const Program &program, int number);
/// AMD's, through HIP.
std::unique_ptr<Device> openHipDevice(const Program &program, int number);
/// Of OpenCL's devices that take SPIR-V and addresses, the one of that number.
std::unique_ptr<Device> openOpenClDevice(const Program &program, int number);

/// Memory of a device, given back at the end. Movable.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(Device &device, int64_t bytes, const char *purpose);
  DeviceMemory(DeviceMemory &&other) noexcept { swap(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept {
    swap(other);
    return *this;
  }
  ~DeviceMemory();

  /// Makes it at least this large; what it held is lost if it must grow.
  void ensure(Device &device, int64_t bytes, const char *purpose);
  std::byte *data() const { return memory; }
  int64_t bytes() const { return size; }

private:
  void swap(DeviceMemory &other) noexcept;

  Device *device = nullptr;
  std::byte *memory = nullptr;
  int64_t size = 0;
};

} // namespace attune
