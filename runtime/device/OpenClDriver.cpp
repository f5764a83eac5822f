// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/device/OpenClDriver.h"
#include "runtime/Error.h"
#include "runtime/device/DynamicLibrary.h"

#include <fmt/format.h>

using namespace attune;
using namespace attune::opencl;

const Loader &Loader::get() {
  static const Loader loader; // tried again if it throws
  return loader;
}

Loader::Loader() {
  DynamicLibrary library({"libOpenCL.so.1"},
                         "this program runs on OpenCL, but there is no loader for it here");
  constexpr char old[] = "OpenCL on this machine is too old, version 2.1 is needed";
#define ATTUNE_FIND(name) library.find(name, #name, old)
  ATTUNE_FIND(clGetPlatformIDs);
  ATTUNE_FIND(clGetDeviceIDs);
  ATTUNE_FIND(clGetDeviceInfo);
  ATTUNE_FIND(clCreateContext);
  ATTUNE_FIND(clReleaseContext);
  ATTUNE_FIND(clCreateCommandQueue);
  ATTUNE_FIND(clReleaseCommandQueue);
  ATTUNE_FIND(clFinish);
  ATTUNE_FIND(clCreateProgramWithIL);
  ATTUNE_FIND(clBuildProgram);
  ATTUNE_FIND(clGetProgramBuildInfo);
  ATTUNE_FIND(clReleaseProgram);
  ATTUNE_FIND(clCreateKernel);
  ATTUNE_FIND(clReleaseKernel);
  ATTUNE_FIND(clSetKernelArg);
  ATTUNE_FIND(clSetKernelExecInfo);
  ATTUNE_FIND(clEnqueueNDRangeKernel);
  ATTUNE_FIND(clGetExtensionFunctionAddressForPlatform);
#undef ATTUNE_FIND
}

SharedMemory::SharedMemory(const Loader &loader, Handle platform) {
  auto find = [&](auto &function, const char *name) {
    void *address = loader.clGetExtensionFunctionAddressForPlatform(platform, name);
    if (!address)
      throw Error(fmt::format("OpenCL's driver for this device has no {}", name));
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
  };
#define ATTUNE_FIND(name) find(name, #name)
  ATTUNE_FIND(clDeviceMemAllocINTEL);
  ATTUNE_FIND(clMemFreeINTEL);
  ATTUNE_FIND(clEnqueueMemcpyINTEL);
  ATTUNE_FIND(clEnqueueMemFillINTEL);
  ATTUNE_FIND(clSetKernelArgMemPointerINTEL);
#undef ATTUNE_FIND
}

static std::string infoText(const Loader &loader, Handle device, uint32_t what) {
  size_t bytes = 0;
  if (loader.clGetDeviceInfo(device, what, 0, nullptr, &bytes) != Success || bytes == 0)
    return "";
  std::string text(bytes, '\0');
  if (loader.clGetDeviceInfo(device, what, bytes, text.data(), nullptr) != Success)
    return "";
  return text.c_str(); // without the zero at its end
}

std::vector<Candidate> opencl::findDevices(const Loader &loader) {
  uint32_t count = 0;
  if (loader.clGetPlatformIDs(0, nullptr, &count) != Success)
    return {}; // what a loader says that knows no platform
  std::vector<Handle> platforms(count);
  check(loader.clGetPlatformIDs(count, platforms.data(), nullptr), "listing platforms");
  std::vector<Candidate> candidates;
  for (Handle platform : platforms) {
    if (loader.clGetDeviceIDs(platform, AllDevices, 0, nullptr, &count) != Success)
      continue;
    std::vector<Handle> devices(count);
    check(loader.clGetDeviceIDs(platform, AllDevices, count, devices.data(), nullptr), "listing devices");
    for (Handle device : devices) {
      Candidate candidate{platform, device, infoText(loader, device, DeviceName), ""};
      if (infoText(loader, device, DeviceIlVersion).find("SPIR-V") == std::string::npos)
        candidate.lacks = "takes no SPIR-V";
      else if (infoText(loader, device, DeviceExtensions).find("cl_intel_unified_shared_memory") ==
               std::string::npos)
        candidate.lacks = "has no cl_intel_unified_shared_memory";
      candidates.push_back(candidate);
    }
  }
  return candidates;
}

void opencl::check(Result result, const std::string &what) {
  if (result != Success)
    throw Error(fmt::format("OpenCL: {}: error {}", what, result));
}
