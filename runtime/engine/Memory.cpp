// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Memory.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

using namespace attune;

// There only in programs with AddressSanitizer, which knows nothing of mapped memory's ends by itself.
extern "C" {
__attribute__((weak)) void __asan_poison_memory_region(const volatile void *, size_t);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *, size_t);
}

static constexpr size_t GuardBytes = 4096;

Memory::Memory(int64_t bytes, const char *purpose) {
  if (bytes <= 0)
    return;
  // A page more than asked for: vector code of a last tile may read past the end.
  void *mapped = mmap(nullptr, static_cast<size_t>(bytes) + GuardBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    throw Error(
        fmt::format("cannot get {} bytes of memory for {}: {}", bytes, purpose, std::strerror(errno)));
  memory = static_cast<std::byte *>(mapped);
  size = bytes;
  if (__asan_poison_memory_region)
    __asan_poison_memory_region(memory + size, GuardBytes);
}

Memory::~Memory() {
  if (!memory)
    return;
  if (__asan_unpoison_memory_region)
    __asan_unpoison_memory_region(memory + size, GuardBytes);
  munmap(memory, static_cast<size_t>(size) + GuardBytes);
}

void Memory::ensure(int64_t bytes, const char *purpose) {
  if (bytes > size) {
    Memory().swap(*this); // the old one is given back first
    *this = Memory(bytes, purpose);
  }
}

void Memory::discard(int64_t offset, int64_t bytes) {
  int64_t page = sysconf(_SC_PAGESIZE);
  int64_t begin = (offset + page - 1) / page * page, end = (offset + bytes) / page * page;
  if (begin < end)
    madvise(memory + begin, static_cast<size_t>(end - begin), MADV_DONTNEED);
}

void Memory::swap(Memory &other) noexcept {
  std::swap(memory, other.memory);
  std::swap(size, other.size);
}
