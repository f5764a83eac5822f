// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace attune {

struct FileRange {
  uint64_t offset;
  uint64_t bytes;
};

/// Where a section of a 64-bit little-endian ELF file lies in the file; nothing if it has no section of this
/// name. Throws attune::Error if the file cannot be read, is not such a file, or its section headers lie
/// outside of it.
std::optional<FileRange> findElfSection(const std::string &path, std::string_view name);

/// The same for the first segment of a type.
std::optional<FileRange> findElfSegment(const std::string &path, uint32_t type);

/// The file that holds the program or shared library in which `address` lies: `/proc/self/exe` for the main
/// program.
std::string fileOfAddress(const void *address);

} // namespace attune
