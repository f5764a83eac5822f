// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/parallel/ThreadPool.h"

#include "runtime/Error.h"
#include "runtime/parallel/Cores.h"
#include "runtime/parallel/Profile.h"

#include <chrono>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <numeric>
#include <sys/wait.h>
#include <unistd.h>

using attune::ThreadPool;

namespace {

/// Counts how often each index was visited.
struct Visits {
  std::vector<std::atomic<int>> of;
  explicit Visits(int64_t count) : of(count) {}

  static void body(int64_t begin, int64_t end, void *context) {
    for (int64_t i = begin; i < end; ++i)
      static_cast<Visits *>(context)->of[i].fetch_add(1, std::memory_order_relaxed);
  }
  bool allAre(int expected) const {
    return std::all_of(of.begin(), of.end(), [&](const auto &visits) { return visits == expected; });
  }
};

void countCalls(int64_t, int64_t, void *context) { ++*static_cast<std::atomic<int> *>(context); }

TEST(ThreadPool, VisitsEveryIndexOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int64_t count : {0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 100, 1000, 4097}) {
      Visits visits(count);
      pool.parallelFor(Visits::body, &visits, count);
      EXPECT_TRUE(visits.allAre(1)) << threads << " threads, count " << count;
    }
  }
}

TEST(ThreadPool, NegativeAndZeroCountsCallNothing) {
  ThreadPool pool(2);
  std::atomic<int> calls{0};
  pool.parallelFor(countCalls, &calls, 0);
  pool.parallelFor(countCalls, &calls, -5);
  EXPECT_EQ(calls, 0);
}

TEST(ThreadPool, HugeCountsDoNotOverflow) {
  struct Context {
    std::atomic<int64_t> largestEnd{0}, smallestBegin{INT64_MAX}, sum{0};
  } context;
  ThreadPool pool(3);
  pool.parallelFor(
      [](int64_t begin, int64_t end, void *opaque) {
        auto &context = *static_cast<Context *>(opaque);
        context.sum += end - begin;
        for (int64_t seen = context.largestEnd;
             seen < end && !context.largestEnd.compare_exchange_weak(seen, end);) {
        }
        for (int64_t seen = context.smallestBegin;
             seen > begin && !context.smallestBegin.compare_exchange_weak(seen, begin);) {
        }
      },
      &context, INT64_MAX);
  EXPECT_EQ(context.smallestBegin, 0);
  EXPECT_EQ(context.largestEnd, INT64_MAX);
  EXPECT_EQ(context.sum, INT64_MAX);
}

TEST(ThreadPool, RangesShrinkToSingleItems) {
  struct Context {
    std::mutex mutex;
    std::map<int64_t, int64_t> ranges; // begin to end
  } context;
  ThreadPool pool(2);
  pool.parallelFor(
      [](int64_t begin, int64_t end, void *opaque) {
        auto &context = *static_cast<Context *>(opaque);
        std::lock_guard lock(context.mutex);
        context.ranges[begin] = end;
      },
      &context, 1000);
  int64_t next = 0, last = 250; // of 1000, half of a thread's share
  for (auto [begin, end] : context.ranges) {
    EXPECT_EQ(begin, next);
    EXPECT_LE(end - begin, last);
    next = end;
    last = end - begin;
  }
  EXPECT_EQ(next, 1000);
  EXPECT_EQ(last, 1);
}

TEST(ThreadPool, JobsFollowEachOtherWithoutMixing) {
  // Jobs of changing size and context, back to back: a worker that is late for one must not touch the next.
  ThreadPool pool(4);
  std::vector<Visits> visits;
  for (int64_t count : {2, 64, 5, 300})
    visits.emplace_back(count);
  constexpr int Rounds = 5000;
  for (int round = 0; round < Rounds; ++round)
    for (Visits &job : visits)
      pool.parallelFor(Visits::body, &job, static_cast<int64_t>(job.of.size()));
  for (const Visits &job : visits)
    EXPECT_TRUE(job.allAre(Rounds));
}

TEST(ThreadPool, WritesOfWorkersAreVisibleAfterwards) {
  ThreadPool pool(2);
  std::vector<int64_t> plain(10000); // not atomic: only the join orders these writes before the reads below
  for (int round = 1; round <= 20; ++round) {
    pool.parallelFor(
        [](int64_t begin, int64_t end, void *context) {
          auto &plain = *static_cast<std::vector<int64_t> *>(context);
          for (int64_t i = begin; i < end; ++i)
            plain[i] += i;
        },
        &plain, static_cast<int64_t>(plain.size()));
    EXPECT_EQ(std::accumulate(plain.begin(), plain.end(), int64_t(0)), round * 9999 * 5000LL);
  }
}

TEST(ThreadPool, WorkersTakePart) {
  struct Context {
    std::atomic<int> inside{0};
    std::atomic<bool> met{false};
  } context;
  ThreadPool pool(2);
  // Each of two ranges waits until the other is running too, which one thread alone can never see.
  pool.parallelFor(
      [](int64_t, int64_t, void *opaque) {
        auto &context = *static_cast<Context *>(opaque);
        ++context.inside;
        auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!context.met && std::chrono::steady_clock::now() < deadline)
          if (context.inside == 2)
            context.met = true;
      },
      &context, 2);
  EXPECT_TRUE(context.met);
}

TEST(ThreadPool, NestedCallsRunInlineAndCoverEverything) {
  struct Context {
    ThreadPool &pool;
    Visits visits{600};
    std::atomic<int> innerCalls{0};
  };
  ThreadPool pool(3);
  Context context{pool};
  pool.parallelFor(
      [](int64_t begin, int64_t end, void *opaque) {
        for (int64_t i = begin; i < end; ++i) {
          struct Inner {
            Context &outer;
            int64_t row;
          } inner{*static_cast<Context *>(opaque), i};
          inner.outer.pool.parallelFor(
              [](int64_t begin, int64_t end, void *opaque) {
                auto &inner = *static_cast<Inner *>(opaque);
                ++inner.outer.innerCalls;
                Visits::body(inner.row * 30 + begin, inner.row * 30 + end, &inner.outer.visits);
              },
              &inner, 30);
        }
      },
      &context, 20);
  EXPECT_TRUE(context.visits.allAre(1));
  EXPECT_EQ(context.innerCalls, 20) << "a nested call is one range on the thread that makes it";
}

TEST(ThreadPool, ConcurrentCallersBothFinish) {
  ThreadPool pool(2);
  Visits first(997), second(1009);
  constexpr int Rounds = 500;
  auto callOften = [&](Visits &visits) {
    for (int round = 0; round < Rounds; ++round)
      pool.parallelFor(Visits::body, &visits, static_cast<int64_t>(visits.of.size()));
  };
  std::thread other([&] { callOften(first); });
  callOften(second);
  other.join();
  EXPECT_TRUE(first.allAre(Rounds));
  EXPECT_TRUE(second.allAre(Rounds));
}

TEST(ThreadPool, SleepingWorkersWake) {
  ThreadPool pool(3);
  Visits visits(50);
  for (int round = 1; round <= 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(15)); // longer than workers stay awake
    pool.parallelFor(Visits::body, &visits, 50);
    EXPECT_TRUE(visits.allAre(round));
  }
}

TEST(ThreadPool, IdleWorkersUseNoTime) {
  ThreadPool pool(4);
  Visits visits(50);
  pool.parallelFor(Visits::body, &visits, 50);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  auto before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  double busyMilliseconds = 1000.0 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(busyMilliseconds, 30) << "three spinning workers would have used 900 ms";
}

TEST(ThreadPool, SetThreadsChangesTheNumber) {
  ThreadPool pool(2);
  for (int threads : {1, 4, 4, 2, 1, 3}) {
    pool.setThreads(threads);
    EXPECT_EQ(pool.threads(), threads);
    Visits visits(321);
    pool.parallelFor(Visits::body, &visits, 321);
    EXPECT_TRUE(visits.allAre(1));
  }
}

TEST(ThreadPool, BadThreadNumbersAreNamed) {
  ThreadPool pool(1);
  for (int threads : {0, -1, 1025}) {
    try {
      pool.setThreads(threads);
      FAIL() << threads;
    } catch (const attune::Error &error) {
      EXPECT_EQ(error.what(), fmt::format("threads: {} is outside the allowed range 1 to 1024", threads));
    }
  }
  EXPECT_THROW(ThreadPool(0), attune::Error);
}

TEST(ThreadPool, SetThreadsInsideAJobIsAnError) {
  struct Context {
    ThreadPool &pool;
    std::atomic<int> refused{0};
  };
  ThreadPool pool(2);
  Context context{pool};
  pool.parallelFor(
      [](int64_t, int64_t, void *opaque) {
        auto &context = *static_cast<Context *>(opaque);
        try {
          context.pool.setThreads(3);
        } catch (const attune::Error &) {
          ++context.refused;
        }
      },
      &context, 2);
  EXPECT_EQ(context.refused, 2);
  EXPECT_EQ(pool.threads(), 2);
}

TEST(ThreadPool, AForkedChildStillComputes) {
  ThreadPool pool(2);
  Visits visits(100);
  pool.parallelFor(Visits::body, &visits, 100);
  pid_t child = fork();
  if (child == 0) {
    pool.parallelFor(Visits::body, &visits, 100);
    _exit(visits.allAre(2) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(ThreadPool, TheCFunctionUsesTheProcessPool) {
  EXPECT_EQ(ThreadPool::process().threads(), attune::usableCores());
  Visits visits(1000);
  attune_parallel_for(Visits::body, &visits, 1000);
  EXPECT_TRUE(visits.allAre(1));
}

/// Not a test: prints the cost of a job in which every thread takes part (each waits for the others, or else
/// the caller would have done all of an empty job before a worker sees it). Run with
/// --gtest_also_run_disabled_tests.
TEST(ThreadPool, DISABLED_ForkJoinCost) {
  for (int threads = 1; threads <= attune::usableCores(); ++threads) {
    struct Context {
      int threads;
      std::atomic<int> arrived{0};
    } context{threads};
    ThreadPool pool(threads);
    double best = 1e9, total = 0;
    constexpr int Repeats = 50, Jobs = 10000;
    for (int repeat = 0; repeat < Repeats; ++repeat) {
      auto begin = std::chrono::steady_clock::now();
      for (int job = 0; job < Jobs; ++job) {
        context.arrived.store(0, std::memory_order_relaxed);
        pool.parallelFor(
            [](int64_t begin, int64_t end, void *opaque) {
              auto &context = *static_cast<Context *>(opaque);
              context.arrived += static_cast<int>(end - begin);
              while (context.arrived.load(std::memory_order_relaxed) < context.threads) {
              }
            },
            &context, threads);
      }
      std::chrono::duration<double, std::micro> elapsed = std::chrono::steady_clock::now() - begin;
      best = std::min(best, elapsed.count() / Jobs);
      total += elapsed.count() / Jobs;
    }
    fmt::print("{} threads: {:.3f} us per fork and join (mean {:.3f} us)\n", threads, best, total / Repeats);
  }
}

/// Arguments as compiled code leaves them, for the tests of profiles.
struct Arguments {
  std::atomic<int> calls{0};
  int64_t rows;
  const int32_t (*batch)[3];

  static void count(int64_t begin, int64_t end, void *self) {
    static_cast<Arguments *>(self)->calls += static_cast<int>(end - begin);
  }
};

AttuneKernelWork workOnRows() {
  AttuneKernelWork work{};
  work.body = Arguments::count, work.kind = "linear", work.name = "head";
  work.weightBytes = 1000, work.weightBytesOfRow = 300;
  work.bytesOfRow = 10, work.operationsOfRow = 7;
  work.rowsAt = offsetof(Arguments, rows), work.batchAt = -1;
  return work;
}

TEST(Profile, CountsWhatLaunchesCost) {
  AttuneKernelWork work = workOnRows();
  Arguments arguments;
  attune::Profile profile({&work, 1});
  for (int64_t rows : {2, 5}) { // the second one needs all of the weights
    arguments.rows = rows;
    attune_parallel_for(Arguments::count, &arguments, 3);
  }
  profile.end();
  attune_parallel_for(Arguments::count, &arguments, 3); // not counted any more
  EXPECT_EQ(arguments.calls, 9);
  std::vector<attune::Profile::Kernel> kernels = profile.kernels();
  ASSERT_EQ(kernels.size(), 1u);
  EXPECT_EQ(kernels[0].launches, 2);
  EXPECT_EQ(kernels[0].bytes, 600 + 1000 + 7 * 10);
  EXPECT_EQ(kernels[0].operations, 7 * 7);
  EXPECT_GT(kernels[0].seconds, 0);
  EXPECT_LE(kernels[0].seconds, profile.seconds());
}

TEST(Profile, CountsKeysOfEachSequenceOnce) {
  AttuneKernelWork work = workOnRows();
  work.weightBytes = work.bytesOfRow = work.operationsOfRow = 0;
  work.bytesOfKey = 1, work.operationsOfKey = 1;
  work.batchAt = offsetof(Arguments, batch);
  const int32_t batch[4][3] = {{4, 0, 6}, {5, 0, 6}, {0, 16, 1}, {9, 32, 10}};
  Arguments arguments;
  arguments.rows = 4, arguments.batch = batch;
  auto countOf = [&] {
    attune::Profile profile({&work, 1});
    attune_parallel_for(Arguments::count, &arguments, 1);
    profile.end();
    return std::pair(profile.kernels()[0].bytes, profile.kernels()[0].operations);
  };
  EXPECT_EQ(countOf(), std::pair(6.0 + 1 + 10, 6.0 + 6 + 1 + 10));
  work.isCausal = 1;
  EXPECT_EQ(countOf(), std::pair(6.0 + 1 + 10, 5.0 + 6 + 1 + 10));
  work.window = 2;
  EXPECT_EQ(countOf(), std::pair(3.0 + 1 + 2, 2.0 + 2 + 1 + 2));
  work.window = 0, work.chunk = 5;
  EXPECT_EQ(countOf(), std::pair(6.0 + 1 + 5, 5.0 + 1 + 1 + 5));
}

TEST(Profile, KernelsThatNothingIsKnownOf) {
  Arguments arguments;
  attune::Profile profile({});
  attune_parallel_for(Arguments::count, &arguments, 5);
  attune_parallel_for(Arguments::count, &arguments, 0);
  profile.end();
  EXPECT_EQ(arguments.calls, 5);
  ASSERT_EQ(profile.kernels().size(), 1u);
  EXPECT_EQ(profile.kernels()[0].work, nullptr);
  EXPECT_EQ(profile.kernels()[0].launches, 1);
}

} // namespace
