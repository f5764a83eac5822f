// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What devices of NVIDIA's and of AMD's driver have in common: all but the choice of their code.

#ifndef ATTUNE_RUNTIME_DEVICE_GPUDEVICE_H
#define ATTUNE_RUNTIME_DEVICE_GPUDEVICE_H

#include "runtime/device/Device.h"
#include "runtime/device/GpuDriver.h"

namespace attune {

/// A GPU through its driver. What an entry launches is recorded when it comes a second time with the same
/// arguments (every token of a text does), and repeated from the record then: the host does nothing for it.
class GpuDevice : public Device {
public:
  std::string name() const override { return title; }
  void *allocate(int64_t bytes, const char *purpose) override;
  void release(void *memory) override;
  void upload(void *to, const void *from, int64_t bytes) override;
  void download(void *to, const void *from, int64_t bytes) override;
  void copy(void *to, const void *from, int64_t bytes) override;
  std::optional<MemorySize> memory() const override;
  void synchronize() override;

protected:
  using Handle = GpuDriver::Handle;
  using Result = GpuDriver::Result;

  /// Finds the device of that number; throws if there is none.
  GpuDevice(const Program &program, const GpuDriver &driver, int number);

  /// Makes a stream and loads `image`; `isIn` says whether it holds the kernels of a chip. A derived class's
  /// constructor ends with it, its destructor begins with `close`.
  void open(const void *image, const std::function<bool(std::string_view chip)> &isIn);
  void close();

  /// Makes the device the one of the calling thread.
  virtual void activate() const = 0;
  /// Loads a module from memory; throws if the driver does not take it.
  virtual Handle loadModule(const void *image) = 0;
  /// Allows launches of a kernel to give blocks `AttuneKernel::dynamicBytes`.
  virtual void allowMemory(Handle, const AttuneKernel &) {}

  void launchKernel(int32_t kernel, const Launch &launch) override;
  void runEntry(std::span<const int64_t> key, const std::function<void()> &entry) override;
  void refuseRecord() override { mayRecord = false; }

  int device = 0; ///< as the driver calls it
  std::string title;

private:
  struct Record {
    std::vector<int64_t> key;
    Handle graph = nullptr; ///< null: seen once, or not to be recorded
    bool isPossible = true;
    std::vector<int64_t> launches; ///< of each kernel in it
  };
  static constexpr size_t MostRecords = 16;

  bool record(Record &record, const std::function<void()> &entry);
  void drop(Record &record);

  const GpuDriver &driver;
  Handle stream = nullptr, module = nullptr;
  std::vector<Handle> functions;
  std::vector<Record> records; // the latest last
  bool mayRecord = true;       ///< the entry that runs
};

} // namespace attune

#endif // ATTUNE_RUNTIME_DEVICE_GPUDEVICE_H
