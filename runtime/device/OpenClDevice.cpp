// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device of OpenCL that takes SPIR-V, with addresses of its memory as arguments of kernels.
#include "runtime/Error.h"
#include "runtime/device/Device.h"
#include "runtime/device/OpenClDriver.h"
#include "runtime/program/Program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace attune;
using namespace attune::opencl;

namespace {

class OpenClDevice : public Device {
public:
  OpenClDevice(const Program &program, const Loader &loader, const Candidate &chosen);
  ~OpenClDevice() override { close(); }

  std::string name() const override { return chosen.name; }
  void *allocate(int64_t bytes, const char *purpose) override;
  void release(void *address) override { memory.clMemFreeINTEL(context, address); }
  void upload(void *to, const void *from, int64_t bytes) override { copyBytes(to, from, bytes, true); }
  void download(void *to, const void *from, int64_t bytes) override { copyBytes(to, from, bytes, true); }
  void copy(void *to, const void *from, int64_t bytes) override { copyBytes(to, from, bytes, false); }
  void synchronize() override { check(loader.clFinish(queue), "running kernels"); }

protected:
  void launchKernel(int32_t kernel, const Launch &launch) override;

private:
  struct Function {
    Handle kernel;
    std::vector<bool> isAddress; ///< of each argument
  };

  void load(std::span<const std::byte> code);
  void addFunction(const AttuneKernel &kernel);
  void close();
  void copyBytes(void *to, const void *from, int64_t bytes, bool waits) {
    check(
        memory.clEnqueueMemcpyINTEL(queue, waits, to, from, static_cast<size_t>(bytes), 0, nullptr, nullptr),
        "copying memory");
  }
  int64_t number(uint32_t what) const {
    uint64_t value = 0;
    loader.clGetDeviceInfo(chosen.device, what, sizeof(value), &value, nullptr);
    return static_cast<int64_t>(value);
  }

  const Loader &loader;
  Candidate chosen;
  SharedMemory memory;
  Handle context = nullptr, queue = nullptr, module = nullptr;
  std::vector<Function> functions;
};

OpenClDevice::OpenClDevice(const Program &program, const Loader &loader, const Candidate &chosen)
    : Device(program.kernels()), loader(loader), chosen(chosen), memory(loader, chosen.platform) {
  std::optional<std::span<const std::byte>> code = program.blob("device.spv");
  if (!code)
    throw Error("the payload has no 'device.spv': the file is damaged");
  try {
    Result result = Success;
    context = loader.clCreateContext(nullptr, 1, &chosen.device, nullptr, nullptr, &result);
    check(result, "opening the device");
    queue = loader.clCreateCommandQueue(context, chosen.device, 0, &result);
    check(result, "opening the device");
    load(*code);
  } catch (...) {
    close();
    throw;
  }
}

void OpenClDevice::close() {
  for (const Function &function : functions)
    loader.clReleaseKernel(function.kernel);
  if (module)
    loader.clReleaseProgram(module);
  if (queue)
    loader.clReleaseCommandQueue(queue);
  if (context)
    loader.clReleaseContext(context);
}

void OpenClDevice::load(std::span<const std::byte> code) {
  Result result = Success;
  module = loader.clCreateProgramWithIL(context, code.data(), code.size(), &result);
  check(result, "loading the program's code");
  result = loader.clBuildProgram(module, 1, &chosen.device, "", nullptr, nullptr);
  if (result != Success) {
    std::string log(4096, '\0');
    loader.clGetProgramBuildInfo(module, chosen.device, ProgramBuildLog, log.size() - 1, log.data(), nullptr);
    throw Error(fmt::format("{}: OpenCL's driver does not take the program's code: error {}: {}", chosen.name,
                            result, log.c_str()));
  }
  for (const AttuneKernel &kernel : kernels())
    addFunction(kernel);
}

void OpenClDevice::addFunction(const AttuneKernel &kernel) {
  Result result = Success;
  functions.push_back({loader.clCreateKernel(module, kernel.name, &result), {}});
  if (result != Success)
    functions.pop_back();
  check(result, fmt::format("finding the kernel '{}'", kernel.name));
  Function &function = functions.back();
  // A memref may come as an address or as a number; only addresses can be set as such.
  for (uint32_t i = 0; i < kernel.argumentCount; ++i)
    function.isAddress.push_back(kernel.argumentBytes[i] == sizeof(void *) &&
                                 memory.clSetKernelArgMemPointerINTEL(function.kernel, i, nullptr) ==
                                     Success);
  uint32_t yes = 1; // for addresses that come as numbers; drivers without such a thing need no telling
  loader.clSetKernelExecInfo(function.kernel, KernelIndirectAccess, sizeof(yes), &yes);
}

void *OpenClDevice::allocate(int64_t bytes, const char *purpose) {
  Result result = Success;
  void *address =
      memory.clDeviceMemAllocINTEL(context, chosen.device, nullptr, static_cast<size_t>(bytes), 64, &result);
  if (!address || result != Success)
    throw Error(fmt::format(
        "{} has not enough memory: {} bytes are needed for {}; it has {}, of which one buffer may "
        "take {}",
        chosen.name, bytes, purpose, number(DeviceTotalMemory), number(DeviceLargestAllocation)));
  unsigned char zero = 0;
  check(
      memory.clEnqueueMemFillINTEL(queue, address, &zero, 1, static_cast<size_t>(bytes), 0, nullptr, nullptr),
      purpose);
  return address;
}

void OpenClDevice::launchKernel(int32_t index, const Launch &launch) {
  const AttuneKernel &kernel = kernels()[static_cast<size_t>(index)];
  const Function &function = functions[static_cast<size_t>(index)];
  for (uint32_t i = 0; i < kernel.argumentCount; ++i) {
    const void *value = launch.arguments[i];
    Result result =
        function.isAddress[i]
            ? memory.clSetKernelArgMemPointerINTEL(function.kernel, i, *static_cast<void *const *>(value))
            : loader.clSetKernelArg(function.kernel, i, kernel.argumentBytes[i], value);
    check(result, fmt::format("argument {} of the kernel '{}'", i, kernel.name));
  }
  size_t items[3], block[3];
  for (size_t i = 0; i < 3; ++i) {
    block[i] = static_cast<size_t>(launch.block[i]);
    items[i] = block[i] * static_cast<size_t>(launch.grid[i]);
  }
  check(loader.clEnqueueNDRangeKernel(queue, function.kernel, 3, nullptr, items, block, 0, nullptr, nullptr),
        fmt::format("launching the kernel '{}'", kernel.name));
}

} // namespace

std::unique_ptr<Device> attune::openOpenClDevice(const Program &program, int number) {
  const Loader &loader = Loader::get();
  std::vector<Candidate> usable;
  std::vector<std::string> others;
  for (const Candidate &candidate : findDevices(loader))
    if (candidate.lacks.empty())
      usable.push_back(candidate);
    else
      others.push_back(fmt::format("{} {}", candidate.name, candidate.lacks));
  if (usable.empty())
    throw Error(fmt::format("this program runs on OpenCL, but there is no device for it here{}{}",
                            others.empty() ? "" : ": ", fmt::join(others, ", ")));
  if (static_cast<size_t>(number) >= usable.size())
    throw Error(
        fmt::format("ATTUNE_DEVICE is 'opencl:{}', but this machine has {} such device{}, numbered from 0",
                    number, usable.size(), usable.size() == 1 ? "" : "s"));
  return std::make_unique<OpenClDevice>(program, loader, usable[static_cast<size_t>(number)]);
}
