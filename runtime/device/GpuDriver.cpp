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

const CudaDriver &CudaDriver::get() {
  static const CudaDriver driver; // tried again if it throws
  return driver;
}

CudaDriver::CudaDriver() : GpuDriver("cuda", "NVIDIA") {
  DynamicLibrary library({"libcuda.so.1"},
                         "this program runs on an NVIDIA GPU, but there is no driver for one here");
  auto find = [&](auto &function, const char *name) {
    library.find(function, name, "NVIDIA's driver on this machine is too old");
  };
  find(init, "cuInit");
  find(getVersion, "cuDriverGetVersion");
  find(getErrorString, "cuGetErrorString");
  find(deviceGetCount, "cuDeviceGetCount");
  find(deviceGet, "cuDeviceGet");
  find(deviceGetName, "cuDeviceGetName");
  find(moduleLoad, "cuModuleLoadDataEx");
  find(moduleUnload, "cuModuleUnload");
  find(moduleGetFunction, "cuModuleGetFunction");
  find(memoryInfo, "cuMemGetInfo_v2");
  find(allocate, "cuMemAlloc_v2");
  find(release, "cuMemFree_v2");
  find(fill, "cuMemsetD8Async");
  find(copyToDevice, "cuMemcpyHtoDAsync_v2");
  find(copyToHost, "cuMemcpyDtoHAsync_v2");
  find(copyOnDevice, "cuMemcpyDtoDAsync_v2");
  find(streamCreate, "cuStreamCreate");
  find(streamDestroy, "cuStreamDestroy_v2");
  find(streamSynchronize, "cuStreamSynchronize");
  find(launch, "cuLaunchKernel");
  find(beginCapture, "cuStreamBeginCapture_v2");
  find(endCapture, "cuStreamEndCapture");
  find(graphInstantiate, "cuGraphInstantiateWithFlags");
  find(graphDestroy, "cuGraphDestroy");
  find(graphExecDestroy, "cuGraphExecDestroy");
  find(graphLaunch, "cuGraphLaunch");
  find(deviceGetAttribute, "cuDeviceGetAttribute");
  find(contextRetain, "cuDevicePrimaryCtxRetain");
  find(contextRelease, "cuDevicePrimaryCtxRelease_v2");
  find(contextSetCurrent, "cuCtxSetCurrent");
  start();
}

const HipDriver &HipDriver::get() {
  static const HipDriver driver;
  return driver;
}

HipDriver::HipDriver() : GpuDriver("rocm", "AMD") {
  DynamicLibrary library({"libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so"},
                         "this program runs on an AMD GPU, but there is no ROCm here");
  auto find = [&](auto &function, const char *name) {
    library.find(function, name, "HIP on this machine is too old, that of ROCm 6 is needed");
  };
  find(init, "hipInit");
  find(getVersion, "hipRuntimeGetVersion");
  find(getErrorString, "hipDrvGetErrorString");
  find(deviceGetCount, "hipGetDeviceCount");
  find(deviceGet, "hipDeviceGet");
  find(deviceGetName, "hipDeviceGetName");
  find(moduleLoad, "hipModuleLoadDataEx");
  find(moduleUnload, "hipModuleUnload");
  find(moduleGetFunction, "hipModuleGetFunction");
  find(memoryInfo, "hipMemGetInfo");
  find(allocate, "hipMalloc");
  find(release, "hipFree");
  find(fill, "hipMemsetD8Async");
  find(copyToDevice, "hipMemcpyHtoDAsync");
  find(copyToHost, "hipMemcpyDtoHAsync");
  find(copyOnDevice, "hipMemcpyDtoDAsync");
  find(streamCreate, "hipStreamCreateWithFlags");
  find(streamDestroy, "hipStreamDestroy");
  find(streamSynchronize, "hipStreamSynchronize");
  find(launch, "hipModuleLaunchKernel");
  find(beginCapture, "hipStreamBeginCapture");
  find(endCapture, "hipStreamEndCapture");
  find(graphInstantiate, "hipGraphInstantiateWithFlags");
  find(graphDestroy, "hipGraphDestroy");
  find(graphExecDestroy, "hipGraphExecDestroy");
  find(graphLaunch, "hipGraphLaunch");
  find(getProperties, "hipGetDevicePropertiesR0600");
  find(setDevice, "hipSetDevice");
  start();
}
