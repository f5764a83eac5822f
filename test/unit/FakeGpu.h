// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A library in the place of NVIDIA's driver, built as libcuda.so.1, or of HIP, built as libamdhip64.so.7: its
// device's memory is the host's, its kernels are functions, and it keeps a list of what it was asked for.
#pragma once

#include "runtime/device/DeviceAbi.h"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace attune::test {

struct FakeGpu {
  // What it is to be.
  int version = 12040; ///< of CUDA or HIP, in its numbers
  int devices = 1;
  int major = 8, minor = 6;                    ///< of NVIDIA's chip
  std::string chip = "gfx90a:sramecc+:xnack-"; ///< AMD's
  size_t memory = size_t{1} << 30;
  int blockMemory = 227 << 10;           ///< bytes that a launch may give
  int loadResult = 0, captureResult = 0; ///< 0: success
  std::string loadLog;
  std::span<const AttuneKernel> kernels; ///< that modules hold

  // What has happened.
  std::vector<std::string> calls; ///< "launch step 1x1x1 of 1x1x1", "begin capture", ...
  std::string module;             ///< the latest that was loaded
  size_t taken = 0;               ///< of the memory
  size_t downloaded = 0;          ///< bytes that went to the host
  std::set<std::string> open;     ///< what has not been given back
};

} // namespace attune::test

/// The one of this process.
extern "C" attune::test::FakeGpu *fakeGpu();
