// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

extern "C" {
/// Calls body(begin, end, context) over disjoint ranges that cover [0, count), on the threads of the
/// process-wide pool, and returns when all have run. The body must not throw. This is what parallel regions
/// of compiled code call.
void attune_parallel_for(void (*body)(int64_t begin, int64_t end, void *context), void *context,
                         int64_t count);
}

namespace attune {

/// A fork-join pool: the caller works along with `threads() - 1` workers.
///
/// Ranges are claimed in order from one atomic counter, each a part of what is left ("guided
/// self-scheduling", Polychronopoulos and Kuck, 1987), so a thread that the system holds up delays only what
/// it has claimed, and items that take longer the further on they are, as tokens of a prompt in attention,
/// end together. Between jobs the workers spin, then yield, then sleep: back-to-back jobs cost well under a
/// microsecond to start, an idle program burns nothing. No call allocates.
class ThreadPool {
public:
  using Body = void (*)(int64_t begin, int64_t end, void *context);
  static constexpr int MaxThreads = 1024;

  /// The pool behind attune_parallel_for, made on first use with one thread per usable physical core.
  static ThreadPool &process();

  /// `threads` >= 1 counts the caller. Throws attune::Error if it is outside 1..MaxThreads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return threadCount.load(std::memory_order_relaxed); }

  /// Changes the number of threads. Throws attune::Error if `threads` is outside 1..MaxThreads or a job is
  /// running.
  void setThreads(int threads);

  /// As attune_parallel_for. Runs as one range on the calling thread if there is one thread or one item, or
  /// if the pool is busy: with the job that this call is nested in, or with another caller's.
  void parallelFor(Body body, void *context, int64_t count);

private:
  /// State of the current job in one word, so that claiming is one compare-and-swap that fails if the job is
  /// over: bits 0-31 how many units are left to claim, 32-63 the job's number.
  using Ticket = uint64_t;

  void start(int threads);
  void stop();
  void work();
  Ticket awaitJobAfter(uint32_t job);
  Ticket sleepUntilJobAfter(uint32_t job);
  void publish(uint32_t units);
  void runRanges(uint32_t job);
  void awaitRanges();

  // Written by the caller before a job is published, read by workers; one cache line with the ticket.
  alignas(64) std::atomic<Ticket> ticket{0};
  std::atomic<Body> jobBody{nullptr};
  std::atomic<void *> jobContext{nullptr};
  std::atomic<int64_t> jobCount{0};
  std::atomic<int64_t> jobUnit{1}; // items that are claimed together at least
  std::atomic<uint32_t> jobUnits{0};
  std::atomic<bool> stopping{false};

  // Units of the current job that have not finished; apart from the ticket because every worker writes it.
  alignas(64) std::atomic<uint32_t> unfinished{0};

  alignas(64) std::atomic<bool> busy{false};
  std::atomic<int> sleepers{0};
  std::atomic<int> threadCount{1};
  std::mutex sleepMutex;
  std::condition_variable wake;
  std::vector<std::thread> workers;
  int ownerProcess = 0; // a forked child has no workers to stop
};

/// What attune_parallel_for calls in the place of the process's pool, while there is one: to measure
/// launches.
class LaunchObserver {
public:
  /// Runs the launch as ThreadPool::parallelFor does.
  virtual void launch(ThreadPool &pool, ThreadPool::Body body, void *context, int64_t count) = 0;

  static inline std::atomic<LaunchObserver *> current{nullptr};

protected:
  ~LaunchObserver() = default;
};

} // namespace attune
