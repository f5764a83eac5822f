// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tokenizer blob's sections and its program, checked.
#pragma once

#include "runtime/tokenizer/TokenizerFormat.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace attune::tokenizer {

// A step of the program; the strings point into the blob.
struct Step {
  StepKind kind;
  uint32_t flags = 0;
  std::vector<int32_t> integers;
  std::vector<std::string_view> strings;

  // Throw attune::Error if there are fewer.
  int32_t integer(size_t index) const;
  std::string_view string(size_t index) const;
};

struct Program {
  std::vector<Step> normalizers, preTokenizers;
  Step model, surroundings;
  std::vector<Step> decoders;
};

class Blob {
public:
  // Throws attune::Error if the bytes are not a blob of this version or a section lies outside. The bytes
  // must stay.
  explicit Blob(std::span<const std::byte> bytes);

  bool has(Section section) const { return !find(section).empty(); }

  // The section as an array, empty if there is none. Throws if its size is no multiple of the element's.
  template <typename T> std::span<const T> array(Section section) const {
    std::span<const std::byte> bytes = find(section);
    requireMultiple(section, bytes.size(), sizeof(T));
    return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
  }

  Program program() const;

private:
  std::span<const std::byte> find(Section section) const;
  static void requireMultiple(Section section, size_t size, size_t element);

  std::span<const std::byte> bytes;
  std::span<const SectionEntry> entries;
};

} // namespace attune::tokenizer
