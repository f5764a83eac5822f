// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/device/TensorMap.h"

#include <span>
#include <string>
#include <vector>

namespace attune {

/// The map of an emulated device.
TensorMap makeEmulatedMap(const PanelTensor &tensor);

/// Barriers in a block's memory, and the bulk copies that complete on them. What a copy brings is there when
/// its barrier is waited for and not before, so that a wait that is missing shows; until then its place holds
/// no numbers.
class EmulatedBarriers {
public:
  using Problem = const char *; ///< or null
  /// Who uses a barrier, and how many barriers of the block it has come by.
  struct User {
    int64_t item, round;
  };

  /// Of a block that begins.
  void begin(std::span<std::byte> blockMemory);

  Problem initialise(void *place, int32_t count, User user);
  /// Of what the item has initialised.
  void fence(User user);
  /// An arrival that expects `bytes` of copies.
  Problem expect(void *place, int32_t bytes, User user);
  Problem copy(void *to, const void *map, void *place, const int32_t (&coordinates)[3], User user);
  /// Lets copies come. `isOver`: the phase of that parity is through.
  Problem wait(void *place, int32_t parity, User user, bool &isOver);

  /// What a wait that has not ended lacks.
  std::string missing(const void *place) const;
  bool areDone() const { return copies.empty(); }
  /// Whether a copy is on its way to these bytes.
  bool isAwaited(const std::byte *place, size_t bytes) const;

private:
  struct Barrier {
    std::byte *place;
    int64_t count, arrivals; ///< of a phase: all, and those that are missing
    int64_t bytes = 0;       ///< expected and not there
    int64_t phase = 0;
    User maker;
    bool isFenced = false;
  };
  struct Copy {
    std::byte *to;
    PanelTensor tensor;
    int32_t coordinates[3];
    size_t barrier;
  };

  std::span<std::byte> memory;
  std::vector<Barrier> barriers;
  std::vector<Copy> copies; ///< on their way

  Problem find(void *place, User user, Barrier *&found);
  bool holds(const std::byte *place, size_t bytes) const;
  void perform(const Copy &copy) const;
  Problem advance(Barrier &barrier) const;
};

} // namespace attune
