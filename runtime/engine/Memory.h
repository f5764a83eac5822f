// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>

namespace attune {

/// Zeroed memory straight from the system, page-aligned. A page costs nothing until it is touched. Movable.
class Memory {
public:
  Memory() = default;

  /// Throws attune::Error, which names `purpose`, if the system refuses. 0 bytes take nothing.
  Memory(int64_t bytes, const char *purpose);

  Memory(Memory &&other) noexcept { swap(other); }
  Memory &operator=(Memory &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Memory();

  /// Makes it at least this large; what it held is lost if it must grow.
  void ensure(int64_t bytes, const char *purpose);

  /// Gives the pages that lie wholly within [offset, offset + bytes) back to the system; they read as zeros.
  void discard(int64_t offset, int64_t bytes);

  std::byte *data() const { return memory; }
  int64_t bytes() const { return size; }

private:
  void swap(Memory &other) noexcept;

  std::byte *memory = nullptr;
  int64_t size = 0;
};

} // namespace attune
