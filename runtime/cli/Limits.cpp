// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/Limits.h"
#include "runtime/cli/Clock.h"
#include "runtime/parallel/ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

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

#if defined(__x86_64__)

constexpr int64_t loops = 400000;
constexpr int chains = 12; // enough to hide an instruction's latency

using Wide = float __attribute__((vector_size(64)));
using Narrow = float __attribute__((vector_size(32)));

// Twelve independent chains of an instruction (or of some), `loops` times.
#define ATTUNE_CHAINS(FEATURES, NAME, VECTOR, INSTRUCTIONS)                                                  \
  __attribute__((target(FEATURES))) void NAME(int64_t times) {                                               \
    VECTOR sums[chains] = {}, a = {}, b = {}, scratch = {};                                                  \
    for (int64_t i = 0; i < times; ++i) {                                                                    \
      _Pragma("GCC unroll 12") for (int chain = 0; chain < chains; ++chain) asm volatile(                    \
          INSTRUCTIONS : "+v"(sums[chain]), "+v"(scratch) : "v"(a), "v"(b));                                 \
    }                                                                                                        \
  }
ATTUNE_CHAINS("avx512f", multiplyAddWide, Wide, "vfmadd231ps %2, %3, %0")
ATTUNE_CHAINS("avx512f,avx512vnni", dotWide, Wide, "vpdpbusd %2, %3, %0")
ATTUNE_CHAINS("avx2,fma", multiplyAddNarrow, Narrow, "vfmadd231ps %2, %3, %0")
ATTUNE_CHAINS("avx2,fma", dotNarrow, Narrow,
              "vpmaddubsw %2, %3, %1\n vpmaddwd %2, %1, %1\n vpaddd %1, %0, %0")
ATTUNE_CHAINS("avx2,fma", dotVex, Narrow, "%{vex%} vpdpbusd %2, %3, %0")
#undef ATTUNE_CHAINS

/// `lanes` products and sums an instruction.
double chainRate(void (*chain)(int64_t), double lanes) {
  int64_t items = ThreadPool::process().threads() * 4;
  double work = 2 * lanes * chains * static_cast<double>(loops) * static_cast<double>(items);
  return bestRate(work, items, [chain](int64_t from, int64_t to) { chain((to - from) * loops); });
}

void measureOperations(Limits &limits) {
  if (__builtin_cpu_supports("avx512f"))
    limits.operations = chainRate(multiplyAddWide, 16);
  else if (__builtin_cpu_supports("fma"))
    limits.operations = chainRate(multiplyAddNarrow, 8);
  if (__builtin_cpu_supports("avx512vnni"))
    limits.int8Operations = chainRate(dotWide, 64);
  else if (__builtin_cpu_supports("avxvnni"))
    limits.int8Operations = chainRate(dotVex, 32);
  else if (__builtin_cpu_supports("avx2"))
    limits.int8Operations = chainRate(dotNarrow, 32);
}

#else

void measureOperations(Limits &) {}

#endif

} // namespace

Limits cli::measureLimits(std::span<const std::byte> memory) {
  Limits limits;
  limits.bytes = readingRate(memory);
  measureOperations(limits);
  return limits;
}
