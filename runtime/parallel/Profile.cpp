// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/parallel/Profile.h"

#include <algorithm>
#include <cstring>

using namespace attune;

namespace {

using Clock = std::chrono::steady_clock;

double secondsBetween(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// A body that notes how long threads are in it.
struct TimedBody {
  ThreadPool::Body body;
  void *context;
  std::atomic<int64_t> nanoseconds{0};

  static void run(int64_t begin, int64_t end, void *self) {
    auto &timed = *static_cast<TimedBody *>(self);
    Clock::time_point from = Clock::now();
    timed.body(begin, end, timed.context);
    auto taken = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - from);
    timed.nanoseconds.fetch_add(taken.count(), std::memory_order_relaxed);
  }
};

template <typename T> T readAt(const void *context, int64_t offset) {
  T value;
  std::memcpy(&value, static_cast<const char *>(context) + offset, sizeof(value));
  return value;
}

/// Keys that are read, and pairs of a row and a key that it sees.
struct KeyCounts {
  double read = 0, seen = 0;
};

/// Rows of one sequence follow one another: what they see together is read once.
KeyCounts countKeys(const AttuneKernelWork &work, const int32_t (*batch)[3], int64_t rows) {
  KeyCounts counts;
  for (int64_t row = 0; row < rows;) {
    int64_t lowest = INT64_MAX, highest = 0, first = batch[row][1];
    for (; row < rows && batch[row][1] == first; ++row) {
      int64_t position = batch[row][0], low = 0, high = batch[row][2];
      if (work.isCausal)
        high = std::min(high, position + 1);
      if (work.window) {
        low = std::max(low, position + 1 - work.window);
        high = std::min(high, position + work.window);
      }
      if (work.chunk) {
        low = std::max(low, position / work.chunk * work.chunk);
        high = std::min(high, (position / work.chunk + 1) * work.chunk);
      }
      lowest = std::min(lowest, low);
      highest = std::max(highest, high);
      counts.seen += static_cast<double>(std::max<int64_t>(high - low, 0));
    }
    counts.read += static_cast<double>(std::max<int64_t>(highest - lowest, 0));
  }
  return counts;
}

void addWork(Profile::Kernel &kernel, const void *context) {
  const AttuneKernelWork &work = *kernel.work;
  int64_t rows = work.rowsAt < 0 ? 1 : readAt<int64_t>(context, work.rowsAt);
  auto count = static_cast<double>(rows);
  kernel.bytes +=
      std::min(static_cast<double>(work.weightBytes), static_cast<double>(work.weightBytesOfRow) * count) +
      static_cast<double>(work.bytesOfRow) * count;
  kernel.operations += static_cast<double>(work.operationsOfRow) * count;
  if (work.batchAt < 0)
    return;
  KeyCounts keys = countKeys(work, readAt<const int32_t (*)[3]>(context, work.batchAt), rows);
  kernel.bytes += static_cast<double>(work.bytesOfKey) * keys.read;
  kernel.operations += static_cast<double>(work.operationsOfKey) * keys.seen;
}

} // namespace

std::span<const AttuneKernelWork> Profile::ownKernels() { return {__start_attune_work, __stop_attune_work}; }

Profile::Profile(std::span<const AttuneKernelWork> table) {
  for (const AttuneKernelWork &work : table)
    counts.try_emplace(work.body, Kernel{&work});
  began = Clock::now();
  LaunchObserver::current.store(this, std::memory_order_relaxed);
}

void Profile::end() {
  if (!running)
    return;
  running = false;
  LaunchObserver::current.store(nullptr, std::memory_order_relaxed);
  total = secondsBetween(began, Clock::now());
}

void Profile::launch(ThreadPool &pool, ThreadPool::Body body, void *context, int64_t count) {
  Kernel &kernel = counts.try_emplace(body, Kernel{nullptr}).first->second;
  if (kernel.work)
    addWork(kernel, context);
  TimedBody timed{body, context};
  Clock::time_point from = Clock::now();
  pool.parallelFor(TimedBody::run, &timed, count);
  kernel.seconds += secondsBetween(from, Clock::now());
  kernel.busySeconds += static_cast<double>(timed.nanoseconds.load()) * 1e-9;
  ++kernel.launches;
}

std::vector<Profile::Kernel> Profile::kernels() const {
  std::vector<Kernel> ran;
  for (const auto &[body, kernel] : counts)
    if (kernel.launches)
      ran.push_back(kernel);
  std::ranges::sort(ran, [](const Kernel &a, const Kernel &b) { return a.seconds > b.seconds; });
  return ran;
}
