// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/program/CpuFeatures.h"

#if defined(__aarch64__)

#include <algorithm>
#include <sys/auxv.h>

using namespace attune;

namespace {

/// A feature as a bit of what the kernel tells each process (Linux, Documentation/arch/arm64/elf_hwcaps.rst).
struct Feature {
  std::string_view name;
  unsigned long word;
  int bit;
};

// The latest of them are not in every libc's headers, so all are numbers.
constexpr Feature features[] = {
    {"fp-armv8", AT_HWCAP, 0},   {"neon", AT_HWCAP, 1},   {"aes", AT_HWCAP, 3},
    {"sha2", AT_HWCAP, 6},       {"crc", AT_HWCAP, 7},    {"lse", AT_HWCAP, 8},
    {"fullfp16", AT_HWCAP, 10},  {"rdm", AT_HWCAP, 12},   {"jsconv", AT_HWCAP, 13},
    {"complxnum", AT_HWCAP, 14}, {"rcpc", AT_HWCAP, 15},  {"sha3", AT_HWCAP, 17},
    {"dotprod", AT_HWCAP, 20},   {"sve", AT_HWCAP, 22},   {"fp16fml", AT_HWCAP, 23},
    {"flagm", AT_HWCAP, 27},     {"sve2", AT_HWCAP2, 1},  {"fptoint", AT_HWCAP2, 8},
    {"i8mm", AT_HWCAP2, 13},     {"bf16", AT_HWCAP2, 14}, {"cssc", AT_HWCAP2, 34},
    {"sve2p1", AT_HWCAP2, 36},   {"mops", AT_HWCAP2, 43},
};

bool has(std::string_view name) {
  auto feature = std::ranges::find(features, name, &Feature::name);
  return feature != std::end(features) && (getauxval(feature->word) >> feature->bit & 1);
}

} // namespace

std::vector<std::string> attune::missingCpuFeatures(std::span<const std::string> needed) {
  std::vector<std::string> missing;
  std::ranges::copy_if(needed, std::back_inserter(missing),
                       [](const std::string &name) { return !has(name); });
  return missing;
}

std::string_view attune::cpuLevel() { return "aarch64"; }

#endif
