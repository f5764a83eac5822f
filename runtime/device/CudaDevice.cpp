// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NVIDIA's GPUs: the code that is the best for one, and its context.
#include "runtime/Error.h"
#include "runtime/device/CudaCode.h"
#include "runtime/device/GpuDevice.h"
#include "runtime/program/Program.h"

#include <fmt/format.h>

#include <algorithm>

using namespace attune;
using namespace attune::cuda;

namespace {

class CudaDevice : public GpuDevice {
public:
  CudaDevice(const Program &program, int number);
  ~CudaDevice() override { close(); }

  bool hasWarpGroups() const override { return code.isFor("sm_90a"); }

protected:
  void activate() const override { driver.contextSetCurrent(context.handle); }
  Handle loadModule(const void *image) override;
  void allowMemory(Handle function, const AttuneKernel &kernel) override {
    driver.check(driver.functionSetAttribute(function, CudaDriver::DynamicMemory,
                                             static_cast<int>(kernel.dynamicBytes)),
                 kernel.name);
  }
  TensorMap makeMap(const PanelTensor &tensor) override;

private:
  struct Context {
    explicit Context(int device) : device(device) {
      const CudaDriver &driver = CudaDriver::get();
      driver.check(driver.contextRetain(&handle, device), "opening the GPU");
    }
    ~Context() { CudaDriver::get().contextRelease(device); }
    int device;
    Handle handle = nullptr;
  };

  CodeBlob choose() const;
  [[noreturn]] void refuseCode(Result result, const char *log);

  const CudaDriver &driver = CudaDriver::get();
  const Program &program;
  CodeBlob code;
  Context context;
};

CudaDevice::CudaDevice(const Program &program, int number)
    : GpuDevice(program, CudaDriver::get(), number), program(program), code(choose()), context(device) {
  std::span<const std::byte> bytes = *program.blob(code.name);
  std::string text(reinterpret_cast<const char *>(bytes.data()), bytes.size()); // PTX must end with a zero
  open(text.c_str(), [&](std::string_view chip) { return code.isFor(chip); });
}

CodeBlob CudaDevice::choose() const {
  Version capability;
  for (auto [attribute, value] : {std::pair(CudaDriver::ComputeMajor, &capability.major),
                                  std::pair(CudaDriver::ComputeMinor, &capability.minor)})
    driver.check(driver.deviceGetAttribute(value, attribute, device), "asking for the GPU's version");
  if (std::optional<CodeBlob> best = chooseCode(program.blobNames(), capability))
    return *best;
  throw Error(fmt::format(
      "{} has the compute capability {}, but this program was compiled for {}: compile the model "
      "again with --chip=sm_{}{}",
      title, capability.text(), oldestChip(program.blobNames()), capability.major, capability.minor));
}

GpuDevice::Handle CudaDevice::loadModule(const void *image) {
  Handle module = nullptr;
  char log[4096] = {};
  int options[] = {CudaDriver::JitErrorLog, CudaDriver::JitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log) - 1)};
  if (Result result = driver.moduleLoad(&module, image, 2, options, values); result != CudaDriver::Success)
    refuseCode(result, log);
  return module;
}

TensorMap CudaDevice::makeMap(const PanelTensor &tensor) {
  auto size = [](int64_t value) { return static_cast<uint64_t>(value); };
  auto count = [](int64_t value) { return static_cast<uint32_t>(value); };
  uint64_t sizes[] = {PanelTensor::Outputs, size(tensor.columns), size(tensor.panels)};
  uint64_t strides[] = {PanelTensor::ColumnBytes, size(tensor.panelBytes())};
  uint32_t box[] = {PanelTensor::Outputs, count(tensor.boxColumns), count(tensor.boxPanels)};
  uint32_t steps[] = {1, 1, 1};
  TensorMap map;
  driver.check(driver.encodeTiled(&map, CudaDriver::Elements16, 3, reinterpret_cast<void *>(tensor.address),
                                  sizes, strides, box, steps, CudaDriver::NoInterleave, CudaDriver::Swizzle32,
                                  CudaDriver::Promote256, CudaDriver::FillZeros),
               "describing weights for copies");
  return map;
}

/// Says why the driver does not take the code; its age is the likeliest reason.
void CudaDevice::refuseCode(Result result, const char *log) {
  int number = 0;
  driver.getVersion(&number);
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

} // namespace

std::unique_ptr<Device> attune::openCudaDevice(const Program &program, int number) {
  return std::make_unique<CudaDevice>(program, number);
}
