// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/// \file
/// The functions of OpenCL's loader (ICD) that programs use, found at run time, and those of the extension
/// cl_intel_unified_shared_memory, which each platform has of its own. Names and numbers are those of the
/// OpenCL 3.0 and extension specifications.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace attune::opencl {

using Result = int32_t;
using Handle = void *; ///< platform, device, context, queue, program, kernel
using Bits = uint64_t;

inline constexpr Result Success = 0, DeviceNotFound = -1, MemObjectAllocationFailure = -4,
                        OutOfResources = -5, OutOfHostMemory = -6, BuildProgramFailure = -11,
                        InvalidBufferSize = -61;
inline constexpr Bits AllDevices = 0xffffffff;
inline constexpr uint32_t DeviceName = 0x102b, DeviceExtensions = 0x1030, DeviceIlVersion = 0x105b,
                          DeviceTotalMemory = 0x101f, DeviceLargestAllocation = 0x1010;
inline constexpr uint32_t ProgramBuildLog = 0x1183, KernelIndirectAccess = 0x4201;

class Loader {
public:
  /// Throws attune::Error naming what is missing.
  static const Loader &get();

  Result (*clGetPlatformIDs)(uint32_t, Handle *, uint32_t *);
  Result (*clGetDeviceIDs)(Handle, Bits, uint32_t, Handle *, uint32_t *);
  Result (*clGetDeviceInfo)(Handle, uint32_t, size_t, void *, size_t *);
  Handle (*clCreateContext)(const intptr_t *, uint32_t, const Handle *, void *, void *, Result *);
  Result (*clReleaseContext)(Handle);
  Handle (*clCreateCommandQueue)(Handle, Handle, Bits, Result *);
  Result (*clReleaseCommandQueue)(Handle);
  Result (*clFinish)(Handle);
  Handle (*clCreateProgramWithIL)(Handle, const void *, size_t, Result *);
  Result (*clBuildProgram)(Handle, uint32_t, const Handle *, const char *, void *, void *);
  Result (*clGetProgramBuildInfo)(Handle, Handle, uint32_t, size_t, void *, size_t *);
  Result (*clReleaseProgram)(Handle);
  Handle (*clCreateKernel)(Handle, const char *, Result *);
  Result (*clReleaseKernel)(Handle);
  Result (*clSetKernelArg)(Handle, uint32_t, size_t, const void *);
  Result (*clSetKernelExecInfo)(Handle, uint32_t, size_t, const void *);
  Result (*clEnqueueNDRangeKernel)(Handle, Handle, uint32_t, const size_t *, const size_t *, const size_t *,
                                   uint32_t, const Handle *, Handle *);
  void *(*clGetExtensionFunctionAddressForPlatform)(Handle, const char *);

private:
  Loader();
};

/// A device that programs can run on, or what it lacks.
struct Candidate {
  Handle platform = nullptr, device = nullptr;
  std::string name;
  std::string lacks; ///< empty: nothing
};
std::vector<Candidate> findDevices(const Loader &loader);

/// Functions of a platform for addresses of a device's memory.
struct SharedMemory {
  explicit SharedMemory(const Loader &loader, Handle platform);

  void *(*clDeviceMemAllocINTEL)(Handle, Handle, const Bits *, size_t, uint32_t, Result *);
  Result (*clMemFreeINTEL)(Handle, void *);
  Result (*clEnqueueMemcpyINTEL)(Handle, uint32_t, void *, const void *, size_t, uint32_t, const Handle *,
                                 Handle *);
  Result (*clEnqueueMemFillINTEL)(Handle, void *, const void *, size_t, size_t, uint32_t, const Handle *,
                                  Handle *);
  Result (*clSetKernelArgMemPointerINTEL)(Handle, uint32_t, const void *);
};

/// Throws attune::Error for anything but success.
void check(Result result, const std::string &what);

} // namespace attune::opencl
