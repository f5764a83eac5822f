// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Named tensors in a file: a 64-bit length, that many bytes of JSON, the elements. Little-endian.
#pragma once

#include "runtime/program/MappedFile.h"

#include <string_view>
#include <vector>

namespace attune {

/// A tensor; its bytes are row-major, little-endian and not aligned.
struct NamedTensor {
  std::string name;
  std::string type; ///< "F32", "I64", ...
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;

  int64_t elements() const;
};

/// A file of tensors, mapped. Reading is strict: whatever bytes a file holds, each tensor lies within it, has
/// the size that its shape and type need, and none overlap.
class SafetensorsFile {
public:
  /// Throws attune::Error naming the file, the tensor, what was found and what was expected.
  explicit SafetensorsFile(const std::string &path);

  const std::string &path() const { return filePath; }
  const std::vector<NamedTensor> &tensors() const { return entries; }
  /// Null if there is none.
  const NamedTensor *find(std::string_view name) const;

private:
  std::string filePath;
  MappedFile file;
  std::vector<NamedTensor> entries;
};

/// Writes a file of tensors: beside its final place, then renamed, so that no half-written file ever has its
/// name. Something that is not a regular file (a pipe) is written directly. Throws attune::Error naming the
/// file; it is then as it was.
void writeSafetensors(const std::string &path, std::span<const NamedTensor> tensors);

} // namespace attune
