// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/program/Metadata.h"
#include "runtime/program/PayloadFormat.h"

#include <span>

namespace attune {

/// An entry of compiled code with the buffers that its arguments are: finds arguments by name, keeps their
/// descriptors, calls. After construction nothing allocates.
class BoundEntry {
public:
  /// `info` must stay.
  BoundEntry(const EntryInfo &info, const AttuneEntry &code);

  const EntryInfo &info() const { return entry; }

  /// Index of an argument, or -1.
  int find(std::string_view argument) const;

  /// Sets a named dimension ("tokens") of all arguments that have it.
  void setSize(std::string_view dimension, int64_t size);

  /// Sizes of an argument with the named dimensions as they are set now.
  std::span<const int64_t> sizes(int argument);

  /// Bytes of an argument with the sizes as they are set now. Throws attune::Error if that is beyond all
  /// memory.
  int64_t bytes(int argument);

  /// Where an argument's elements are; must not be null when the entry is called.
  void setData(int argument, void *data);
  void *data(int argument) const;

  /// All that a call depends on beside what lies in the buffers: the code, sizes and addresses.
  std::span<const int64_t> key();

  /// Runs the code on the arguments as they are set. Throws attune::Error if one has no data.
  void call();

private:
  /// MLIR's description of a buffer, as words: two pointers, offset, sizes, strides.
  struct Argument {
    std::vector<int64_t> words;
    std::vector<int> dimensions; // per dimension the index of its name, or -1

    size_t rank() const { return dimensions.size(); }
    int64_t *sizes() { return words.data() + 3; }
    int64_t *strides() { return sizes() + rank(); }
  };
  struct NamedSize {
    std::string name;
    int64_t size = 0;
  };

  int indexOfName(const std::string &name);
  void updateSizes(Argument &argument);

  const EntryInfo &entry;
  void (*code)(void **);
  std::vector<Argument> arguments;
  std::vector<NamedSize> named;
  std::vector<void *> pointers;
  std::vector<int64_t> words; ///< of key()
};

} // namespace attune
