// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The functions of GPUs' drivers that programs use, found at run time: programs start on machines without
/// them. AMD's HIP has NVIDIA's functions under names of its own, with the same arguments and numbers, so one
/// table is for both (GpuDevice works with it); what only one of them has stands beside it. Names and numbers
/// are those of the documented interfaces ("CUDA Driver API", "HIP Runtime API").

#ifndef ATTUNE_RUNTIME_DEVICE_GPUDRIVER_H
#define ATTUNE_RUNTIME_DEVICE_GPUDRIVER_H

#include <cstddef>
#include <cstdint>

namespace attune {

class DynamicLibrary;

class GpuDriver {
public:
  using Result = int;
  using Handle = void *; ///< context, module, function, stream, graph
  static constexpr Result Success = 0, OutOfMemory = 2, NoDevice = 100;
  static constexpr int CaptureRelaxed = 2;
  static constexpr unsigned NonBlocking = 1; ///< a stream apart from the default one

  const char *const target; ///< as ATTUNE_DEVICE has it: "cuda", "rocm"
  const char *const maker;  ///< for people: "NVIDIA", "AMD"

  /// Throws attune::Error for anything but success.
  void check(Result result, const char *what) const;

  /// What the driver says about a result.
  const char *textOf(Result result) const;

  Result (*init)(unsigned);
  Result (*getVersion)(int *);
  Result (*getErrorString)(Result, const char **);
  Result (*deviceGetCount)(int *);
  Result (*deviceGet)(int *, int);
  Result (*deviceGetName)(char *, int, int);
  Result (*moduleLoad)(Handle *, const void *, unsigned, int *, void **);
  Result (*moduleUnload)(Handle);
  Result (*moduleGetFunction)(Handle *, Handle, const char *);
  Result (*memoryInfo)(size_t *, size_t *);
  Result (*allocate)(void **, size_t);
  Result (*release)(void *);
  Result (*fill)(void *, unsigned char, size_t, Handle);
  Result (*copyToDevice)(void *, const void *, size_t, Handle);
  Result (*copyToHost)(void *, const void *, size_t, Handle);
  Result (*copyOnDevice)(void *, const void *, size_t, Handle);
  Result (*streamCreate)(Handle *, unsigned);
  Result (*streamDestroy)(Handle);
  Result (*streamSynchronize)(Handle);
  Result (*launch)(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle,
                   void **, void **);
  Result (*beginCapture)(Handle, int);
  Result (*endCapture)(Handle, Handle *);
  Result (*graphInstantiate)(Handle *, Handle, unsigned long long);
  Result (*graphDestroy)(Handle);
  Result (*graphExecDestroy)(Handle);
  Result (*graphLaunch)(Handle, Handle);

protected:
  enum class Names { Cuda, Hip };

  GpuDriver(const char *target, const char *maker) : target(target), maker(maker) {}

  /// Fills the table. Throws attune::Error `old` with what is missing.
  void find(const DynamicLibrary &library, const char *old, Names names);

  /// When the table is filled.
  void start() const;
};

/// Throw attune::Error naming what is missing.
struct CudaDriver : GpuDriver {
  static const CudaDriver &get();

  static constexpr int ComputeMajor = 75, ComputeMinor = 76;  ///< attributes of a device
  static constexpr int JitErrorLog = 5, JitErrorLogBytes = 6; ///< options of a module
  Result (*deviceGetAttribute)(int *, int, int);
  Result (*contextRetain)(Handle *, int);
  Result (*contextRelease)(int);
  Result (*contextSetCurrent)(Handle);

  static constexpr int DynamicMemory = 8; ///< attribute of a function: bytes that a launch may give blocks
  Result (*functionSetAttribute)(Handle, int, int);

  // Of a tensor map.
  static constexpr int Elements16 = 1, NoInterleave = 0, Swizzle32 = 1, Promote256 = 3, FillZeros = 0;
  Result (*encodeTiled)(void *map, int type, uint32_t rank, void *address, const uint64_t *sizes,
                        const uint64_t *strides, const uint32_t *box, const uint32_t *elementStrides,
                        int interleave, int swizzle, int promotion, int fill);

private:
  CudaDriver();
};

struct HipDriver : GpuDriver {
  static const HipDriver &get();

  /// Of ROCm 6 and later (hipDeviceProp_tR0600), as far as it is used.
  struct Properties {
    char name[256];
    char others[904];
    char chip[256]; ///< "gfx90a:sramecc+:xnack-"
    char rest[1024];
  };
  Result (*getProperties)(Properties *, int);
  Result (*setDevice)(int); ///< of the calling thread

private:
  HipDriver();
};

} // namespace attune

#endif // ATTUNE_RUNTIME_DEVICE_GPUDRIVER_H
