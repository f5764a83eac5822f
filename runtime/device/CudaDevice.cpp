// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An NVIDIA GPU through its driver. What an entry launches is recorded when it comes a second time with the
// same arguments (every token of a text does), and repeated from the record then: the host does nothing for
// it.
#include "runtime/Error.h"
#include "runtime/device/CudaCode.h"
#include "runtime/device/CudaDriver.h"
#include "runtime/device/Device.h"
#include "runtime/program/Program.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

using namespace attune;
using namespace attune::cuda;

namespace {

class CudaDevice : public Device {
public:
  CudaDevice(const Program &program, int number);
  ~CudaDevice() override { close(); }

  std::string name() const override { return title; }
  void *allocate(int64_t bytes, const char *purpose) override;
  void release(void *memory) override {
    activate();
    driver.cuMemFree_v2(address(memory));
  }
  void upload(void *to, const void *from, int64_t bytes) override {
    activate();
    driver.check(driver.cuMemcpyHtoDAsync_v2(address(to), from, static_cast<size_t>(bytes), stream),
                 "copying to the GPU");
  }
  void download(void *to, const void *from, int64_t bytes) override {
    activate();
    driver.check(driver.cuMemcpyDtoHAsync_v2(to, address(from), static_cast<size_t>(bytes), stream),
                 "copying from the GPU");
    synchronize();
  }
  void copy(void *to, const void *from, int64_t bytes) override {
    activate();
    driver.check(driver.cuMemcpyDtoDAsync_v2(address(to), address(from), static_cast<size_t>(bytes), stream),
                 "copying within the GPU");
  }
  std::optional<MemorySize> memory() const override {
    activate();
    size_t free = 0, total = 0;
    driver.check(driver.cuMemGetInfo_v2(&free, &total), "asking for the GPU's memory");
    return MemorySize{static_cast<int64_t>(total), static_cast<int64_t>(free)};
  }
  void synchronize() override {
    activate();
    driver.check(driver.cuStreamSynchronize(stream), "running on the GPU");
  }
  bool hasWarpGroups() const override { return warpGroups; }

protected:
  void launchKernel(int32_t kernel, const Launch &launch) override;
  void runEntry(std::span<const int64_t> key, const std::function<void()> &entry) override;
  void refuseRecord() override { mayRecord = false; }

private:
  struct Record {
    std::vector<int64_t> key;
    Handle graph = nullptr; ///< null: seen once, or not to be recorded
    bool isPossible = true;
    std::vector<int64_t> launches; ///< of each kernel in it
  };
  static constexpr size_t MostRecords = 16;

  static Address address(const void *memory) { return reinterpret_cast<Address>(memory); }
  void activate() const { driver.cuCtxSetCurrent(context); }
  void close();
  void load(const Program &program, Version capability);
  [[noreturn]] void refuseCode(const Program &program, const CodeBlob &code, Result result, const char *log);
  bool record(Record &record, const std::function<void()> &entry);
  void drop(Record &record);

  const Driver &driver;
  int device = 0;
  std::string title;
  Handle context = nullptr, stream = nullptr, module = nullptr;
  std::vector<Handle> functions;
  std::vector<Record> records; // the latest last
  bool mayRecord = true;       ///< the entry that runs
  bool warpGroups = false;     ///< sm_90a's code is loaded
};

CudaDevice::CudaDevice(const Program &program, int number)
    : Device(program.kernels()), driver(Driver::get()) {
  int count = 0;
  Result result = driver.cuDeviceGetCount(&count);
  if (result != Success || count == 0)
    throw Error("this program runs on an NVIDIA GPU, but there is none here");
  if (number >= count)
    throw Error(
        fmt::format("ATTUNE_DEVICE is 'cuda:{}', but this machine has {} NVIDIA GPU{}, numbered from 0",
                    number, count, count == 1 ? "" : "s"));
  driver.check(driver.cuDeviceGet(&device, number), "finding the GPU");
  char text[256] = {};
  driver.check(driver.cuDeviceGetName(text, sizeof(text) - 1, device), "asking for the GPU's name");
  title = text;
  Version capability;
  for (auto [attribute, value] :
       {std::pair(ComputeMajor, &capability.major), std::pair(ComputeMinor, &capability.minor)})
    driver.check(driver.cuDeviceGetAttribute(value, attribute, device), "asking for the GPU's version");
  if (!chooseCode(program.blobNames(), capability))
    throw Error(fmt::format(
        "{} has the compute capability {}, but this program was compiled for {}: compile the model "
        "again with --chip=sm_{}{}",
        title, capability.text(), oldestChip(program.blobNames()), capability.major, capability.minor));
  driver.check(driver.cuDevicePrimaryCtxRetain(&context, device), "opening the GPU");
  try {
    activate();
    driver.check(driver.cuStreamCreate(&stream, NonBlocking), "opening the GPU");
    load(program, capability);
  } catch (...) {
    close();
    throw;
  }
}

void CudaDevice::close() {
  activate();
  for (Record &each : records)
    drop(each);
  if (module)
    driver.cuModuleUnload(module);
  if (stream)
    driver.cuStreamDestroy_v2(stream);
  driver.cuDevicePrimaryCtxRelease_v2(device);
}

void CudaDevice::load(const Program &program, Version capability) {
  CodeBlob code = *chooseCode(program.blobNames(), capability);
  std::span<const std::byte> bytes = *program.blob(code.name);
  std::string text(reinterpret_cast<const char *>(bytes.data()), bytes.size()); // PTX must end with a zero
  char log[4096] = {};
  int options[] = {JitErrorLog, JitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log) - 1)};
  Result result = driver.cuModuleLoadDataEx(&module, text.c_str(), 2, options, values);
  if (result != Success)
    refuseCode(program, code, result, log);
  warpGroups = code.isFor("sm_90a");
  for (const AttuneKernel &kernel : kernels()) {
    Handle function = nullptr;
    if (!kernel.chip || code.isFor(kernel.chip)) // host code launches no others
      driver.check(driver.cuModuleGetFunction(&function, module, kernel.name), kernel.name);
    functions.push_back(function);
  }
}

/// Says why the driver does not take the code; its age is the likeliest reason.
void CudaDevice::refuseCode(const Program &program, const CodeBlob &code, Result result, const char *log) {
  int number = 0;
  driver.cuDriverGetVersion(&number);
  Version has{number / 1000, number % 1000 / 10}, needs;
  for (const std::string &name : program.blobNames())
    if (name.starts_with("device.") && name.ends_with(".ptx")) {
      std::span<const std::byte> ptx = *program.blob(name);
      needs = std::max(needs, driverFor({reinterpret_cast<const char *>(ptx.data()), ptx.size()}));
    }
  if (has < needs)
    throw Error(fmt::format(
        "NVIDIA's driver on this machine is too old for this program: it is one for CUDA {}, and the "
        "program needs one for CUDA {} or later",
        has.text(), needs.text()));
  throw Error(fmt::format("{}: the driver (CUDA {}) does not take the program's code '{}': {}{}{}", title,
                          has.text(), code.name, driver.textOf(result), *log ? ": " : "", log));
}

void *CudaDevice::allocate(int64_t bytes, const char *purpose) {
  activate();
  Address memory = 0;
  Result result = driver.cuMemAlloc_v2(&memory, static_cast<size_t>(bytes));
  if (result == OutOfMemory) {
    size_t free = 0, total = 0;
    driver.cuMemGetInfo_v2(&free, &total);
    auto text = [](auto size) {
      double bytes = static_cast<double>(size);
      return bytes < 1e5   ? fmt::format("{} bytes", size)
             : bytes < 1e9 ? fmt::format("{:.1f} MB", bytes / 1e6)
                           : fmt::format("{:.2f} GB", bytes / 1e9);
    };
    throw Error(fmt::format("{} has not enough memory: {} are needed for {}, but {} of {} are free", title,
                            text(bytes), purpose, text(free), text(total)));
  }
  driver.check(result, purpose);
  driver.check(driver.cuMemsetD8Async(memory, 0, static_cast<size_t>(bytes), stream), purpose);
  return reinterpret_cast<void *>(memory);
}

void CudaDevice::launchKernel(int32_t kernel, const Launch &launch) {
  const char *name = kernels()[static_cast<size_t>(kernel)].name;
  auto size = [&](int64_t value) {
    if (value > std::numeric_limits<int32_t>::max())
      throw Error(fmt::format("{}: {} blocks are more than a GPU can launch at once", name, value));
    return static_cast<unsigned>(value);
  };
  const auto &[grid, block, arguments] = launch;
  driver.check(driver.cuLaunchKernel(functions[static_cast<size_t>(kernel)], size(grid[0]), size(grid[1]),
                                     size(grid[2]), size(block[0]), size(block[1]), size(block[2]), 0, stream,
                                     arguments, nullptr),
               name);
}

//===------------------------------------ repeated from a record ----------------------------------===//

void CudaDevice::runEntry(std::span<const int64_t> key, const std::function<void()> &entry) {
  activate();
  auto found =
      std::ranges::find_if(records, [&](const Record &each) { return std::ranges::equal(each.key, key); });
  if (found == records.end()) {
    mayRecord = true;
    entry();
    if (records.size() == MostRecords) {
      drop(records.front());
      records.erase(records.begin());
    }
    records.push_back({{key.begin(), key.end()}, nullptr, mayRecord, {}});
    return;
  }
  std::rotate(found, found + 1, records.end());
  Record &latest = records.back();
  if (latest.graph) {
    for (size_t i = 0; i < counts.size(); ++i)
      counts[i] += latest.launches[i];
  } else if (!latest.isPossible || !record(latest, entry)) {
    if (!hasFailed())
      entry();
    return;
  }
  driver.check(driver.cuGraphLaunch(latest.graph, stream), "running on the GPU");
}

/// Lets an entry launch into a record. Returns false if that did not work: nothing has run then, and it is
/// not tried again.
bool CudaDevice::record(Record &record, const std::function<void()> &entry) {
  std::vector<int64_t> before = counts;
  record.isPossible = false;
  driver.check(driver.cuStreamBeginCapture_v2(stream, CaptureRelaxed), "recording a step");
  Handle graph = nullptr;
  try {
    entry();
  } catch (...) {
    driver.cuStreamEndCapture(stream, &graph);
    if (graph)
      driver.cuGraphDestroy(graph);
    throw;
  }
  Result result = driver.cuStreamEndCapture(stream, &graph);
  if (result == Success) {
    result = driver.cuGraphInstantiateWithFlags(&record.graph, graph, 0);
    driver.cuGraphDestroy(graph);
  }
  if (result != Success || hasFailed()) {
    drop(record);
    counts = before;
    return false;
  }
  for (size_t i = 0; i < counts.size(); ++i)
    record.launches.push_back(counts[i] - before[i]);
  record.isPossible = true;
  return true;
}

void CudaDevice::drop(Record &record) {
  if (record.graph)
    driver.cuGraphExecDestroy(record.graph);
  record.graph = nullptr;
}

} // namespace

std::unique_ptr<Device> attune::openCudaDevice(const Program &program, int number) {
  return std::make_unique<CudaDevice>(program, number);
}
