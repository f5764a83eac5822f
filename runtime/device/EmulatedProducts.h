// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace attune {

/// Products of warp groups that one warp has begun and not waited for.
class EmulatedProducts {
public:
  /// Sixteen bytes of an operand as they were when the product began.
  struct Read {
    const std::byte *place;
    std::byte bytes[16];
  };
  using Reads = std::vector<Read>;

  void fenceRegisters() { areRegistersFenced = true; }
  void fenceMemory(int64_t lane) { fencedLanes |= uint32_t{1} << lane; }
  bool isFenced() const { return areRegistersFenced && fencedLanes == ~uint32_t{0}; }

  void begin(std::shared_ptr<const Reads> reads) { begun.push_back(std::move(reads)); }
  void commit() { groupEnds.push_back(begun.size()); }
  /// Finishes all but the latest `left` groups. Returns whether all that they read has stayed as it was.
  bool wait(int64_t left);
  bool areDone() const { return begun.empty(); }

private:
  std::vector<std::shared_ptr<const Reads>> begun;
  std::vector<size_t> groupEnds; ///< in `begun`
  bool areRegistersFenced = false;
  uint32_t fencedLanes = 0;
};

} // namespace attune
