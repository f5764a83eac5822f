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

Memory::Memory(int64_t bytes, const char *purpose) {
  if (bytes <= 0)
    return;
  // A page more than asked for: vector code of a last tile may read past the end.
  void *mapped = mmap(nullptr, static_cast<size_t>(bytes) + 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    throw Error(
        fmt::format("cannot get {} bytes of memory for {}: {}", bytes, purpose, std::strerror(errno)));
  memory = static_cast<std::byte *>(mapped);
  size = bytes;
}

Memory::~Memory() {
  if (memory)
    munmap(memory, static_cast<size_t>(size) + 4096);
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
