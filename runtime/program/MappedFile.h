// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace attune {

/// A part of a file, mapped read-only. Pages are read when they are first touched. Movable.
class MappedFile {
public:
  MappedFile() = default;

  /// Maps `bytes` bytes from `offset` (need not be page-aligned). Throws attune::Error naming the file if it
  /// cannot be opened or mapped, or is shorter than that.
  MappedFile(const std::string &path, uint64_t offset, uint64_t bytes);

  /// Maps all of a file.
  explicit MappedFile(const std::string &path);

  MappedFile(MappedFile &&other) noexcept { *this = std::move(other); }
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data, size}; }

private:
  void map(const std::string &path, int file, uint64_t offset, uint64_t bytes);

  void *mapping = nullptr;
  size_t mappingSize = 0;
  const std::byte *data = nullptr;
  size_t size = 0;
};

} // namespace attune
