// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ctime>

namespace attune::cli {

inline double secondsOf(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Seconds on a clock that only goes forward.
inline double now() { return secondsOf(CLOCK_MONOTONIC); }
/// Seconds of processor time that this process has used, all threads together.
inline double cpuNow() { return secondsOf(CLOCK_PROCESS_CPUTIME_ID); }

} // namespace attune::cli
