// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/// \file
/// The functions of NVIDIA's driver that programs use, found at run time: programs start on machines without
/// it. Names and numbers are those of the driver's documented interface ("CUDA Driver API").
#pragma once

#include <cstddef>
#include <cstdint>

namespace attune::cuda {

using Result = int;
using Address = unsigned long long;
using Handle = void *; ///< context, module, function, stream, graph

inline constexpr Result Success = 0, OutOfMemory = 2, NoDevice = 100;
inline constexpr int ComputeMajor = 75, ComputeMinor = 76;  ///< attributes of a device
inline constexpr int JitErrorLog = 5, JitErrorLogBytes = 6; ///< options of a module
inline constexpr int CaptureRelaxed = 2;
inline constexpr unsigned NonBlocking = 1; ///< a stream apart from the default one

/// Throws attune::Error naming what is missing.
class Driver {
public:
  static const Driver &get();

  /// Throws attune::Error for anything but success.
  void check(Result result, const char *what) const;

  /// What the driver says about a result.
  const char *textOf(Result result) const;

  Result (*cuInit)(unsigned);
  Result (*cuDriverGetVersion)(int *);
  Result (*cuGetErrorString)(Result, const char **);
  Result (*cuDeviceGetCount)(int *);
  Result (*cuDeviceGet)(int *, int);
  Result (*cuDeviceGetName)(char *, int, int);
  Result (*cuDeviceGetAttribute)(int *, int, int);
  Result (*cuDevicePrimaryCtxRetain)(Handle *, int);
  Result (*cuDevicePrimaryCtxRelease_v2)(int);
  Result (*cuCtxSetCurrent)(Handle);
  Result (*cuModuleLoadDataEx)(Handle *, const void *, unsigned, int *, void **);
  Result (*cuModuleUnload)(Handle);
  Result (*cuModuleGetFunction)(Handle *, Handle, const char *);
  Result (*cuMemGetInfo_v2)(size_t *, size_t *);
  Result (*cuMemAlloc_v2)(Address *, size_t);
  Result (*cuMemFree_v2)(Address);
  Result (*cuMemsetD8Async)(Address, unsigned char, size_t, Handle);
  Result (*cuMemcpyHtoDAsync_v2)(Address, const void *, size_t, Handle);
  Result (*cuMemcpyDtoHAsync_v2)(void *, Address, size_t, Handle);
  Result (*cuMemcpyDtoDAsync_v2)(Address, Address, size_t, Handle);
  Result (*cuStreamCreate)(Handle *, unsigned);
  Result (*cuStreamDestroy_v2)(Handle);
  Result (*cuStreamSynchronize)(Handle);
  Result (*cuLaunchKernel)(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                           Handle, void **, void **);
  Result (*cuStreamBeginCapture_v2)(Handle, int);
  Result (*cuStreamEndCapture)(Handle, Handle *);
  Result (*cuGraphInstantiateWithFlags)(Handle *, Handle, unsigned long long);
  Result (*cuGraphDestroy)(Handle);
  Result (*cuGraphExecDestroy)(Handle);
  Result (*cuGraphLaunch)(Handle, Handle);

private:
  Driver();
};

} // namespace attune::cuda
