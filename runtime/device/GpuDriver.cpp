// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/device/GpuDriver.h"
#include "runtime/Error.h"
#include "runtime/device/DynamicLibrary.h"

#include <fmt/format.h>

using namespace attune;

void GpuDriver::start() const {
  if (Result result = init(0); result != Success && result != NoDevice)
    check(result, "the driver does not start");
}

const char *GpuDriver::textOf(Result result) const {
  const char *text = nullptr;
  return getErrorString(result, &text) == Success && text ? text : "an error that it does not name";
}

void GpuDriver::check(Result result, const char *what) const {
  if (result != Success)
    throw Error(fmt::format("{}'s driver: {}: {} (error {})", maker, what, textOf(result), result));
}

/// What both makers have: NVIDIA's name for a function, and AMD's.
void GpuDriver::find(const DynamicLibrary &library, const char *old, Names names) {
  auto find = [&](auto &function, const char *nvidia, const char *amd) {
    library.find(function, names == Names::Cuda ? nvidia : amd, old);
  };
  find(init, "cuInit", "hipInit");
  find(getVersion, "cuDriverGetVersion", "hipRuntimeGetVersion");
  find(getErrorString, "cuGetErrorString", "hipDrvGetErrorString");
  find(deviceGetCount, "cuDeviceGetCount", "hipGetDeviceCount");
  find(deviceGet, "cuDeviceGet", "hipDeviceGet");
  find(deviceGetName, "cuDeviceGetName", "hipDeviceGetName");
  find(moduleLoad, "cuModuleLoadDataEx", "hipModuleLoadDataEx");
  find(moduleUnload, "cuModuleUnload", "hipModuleUnload");
  find(moduleGetFunction, "cuModuleGetFunction", "hipModuleGetFunction");
  find(memoryInfo, "cuMemGetInfo_v2", "hipMemGetInfo");
  find(allocate, "cuMemAlloc_v2", "hipMalloc");
  find(release, "cuMemFree_v2", "hipFree");
  find(fill, "cuMemsetD8Async", "hipMemsetD8Async");
  find(copyToDevice, "cuMemcpyHtoDAsync_v2", "hipMemcpyHtoDAsync");
  find(copyToHost, "cuMemcpyDtoHAsync_v2", "hipMemcpyDtoHAsync");
  find(copyOnDevice, "cuMemcpyDtoDAsync_v2", "hipMemcpyDtoDAsync");
  find(streamCreate, "cuStreamCreate", "hipStreamCreateWithFlags");
  find(streamDestroy, "cuStreamDestroy_v2", "hipStreamDestroy");
  find(streamSynchronize, "cuStreamSynchronize", "hipStreamSynchronize");
  find(launch, "cuLaunchKernel", "hipModuleLaunchKernel");
  find(beginCapture, "cuStreamBeginCapture_v2", "hipStreamBeginCapture");
  find(endCapture, "cuStreamEndCapture", "hipStreamEndCapture");
  find(graphInstantiate, "cuGraphInstantiateWithFlags", "hipGraphInstantiateWithFlags");
  find(graphDestroy, "cuGraphDestroy", "hipGraphDestroy");
  find(graphExecDestroy, "cuGraphExecDestroy", "hipGraphExecDestroy");
  find(graphLaunch, "cuGraphLaunch", "hipGraphLaunch");
}

const CudaDriver &CudaDriver::get() {
  static const CudaDriver driver; // tried again if it throws
  return driver;
}

CudaDriver::CudaDriver() : GpuDriver("cuda", "NVIDIA") {
  constexpr char old[] = "NVIDIA's driver on this machine is too old";
  DynamicLibrary library({"libcuda.so.1"},
                         "this program runs on an NVIDIA GPU, but there is no driver for one here");
  find(library, old, Names::Cuda);
  library.find(deviceGetAttribute, "cuDeviceGetAttribute", old);
  library.find(contextRetain, "cuDevicePrimaryCtxRetain", old);
  library.find(contextRelease, "cuDevicePrimaryCtxRelease_v2", old);
  library.find(contextSetCurrent, "cuCtxSetCurrent", old);
  library.find(functionSetAttribute, "cuFuncSetAttribute", old);
  library.find(encodeTiled, "cuTensorMapEncodeTiled", old);
  start();
}

const HipDriver &HipDriver::get() {
  static const HipDriver driver;
  return driver;
}

HipDriver::HipDriver() : GpuDriver("rocm", "AMD") {
  constexpr char old[] = "HIP on this machine is too old, that of ROCm 6 is needed";
  DynamicLibrary library({"libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so"},
                         "this program runs on an AMD GPU, but there is no ROCm here");
  find(library, old, Names::Hip);
  library.find(getProperties, "hipGetDevicePropertiesR0600", old);
  library.find(setDevice, "hipSetDevice", old);
  start();
}
