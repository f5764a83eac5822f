// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/device/CudaDriver.h"
#include "runtime/Error.h"
#include "runtime/device/DynamicLibrary.h"

#include <fmt/format.h>

using namespace attune;
using namespace attune::cuda;

const Driver &Driver::get() {
  static const Driver driver; // tried again if it throws
  return driver;
}

Driver::Driver() {
  DynamicLibrary library("libcuda.so.1",
                         "this program runs on an NVIDIA GPU, but there is no driver for one here");
  constexpr char old[] = "NVIDIA's driver on this machine is too old";
#define ATTUNE_FIND(name) library.find(name, #name, old)
  ATTUNE_FIND(cuInit);
  ATTUNE_FIND(cuDriverGetVersion);
  ATTUNE_FIND(cuGetErrorString);
  ATTUNE_FIND(cuDeviceGetCount);
  ATTUNE_FIND(cuDeviceGet);
  ATTUNE_FIND(cuDeviceGetName);
  ATTUNE_FIND(cuDeviceGetAttribute);
  ATTUNE_FIND(cuDevicePrimaryCtxRetain);
  ATTUNE_FIND(cuDevicePrimaryCtxRelease_v2);
  ATTUNE_FIND(cuCtxSetCurrent);
  ATTUNE_FIND(cuModuleLoadDataEx);
  ATTUNE_FIND(cuModuleUnload);
  ATTUNE_FIND(cuModuleGetFunction);
  ATTUNE_FIND(cuMemGetInfo_v2);
  ATTUNE_FIND(cuMemAlloc_v2);
  ATTUNE_FIND(cuMemFree_v2);
  ATTUNE_FIND(cuMemsetD8Async);
  ATTUNE_FIND(cuMemcpyHtoDAsync_v2);
  ATTUNE_FIND(cuMemcpyDtoHAsync_v2);
  ATTUNE_FIND(cuMemcpyDtoDAsync_v2);
  ATTUNE_FIND(cuStreamCreate);
  ATTUNE_FIND(cuStreamDestroy_v2);
  ATTUNE_FIND(cuStreamSynchronize);
  ATTUNE_FIND(cuLaunchKernel);
  ATTUNE_FIND(cuStreamBeginCapture_v2);
  ATTUNE_FIND(cuStreamEndCapture);
  ATTUNE_FIND(cuGraphInstantiateWithFlags);
  ATTUNE_FIND(cuGraphDestroy);
  ATTUNE_FIND(cuGraphExecDestroy);
  ATTUNE_FIND(cuGraphLaunch);
#undef ATTUNE_FIND
  if (Result result = cuInit(0); result != Success && result != NoDevice)
    check(result, "the driver does not start");
}

const char *Driver::textOf(Result result) const {
  const char *text = nullptr;
  return cuGetErrorString(result, &text) == Success && text ? text : "an error that it does not name";
}

void Driver::check(Result result, const char *what) const {
  if (result != Success)
    throw Error(fmt::format("NVIDIA's driver: {}: {} (error {})", what, textOf(result), result));
}
