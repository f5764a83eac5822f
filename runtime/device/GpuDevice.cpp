// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/device/GpuDevice.h"
#include "runtime/Error.h"
#include "runtime/program/Program.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

using namespace attune;

GpuDevice::GpuDevice(const Program &program, const GpuDriver &driver, int number)
    : Device(program.kernels()), driver(driver) {
  int count = 0;
  Result result = driver.deviceGetCount(&count);
  if (result != GpuDriver::Success || count == 0)
    throw Error(fmt::format("this program runs on an {} GPU, but there is none here", driver.maker));
  if (number >= count)
    throw Error(fmt::format("ATTUNE_DEVICE is '{}:{}', but this machine has {} {} GPU{}, numbered from 0",
                            driver.target, number, count, driver.maker, count == 1 ? "" : "s"));
  driver.check(driver.deviceGet(&device, number), "finding the GPU");
  char text[256] = {};
  driver.check(driver.deviceGetName(text, sizeof(text) - 1, device), "asking for the GPU's name");
  title = text;
}

void GpuDevice::open(const void *image, const std::function<bool(std::string_view)> &isIn) {
  try {
    activate();
    driver.check(driver.streamCreate(&stream, GpuDriver::NonBlocking), "opening the GPU");
    module = loadModule(image);
    for (const AttuneKernel &kernel : kernels()) {
      Handle function = nullptr;
      if (!kernel.chip || isIn(kernel.chip)) { // host code launches no others
        driver.check(driver.moduleGetFunction(&function, module, kernel.name), kernel.name);
        if (kernel.dynamicBytes)
          allowMemory(function, kernel);
      }
      functions.push_back(function);
    }
  } catch (...) {
    close();
    throw;
  }
}

void GpuDevice::close() {
  activate();
  for (Record &each : records)
    drop(each);
  if (module)
    driver.moduleUnload(module);
  if (stream)
    driver.streamDestroy(stream);
}

//===-------------------------------------------- memory ------------------------------------------===//

void GpuDevice::release(void *memory) {
  activate();
  driver.release(memory);
}

void GpuDevice::upload(void *to, const void *from, int64_t bytes) {
  activate();
  driver.check(driver.copyToDevice(to, from, static_cast<size_t>(bytes), stream), "copying to the GPU");
}

void GpuDevice::download(void *to, const void *from, int64_t bytes) {
  activate();
  driver.check(driver.copyToHost(to, from, static_cast<size_t>(bytes), stream), "copying from the GPU");
  synchronize();
}

void GpuDevice::copy(void *to, const void *from, int64_t bytes) {
  activate();
  driver.check(driver.copyOnDevice(to, from, static_cast<size_t>(bytes), stream), "copying within the GPU");
}

std::optional<Device::MemorySize> GpuDevice::memory() const {
  activate();
  size_t free = 0, total = 0;
  driver.check(driver.memoryInfo(&free, &total), "asking for the GPU's memory");
  return MemorySize{static_cast<int64_t>(total), static_cast<int64_t>(free)};
}

void GpuDevice::synchronize() {
  activate();
  driver.check(driver.streamSynchronize(stream), "running on the GPU");
}

void *GpuDevice::allocate(int64_t bytes, const char *purpose) {
  activate();
  void *memory = nullptr;
  Result result = driver.allocate(&memory, static_cast<size_t>(bytes));
  if (result == GpuDriver::OutOfMemory) {
    size_t free = 0, total = 0;
    driver.memoryInfo(&free, &total);
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
  driver.check(driver.fill(memory, 0, static_cast<size_t>(bytes), stream), purpose);
  return memory;
}

void GpuDevice::launchKernel(int32_t kernel, const Launch &launch) {
  const AttuneKernel &row = kernels()[static_cast<size_t>(kernel)];
  auto size = [&](int64_t value) {
    if (value > std::numeric_limits<int32_t>::max())
      throw Error(fmt::format("{}: {} blocks are more than a GPU can launch at once", row.name, value));
    return static_cast<unsigned>(value);
  };
  const auto &[grid, block, arguments] = launch;
  driver.check(driver.launch(functions[static_cast<size_t>(kernel)], size(grid[0]), size(grid[1]),
                             size(grid[2]), size(block[0]), size(block[1]), size(block[2]), row.dynamicBytes,
                             stream, arguments, nullptr),
               row.name);
}

//===------------------------------------ repeated from a record ----------------------------------===//

void GpuDevice::runEntry(std::span<const int64_t> key, const std::function<void()> &entry) {
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
  driver.check(driver.graphLaunch(latest.graph, stream), "running on the GPU");
}

/// Lets an entry launch into a record. Returns false if that did not work: nothing has run then, and it is
/// not tried again.
bool GpuDevice::record(Record &record, const std::function<void()> &entry) {
  std::vector<int64_t> before = counts;
  record.isPossible = false;
  driver.check(driver.beginCapture(stream, GpuDriver::CaptureRelaxed), "recording a step");
  Handle graph = nullptr;
  try {
    entry();
  } catch (...) {
    driver.endCapture(stream, &graph);
    if (graph)
      driver.graphDestroy(graph);
    throw;
  }
  Result result = driver.endCapture(stream, &graph);
  if (result == GpuDriver::Success) {
    result = driver.graphInstantiate(&record.graph, graph, 0);
    driver.graphDestroy(graph);
  }
  if (result != GpuDriver::Success || hasFailed()) {
    drop(record);
    counts = before;
    return false;
  }
  for (size_t i = 0; i < counts.size(); ++i)
    record.launches.push_back(counts[i] - before[i]);
  record.isPossible = true;
  return true;
}

void GpuDevice::drop(Record &record) {
  if (record.graph)
    driver.graphExecDestroy(record.graph);
  record.graph = nullptr;
}
