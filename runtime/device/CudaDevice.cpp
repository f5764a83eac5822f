// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An NVIDIA GPU through its driver. What an entry launches is recorded when it comes a second time with the
// same arguments (every token of a text does), and repeated from the record then: the host does nothing for
// it.
#include "runtime/Error.h"
#include "runtime/device/CudaDriver.h"
#include "runtime/device/Device.h"
#include "runtime/program/Program.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

using namespace attune;
using namespace attune::cuda;

namespace {

/// Code for a chip: "device.sm_90a.cubin".
struct CodeBlob {
  std::string name;
  int version = 0;       ///< 90
  bool onlyThis = false; ///< "a": for no other chip
  bool isBinary = false; ///< otherwise PTX, which the driver compiles

  static std::optional<CodeBlob> parse(const std::string &name) {
    std::string_view text = name;
    constexpr std::string_view prefix = "device.sm_";
    if (!text.starts_with(prefix))
      return std::nullopt;
    text.remove_prefix(prefix.size());
    CodeBlob blob{name};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), blob.version);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    blob.onlyThis = text.starts_with("a");
    blob.isBinary = text.ends_with(".cubin");
    return error == std::errc() ? std::optional(blob) : std::nullopt;
  }

  /// Whether a chip of compute capability `major`.`minor` runs it.
  bool fits(int major, int minor) const {
    int chip = 10 * major + minor;
    if (onlyThis)
      return version == chip;
    return isBinary ? version / 10 == major && version <= chip : version <= chip;
  }

  /// The better of two that fit has the larger one.
  auto rank() const { return std::tuple(onlyThis, isBinary, version); }
};

class CudaDevice : public Device {
public:
  CudaDevice(const Program &program, int number);
  ~CudaDevice() override;

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
  void synchronize() override {
    activate();
    driver.check(driver.cuStreamSynchronize(stream), "running on the GPU");
  }

protected:
  void launchKernel(int32_t kernel, const Launch &launch) override;
  void runEntry(std::span<const int64_t> key, const std::function<void()> &entry) override;
  void refuseRecord() override { mayRecord = false; }

private:
  struct Record {
    std::vector<int64_t> key;
    Handle graph = nullptr; ///< null: seen once, or not to be recorded
    bool possible = true;
    std::vector<int64_t> launches; ///< of each kernel in it
  };
  static constexpr size_t MostRecords = 16;

  static Address address(const void *memory) { return reinterpret_cast<Address>(memory); }
  void activate() const { driver.cuCtxSetCurrent(context); }
  void load(const Program &program, int major, int minor);
  void record(Record &record, const std::function<void()> &entry);

  const Driver &driver;
  int device = 0;
  std::string title;
  Handle context = nullptr, stream = nullptr, module = nullptr;
  std::vector<Handle> functions;
  std::vector<Record> records; // the latest last
  bool mayRecord = true;       ///< the entry that runs
};

CudaDevice::CudaDevice(const Program &program, int number)
    : Device(program.kernels()), driver(Driver::get()) {
  int count = 0;
  Result result = driver.cuDeviceGetCount(&count);
  if (result != Success || count == 0)
    throw Error("this program runs on an NVIDIA GPU, but there is none here: compile the model without "
                "--target=cuda for "
                "the CPU, or with --emulate and set ATTUNE_DEVICE=emulate to try it");
  if (number >= count)
    throw Error(
        fmt::format("ATTUNE_DEVICE asks for GPU {}, but there are {} (0 to {})", number, count, count - 1));
  driver.check(driver.cuDeviceGet(&device, number), "finding the GPU");
  char text[256] = {};
  driver.cuDeviceGetName(text, sizeof(text) - 1, device);
  title = text;
  int major = 0, minor = 0;
  driver.check(driver.cuDeviceGetAttribute(&major, ComputeMajor, device), "asking for the GPU's version");
  driver.check(driver.cuDeviceGetAttribute(&minor, ComputeMinor, device), "asking for the GPU's version");
  driver.check(driver.cuDevicePrimaryCtxRetain(&context, device), "opening the GPU");
  activate();
  driver.check(driver.cuStreamCreate(&stream, 1), "opening the GPU"); // 1: apart from the default stream
  load(program, major, minor);
}

CudaDevice::~CudaDevice() {
  activate();
  for (Record &each : records)
    if (each.graph)
      driver.cuGraphExecDestroy(each.graph);
  if (module)
    driver.cuModuleUnload(module);
  if (stream)
    driver.cuStreamDestroy_v2(stream);
  driver.cuDevicePrimaryCtxRelease_v2(device);
}

void CudaDevice::load(const Program &program, int major, int minor) {
  std::optional<CodeBlob> best;
  int oldest = INT32_MAX;
  for (const std::string &name : program.blobNames())
    if (std::optional<CodeBlob> blob = CodeBlob::parse(name)) {
      oldest = std::min(oldest, blob->version);
      if (blob->fits(major, minor) && (!best || best->rank() < blob->rank()))
        best = blob;
    }
  if (!best)
    throw Error(fmt::format(
        "{} has compute capability {}.{}, but this program was compiled for {}.{} and later: compile the "
        "model with --chip=sm_{}{}",
        title, major, minor, oldest / 10, oldest % 10, major, minor));
  std::span<const std::byte> code = *program.blob(best->name);
  std::string text(reinterpret_cast<const char *>(code.data()), code.size()); // PTX must end with a zero
  char log[4096] = {};
  int options[] = {JitErrorLog, JitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  Result result = driver.cuModuleLoadDataEx(&module, text.c_str(), 2, options, values);
  if (result != Success) {
    int version = 0;
    driver.cuDriverGetVersion(&version);
    const char *reason = nullptr;
    driver.cuGetErrorString(result, &reason);
    throw Error(fmt::format(
        "{}: the driver (CUDA {}.{}) does not take the program's code for sm_{}, which needs CUDA 12.0 or "
        "later: {}. {}",
        title, version / 1000, version % 1000 / 10, best->version, reason ? reason : "unknown", log));
  }
  for (const AttuneKernel &kernel : kernels()) {
    Handle function = nullptr;
    driver.check(driver.cuModuleGetFunction(&function, module, kernel.name), kernel.name);
    functions.push_back(function);
  }
}

void *CudaDevice::allocate(int64_t bytes, const char *purpose) {
  activate();
  Address memory = 0;
  Result result = driver.cuMemAlloc_v2(&memory, static_cast<size_t>(bytes));
  if (result == OutOfMemory) {
    size_t free = 0, total = 0;
    driver.cuMemGetInfo_v2(&free, &total);
    throw Error(fmt::format(
        "{}: {} needs {:.1f} MB of the GPU's memory, of which {:.1f} MB are free ({:.1f} MB in all)", title,
        purpose, static_cast<double>(bytes) / 1e6, static_cast<double>(free) / 1e6,
        static_cast<double>(total) / 1e6));
  }
  driver.check(result, purpose);
  driver.check(driver.cuMemsetD8Async(memory, 0, static_cast<size_t>(bytes), stream), purpose);
  return reinterpret_cast<void *>(memory);
}

void CudaDevice::launchKernel(int32_t kernel, const Launch &launch) {
  auto size = [](int64_t value) { return static_cast<unsigned>(value); };
  const auto &[grid, block, arguments] = launch;
  driver.check(driver.cuLaunchKernel(functions[static_cast<size_t>(kernel)], size(grid[0]), size(grid[1]),
                                     size(grid[2]), size(block[0]), size(block[1]), size(block[2]), 0, stream,
                                     arguments, nullptr),
               kernels()[static_cast<size_t>(kernel)].name);
}

void CudaDevice::runEntry(std::span<const int64_t> key, const std::function<void()> &entry) {
  activate();
  auto found =
      std::ranges::find_if(records, [&](const Record &each) { return std::ranges::equal(each.key, key); });
  if (found == records.end()) {
    if (records.size() == MostRecords) {
      if (records.front().graph)
        driver.cuGraphExecDestroy(records.front().graph);
      records.erase(records.begin());
    }
    mayRecord = true;
    entry();
    records.push_back({{key.begin(), key.end()}, nullptr, mayRecord, {}});
    return;
  }
  std::rotate(found, found + 1, records.end());
  Record &latest = records.back();
  if (!latest.possible)
    return entry();
  if (!latest.graph)
    record(latest, entry);
  else
    for (size_t i = 0; i < counts.size(); ++i)
      counts[i] += latest.launches[i];
  driver.check(driver.cuGraphLaunch(latest.graph, stream), "running on the GPU");
}

void CudaDevice::record(Record &record, const std::function<void()> &entry) {
  std::vector<int64_t> before = counts;
  driver.check(driver.cuStreamBeginCapture_v2(stream, CaptureRelaxed), "recording a step");
  Handle graph = nullptr;
  entry(); // does not throw: errors of launches wait for its end
  driver.check(driver.cuStreamEndCapture(stream, &graph), "recording a step");
  Result result = driver.cuGraphInstantiateWithFlags(&record.graph, graph, 0);
  driver.cuGraphDestroy(graph);
  driver.check(result, "recording a step");
  for (size_t i = 0; i < counts.size(); ++i)
    record.launches.push_back(counts[i] - before[i]);
}

} // namespace

std::unique_ptr<Device> attune::openCudaDevice(const Program &program, int number) {
  return std::make_unique<CudaDevice>(program, number);
}
