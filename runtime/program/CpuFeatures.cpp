// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/program/CpuFeatures.h"

#if defined(__x86_64__)

#include <algorithm>
#include <array>
#include <cpuid.h>
#include <cstdint>
#include <string_view>

using namespace attune;

namespace {

enum Register { EAX, EBX, ECX, EDX };

/// State that the operating system must save, as bits of XCR0.
enum State : uint32_t { None = 0, Avx = 0x6, Avx512 = 0xe6, Amx = 0x60000 };

/// A feature as a bit of one of CPUID's answers.
struct Feature {
  std::string_view name;
  int bit;
  State state = None;
};

/// One register of CPUID's answer to a leaf.
struct Answer {
  uint32_t leaf, subleaf;
  Register reg;
  std::span<const Feature> features;
};

constexpr Feature leaf1Edx[] = {{"cmov", 15}, {"cx8", 8},  {"fxsr", 24},
                                {"mmx", 23},  {"sse", 25}, {"sse2", 26}};
constexpr Feature leaf1Ecx[] = {{"sse3", 0},      {"pclmul", 1},     {"ssse3", 9},   {"fma", 12, Avx},
                                {"cx16", 13},     {"sse4.1", 19},    {"sse4.2", 20}, {"crc32", 20},
                                {"movbe", 22},    {"popcnt", 23},    {"aes", 25},    {"xsave", 26},
                                {"avx", 28, Avx}, {"f16c", 29, Avx}, {"rdrnd", 30}};
constexpr Feature leaf7Ebx[] = {{"fsgsbase", 0},
                                {"bmi", 3},
                                {"avx2", 5, Avx},
                                {"bmi2", 8},
                                {"invpcid", 10},
                                {"avx512f", 16, Avx512},
                                {"avx512dq", 17, Avx512},
                                {"rdseed", 18},
                                {"adx", 19},
                                {"avx512ifma", 21, Avx512},
                                {"clflushopt", 23},
                                {"clwb", 24},
                                {"avx512cd", 28, Avx512},
                                {"sha", 29},
                                {"avx512bw", 30, Avx512},
                                {"avx512vl", 31, Avx512}};
constexpr Feature leaf7Ecx[] = {{"avx512vbmi", 1, Avx512},
                                {"pku", 4},
                                {"waitpkg", 5},
                                {"avx512vbmi2", 6, Avx512},
                                {"shstk", 7},
                                {"gfni", 8},
                                {"vaes", 9, Avx},
                                {"vpclmulqdq", 10, Avx},
                                {"avx512vnni", 11, Avx512},
                                {"avx512bitalg", 12, Avx512},
                                {"avx512vpopcntdq", 14, Avx512},
                                {"rdpid", 22},
                                {"cldemote", 25},
                                {"movdiri", 27},
                                {"movdir64b", 28}};
constexpr Feature leaf7Edx[] = {
    {"avx512vp2intersect", 8, Avx512}, {"serialize", 14},     {"amx-bf16", 22, Amx},
    {"avx512fp16", 23, Avx512},        {"amx-tile", 24, Amx}, {"amx-int8", 25, Amx}};
constexpr Feature leaf7Sub1Eax[] = {{"sha512", 0, Avx},  {"sm3", 1, Avx},           {"sm4", 2, Avx},
                                    {"avxvnni", 4, Avx}, {"avx512bf16", 5, Avx512}, {"amx-fp16", 21, Amx},
                                    {"avxifma", 23, Avx}};
constexpr Feature leaf7Sub1Edx[] = {{"avxvnniint8", 4, Avx},
                                    {"avxneconvert", 5, Avx},
                                    {"amx-complex", 8, Amx},
                                    {"avxvnniint16", 10, Avx},
                                    {"prefetchi", 14}};
constexpr Feature leafDEax[] = {{"xsaveopt", 0}, {"xsavec", 1}, {"xsaves", 3}};
constexpr Feature extended1Ecx[] = {{"sahf", 0},      {"lzcnt", 5},      {"sse4a", 6}, {"prfchw", 8},
                                    {"xop", 11, Avx}, {"fma4", 16, Avx}, {"tbm", 21},  {"mwaitx", 29}};
constexpr Feature extended1Edx[] = {{"64bit", 29}};
constexpr Feature extended8Ebx[] = {{"clzero", 0}, {"rdpru", 4}, {"wbnoinvd", 9}};

constexpr Answer answers[] = {
    {1, 0, EDX, leaf1Edx},
    {1, 0, ECX, leaf1Ecx},
    {7, 0, EBX, leaf7Ebx},
    {7, 0, ECX, leaf7Ecx},
    {7, 0, EDX, leaf7Edx},
    {7, 1, EAX, leaf7Sub1Eax},
    {7, 1, EDX, leaf7Sub1Edx},
    {0xd, 1, EAX, leafDEax},
    {0x80000001, 0, ECX, extended1Ecx},
    {0x80000001, 0, EDX, extended1Edx},
    {0x80000008, 0, EBX, extended8Ebx},
};

/// Bits of XCR0, 0 where the operating system does not use it.
uint32_t savedState() {
  uint32_t a, b, c, d;
  constexpr uint32_t osUsesXsave = 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osUsesXsave))
    return 0;
  asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0)); // the intrinsic would need a compiler flag
  return a;
}

bool has(std::string_view name, uint32_t saved) {
  for (const Answer &answer : answers) {
    auto feature = std::ranges::find(answer.features, name, &Feature::name);
    if (feature == answer.features.end())
      continue;
    std::array<uint32_t, 4> r;
    if (!__get_cpuid_count(answer.leaf, answer.subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]))
      return false;
    return (r[answer.reg] >> feature->bit & 1) && (saved & feature->state) == feature->state;
  }
  return false; // of a feature that nobody knows it is safe to say that it is missing
}

} // namespace

std::vector<std::string> attune::missingCpuFeatures(std::span<const std::string> needed) {
  std::vector<std::string> missing;
  uint32_t saved = savedState();
  for (const std::string &name : needed)
    if (!has(name, saved))
      missing.push_back(name);
  return missing;
}

std::string_view attune::cpuLevel() {
  const std::vector<std::string> v2 = {"cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3"};
  const std::vector<std::string> v3 = {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"};
  const std::vector<std::string> v4 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"};
  auto has = [](const std::vector<std::string> &level) { return missingCpuFeatures(level).empty(); };
  if (!has(v2))
    return "x86-64";
  if (!has(v3))
    return "x86-64-v2";
  return has(v4) ? "x86-64-v4" : "x86-64-v3";
}

#endif
