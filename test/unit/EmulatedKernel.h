// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that are written in C++, on the emulated device.
#pragma once

#include "runtime/device/Device.h"

#include <array>
#include <cstring>
#include <memory>

namespace attune::test {

template <typename T> T argument(void **arguments, size_t index) {
  T value;
  std::memcpy(&value, arguments[index], sizeof(T));
  return value;
}

/// The item's number in its block.
inline int64_t itemNumber() {
  return attune_item_thread_id(0) +
         attune_item_block_size(0) *
             (attune_item_thread_id(1) + attune_item_block_size(1) * attune_item_thread_id(2));
}

/// An emulated device with one kernel.
struct Emulator {
  explicit Emulator(void (*kernel)(void **), uint32_t sharedBytes = 0)
      : kernel{"work", kernel, nullptr, 0, sharedBytes}, device(openEmulatedDevice({&this->kernel, 1})) {}

  using Size = std::array<int64_t, 3>;
  template <typename... Arguments> void run(Size grid, Size block, Arguments... values) {
    void *arguments[] = {&values..., nullptr};
    device->run({}, [&] {
      attune_device_launch(0, grid[0], grid[1], grid[2], block[0], block[1], block[2], arguments);
    });
  }

  AttuneKernel kernel;
  std::unique_ptr<Device> device;
};

inline float half(uint16_t bits) {
  _Float16 value;
  std::memcpy(&value, &bits, sizeof(bits));
  return static_cast<float>(value);
}
inline uint16_t toHalf(float value) {
  auto rounded = static_cast<_Float16>(value);
  uint16_t bits;
  std::memcpy(&bits, &rounded, sizeof(bits));
  return bits;
}
inline float brain(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(wide));
  return value;
}
inline uint16_t toBrain(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>(bits >> 16);
}

} // namespace attune::test
