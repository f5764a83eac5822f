// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/parallel/KernelWork.h"
#include "runtime/parallel/ThreadPool.h"

#include <chrono>
#include <span>
#include <unordered_map>
#include <vector>

namespace attune {

/// Counts, from construction to end(), what the process's launches of kernels take. One at a time.
class Profile final : LaunchObserver {
public:
  struct Kernel {
    const AttuneKernelWork *work; ///< null: nothing is known of it
    int64_t launches = 0;
    double seconds = 0;     ///< between a launch and the end of its last thread
    double busySeconds = 0; ///< of all threads together
    double bytes = 0, operations = 0;
  };

  /// Kernels that are not in the table count as one that nothing is known of.
  explicit Profile(std::span<const AttuneKernelWork> table = ownKernels());
  ~Profile() { end(); }
  Profile(const Profile &) = delete;
  Profile &operator=(const Profile &) = delete;

  void end();

  /// Kernels that ran, the longest first.
  std::vector<Kernel> kernels() const;
  /// From construction to end().
  double seconds() const { return total; }

  /// Those linked into this program.
  static std::span<const AttuneKernelWork> ownKernels();

private:
  using Clock = std::chrono::steady_clock;

  void launch(ThreadPool &pool, ThreadPool::Body body, void *context, int64_t count) override;

  std::unordered_map<ThreadPool::Body, Kernel> counts;
  Clock::time_point began;
  double total = 0;
  bool running = true;
};

} // namespace attune
