// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Limits.h"
#include "runtime/cli/Clock.h"
#include "runtime/parallel/Profile.h"
#include "runtime/parallel/ThreadPool.h"

#include <algorithm>
#include <string_view>

using namespace attune;
using namespace attune::cli;

namespace {

constexpr int repeats = 5;

/// The best of some runs.
template <typename Body> double bestRate(double work, Body body) {
  double best = 0;
  for (int i = 0; i < repeats; ++i) {
    double begin = now();
    body();
    best = std::max(best, work / (now() - begin));
  }
  return best;
}

/// Each row of the work is a piece of the memory, which is read again and again where it is small.
double readingRate(const AttuneKernelWork &work, std::span<const std::byte> memory) {
  auto pieces = static_cast<int64_t>(memory.size()) / work.bytesOfRow;
  if (pieces == 0)
    return 0;
  int64_t bytes = pieces * work.bytesOfRow, passes = std::max<int64_t>(1, (int64_t(64) << 20) / bytes);
  return bestRate(static_cast<double>(bytes * passes), [&] {
    for (int64_t i = 0; i < passes; ++i)
      ThreadPool::process().parallelFor(work.body, const_cast<std::byte *>(memory.data()), pieces);
  });
}

double operationRate(const AttuneKernelWork &work) {
  int64_t rows = ThreadPool::process().threads() * 256; // some milliseconds: threads have to wake up
  return bestRate(static_cast<double>(work.operationsOfRow * rows),
                  [&] { ThreadPool::process().parallelFor(work.body, nullptr, rows); });
}

} // namespace

Limits cli::measureLimits(const Program &program) {
  Limits limits;
  for (const AttuneKernelWork &work : Profile::ownKernels()) {
    if (std::string_view(work.kind) != "limit" || !program.cpu() || work.name != program.cpu()->name)
      continue;
    if (work.bytesOfRow)
      limits.bytes = readingRate(work, program.weights());
    else
      (work.isInt8 ? limits.int8Operations : limits.operations) = operationRate(work);
  }
  return limits;
}
