// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Limits.h"
#include "runtime/cli/Clock.h"
#include "runtime/parallel/KernelWork.h"
#include "runtime/parallel/ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

using namespace attune;
using namespace attune::cli;

namespace {

constexpr int repeats = 5;

/// The best rate of some runs of work that is shared out over all threads.
template <typename Body> double bestRate(double work, int64_t items, Body body) {
  double best = 0;
  for (int i = 0; i < repeats; ++i) {
    double begin = now();
    ThreadPool::process().parallelFor(
        [](int64_t from, int64_t to, void *context) { (*static_cast<Body *>(context))(from, to); }, &body,
        items);
    best = std::max(best, work / (now() - begin));
  }
  return best;
}

double readingRate(std::span<const std::byte> memory) {
  constexpr size_t piece = size_t(1) << 16;
  auto pieces = static_cast<int64_t>(memory.size() / piece);
  if (pieces == 0)
    return 0;
  std::atomic<uint64_t> sink{0};
  int64_t passes = std::max<int64_t>(1, (int64_t(64) << 20) / static_cast<int64_t>(memory.size()));
  auto bytes = static_cast<double>(pieces) * static_cast<double>(passes) * piece;
  return bestRate(bytes, pieces * passes, [&](int64_t from, int64_t to) {
    uint64_t sums[8] = {};
    for (int64_t i = from; i < to; ++i) {
      const std::byte *at = memory.data() + static_cast<size_t>(i % pieces) * piece;
      for (const std::byte *end = at + piece; at < end; at += sizeof(sums)) {
        uint64_t words[8];
        std::memcpy(words, at, sizeof(words));
        for (int lane = 0; lane < 8; ++lane)
          sums[lane] += words[lane];
      }
    }
    for (uint64_t sum : sums)
      sink.fetch_add(sum, std::memory_order_relaxed);
  });
}

/// Of what compiled code has for this: functions of the processor that is in use.
void measureOperations(Limits &limits, std::string_view cpu) {
  for (const AttuneKernelWork *work = __start_attune_work; work != __stop_attune_work; ++work) {
    if (std::string_view(work->kind) != "limit" || work->name != cpu)
      continue;
    int64_t items = ThreadPool::process().threads() * 16;
    double operations = static_cast<double>(work->operationsOfRow * items);
    double rate =
        bestRate(operations, items, [work](int64_t from, int64_t to) { work->body(from, to, nullptr); });
    (work->isInt8 ? limits.int8Operations : limits.operations) = rate;
  }
}

} // namespace

Limits cli::measureLimits(const Program &program) {
  Limits limits;
  limits.bytes = readingRate(program.weights());
  if (program.cpu())
    measureOperations(limits, program.cpu()->name);
  return limits;
}
