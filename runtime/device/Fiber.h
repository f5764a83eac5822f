// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attune {

/// Threads of control on one thread of the system, each on a small stack, that change only where they say so.
/// For code that owns nothing: a fiber may be abandoned where it stands.
///
/// The fibers of a set share a body and are numbered as they are started. A fiber whose body is through gives
/// its stack to the next one.
class FiberSet {
public:
  static constexpr size_t StackBytes = size_t{128} << 10;

  /// Whether this processor's switch is known.
  static bool isSupported();

  /// `body(context)` runs on a fiber's stack and must not throw.
  FiberSet(void (*body)(void *), void *context) : body(body), context(context) {}
  ~FiberSet();
  FiberSet(const FiberSet &) = delete;
  FiberSet &operator=(const FiberSet &) = delete;

  /// Runs a new fiber until it suspends itself or is through. Returns its number, or -1 if it is through.
  /// Throws attune::Error if there is no memory for its stack.
  int32_t start();
  /// Goes on with a suspended fiber. Returns whether it is suspended again.
  bool resume(int32_t fiber);
  /// On a fiber: returns when it is resumed.
  void suspend();
  /// Drops all fibers that are suspended.
  void abandon();

  /// Whether a fiber has written beyond the end of its stack.
  bool hasOverflown() const { return overflown; }

private:
  struct Fiber {
    std::byte *stack = nullptr;
    void *position = nullptr;  ///< of the stack pointer, while it does not run
    void *fakeStack = nullptr; ///< AddressSanitizer's
    bool isThrough = false;
  };

  void allocate();
  void prepare(int32_t fiber);
  bool enter(int32_t fiber);
  static void run(FiberSet *set);
  void leave(bool forGood);

  void (*body)(void *);
  void *context;
  std::vector<Fiber> fibers;
  std::vector<int32_t> unused;
  std::vector<std::byte *> slabs;
  void *outside = nullptr; ///< where the one that started or resumed a fiber goes on
  void *outsideFakeStack = nullptr;
  const void *outsideStack = nullptr;
  size_t outsideStackBytes = 0;
  int32_t current = -1;
  bool overflown = false;
};

} // namespace attune
