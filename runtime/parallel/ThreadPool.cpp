// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/parallel/ThreadPool.h"

#include "runtime/Error.h"
#include "runtime/parallel/Cores.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

namespace attune {

namespace {

constexpr int SpinsBeforeYield = 20000;
/// A claim takes this part of a thread's share of what is left: large ranges first, single items at the end,
/// when none should wait long for another.
constexpr int ClaimsPerShare = 2;
constexpr int64_t MaxUnits = int64_t(1) << 31;
constexpr auto IdleBeforeSleep = std::chrono::milliseconds(2);

void pauseCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint32_t jobOf(uint64_t ticket) { return static_cast<uint32_t>(ticket >> 32); }
uint32_t leftOf(uint64_t ticket) { return static_cast<uint32_t>(ticket); }
uint64_t makeTicket(uint32_t job, uint32_t units) { return uint64_t(job) << 32 | units; }

void checkThreads(int threads) {
  if (threads < 1 || threads > ThreadPool::MaxThreads)
    throw Error(
        fmt::format("threads: {} is outside the allowed range 1 to {}", threads, ThreadPool::MaxThreads));
}

} // namespace

ThreadPool &ThreadPool::process() {
  static ThreadPool pool(std::min(usableCores(), MaxThreads));
  return pool;
}

ThreadPool::ThreadPool(int threads) {
  checkThreads(threads);
  start(threads);
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::setThreads(int threads) {
  checkThreads(threads);
  if (busy.exchange(true, std::memory_order_acquire))
    throw Error("threads: the number cannot change while a parallel job is running");
  if (threads != this->threads()) {
    stop();
    start(threads);
  }
  busy.store(false, std::memory_order_release);
}

void ThreadPool::start(int threads) {
  ownerProcess = getpid();
  workers.reserve(threads - 1);
  try {
    for (int i = 1; i < threads; ++i)
      workers.emplace_back([this] { work(); });
  } catch (const std::system_error &) {
    // The system grants no more threads: go on with those that there are.
  }
  threadCount.store(static_cast<int>(workers.size()) + 1, std::memory_order_relaxed);
}

void ThreadPool::stop() {
  if (ownerProcess != getpid()) {
    // After fork() the threads exist in the parent alone. There is nothing to join, and destroying them would
    // abort.
    new std::vector<std::thread>(std::move(workers));
    workers.clear();
    return;
  }
  stopping.store(true, std::memory_order_relaxed);
  publish(0);
  for (std::thread &worker : workers)
    worker.join();
  workers.clear();
  stopping.store(false, std::memory_order_relaxed);
}

void ThreadPool::parallelFor(Body body, void *context, int64_t count) {
  if (count <= 0)
    return;
  int64_t threads = this->threads();
  if (count == 1 || threads == 1 || busy.exchange(true, std::memory_order_acquire)) {
    body(0, count, context);
    return;
  }
  int64_t unit = 1 + count / MaxUnits; // one item, but for jobs that no program has
  auto units = static_cast<uint32_t>(count / unit + (count % unit != 0));
  jobBody.store(body, std::memory_order_relaxed);
  jobContext.store(context, std::memory_order_relaxed);
  jobCount.store(count, std::memory_order_relaxed);
  jobUnit.store(unit, std::memory_order_relaxed);
  jobUnits.store(units, std::memory_order_relaxed);
  unfinished.store(units, std::memory_order_relaxed);
  publish(units);
  runRanges(jobOf(ticket.load(std::memory_order_relaxed)));
  awaitRanges();
  busy.store(false, std::memory_order_release);
}

/// Makes the job's fields visible and wakes those asleep. The store of the ticket and the load of `sleepers`,
/// here and in sleepUntilJobAfter the other way round, are sequentially consistent: one side sees the other.
void ThreadPool::publish(uint32_t units) {
  uint32_t job = jobOf(ticket.load(std::memory_order_relaxed)) + 1;
  ticket.store(makeTicket(job, units), std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) == 0)
    return;
  {
    std::lock_guard lock(sleepMutex);
  } // a worker between its check and its wait holds the mutex
  wake.notify_all();
}

void ThreadPool::work() {
  uint32_t done = jobOf(ticket.load(std::memory_order_acquire));
  // A job published while this thread started is not missed: it counts as done only if nothing of it is left.
  runRanges(done);
  while (!stopping.load(std::memory_order_relaxed)) {
    done = jobOf(awaitJobAfter(done));
    runRanges(done);
  }
}

ThreadPool::Ticket ThreadPool::awaitJobAfter(uint32_t job) {
  for (int spin = 0; spin < SpinsBeforeYield; ++spin) {
    Ticket now = ticket.load(std::memory_order_acquire);
    if (jobOf(now) != job)
      return now;
    pauseCpu();
  }
  auto deadline = std::chrono::steady_clock::now() + IdleBeforeSleep;
  while (std::chrono::steady_clock::now() < deadline) {
    Ticket now = ticket.load(std::memory_order_acquire);
    if (jobOf(now) != job)
      return now;
    std::this_thread::yield();
  }
  return sleepUntilJobAfter(job);
}

ThreadPool::Ticket ThreadPool::sleepUntilJobAfter(uint32_t job) {
  std::unique_lock lock(sleepMutex);
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  Ticket now;
  wake.wait(lock, [&] {
    now = ticket.load(std::memory_order_seq_cst);
    return jobOf(now) != job;
  });
  sleepers.fetch_sub(1, std::memory_order_relaxed);
  return now;
}

/// Claims and runs ranges of this job until none is left. The fields may be read too early or too late, while
/// they belong to another job, but then the claim fails: a claim that succeeds proves that the job was
/// unfinished, and its fields unchanged, since the ticket was read.
void ThreadPool::runRanges(uint32_t job) {
  const auto share = static_cast<uint32_t>(ClaimsPerShare * threads());
  uint32_t finished = 0;
  Ticket now = ticket.load(std::memory_order_acquire);
  while (jobOf(now) == job && leftOf(now) != 0) {
    Body body = jobBody.load(std::memory_order_relaxed);
    void *context = jobContext.load(std::memory_order_relaxed);
    int64_t count = jobCount.load(std::memory_order_relaxed), unit = jobUnit.load(std::memory_order_relaxed);
    uint32_t units = jobUnits.load(std::memory_order_relaxed), left = leftOf(now);
    uint32_t claimed = std::max(1U, left / share);
    if (!ticket.compare_exchange_weak(now, now - claimed, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
      continue;
    int64_t begin = int64_t(units - left) * unit;
    body(begin, begin + std::min(claimed * unit, count - begin), context);
    finished += claimed;
    now = ticket.load(std::memory_order_acquire);
  }
  if (finished)
    unfinished.fetch_sub(finished, std::memory_order_acq_rel);
}

void ThreadPool::awaitRanges() {
  for (int spin = 0; unfinished.load(std::memory_order_acquire) != 0; ++spin) {
    if (spin < SpinsBeforeYield)
      pauseCpu();
    else
      std::this_thread::yield();
  }
}

} // namespace attune

extern "C" void attune_parallel_for(void (*body)(int64_t, int64_t, void *), void *context, int64_t count) {
  attune::ThreadPool &pool = attune::ThreadPool::process();
  if (attune::LaunchObserver *observer = attune::LaunchObserver::current.load(std::memory_order_relaxed))
      [[unlikely]] {
    if (count > 0)
      observer->launch(pool, body, context, count);
    return;
  }
  pool.parallelFor(body, context, count);
}
