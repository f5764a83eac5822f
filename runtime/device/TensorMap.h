// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What bulk copies of tensors know of packed weights.

#ifndef ATTUNE_RUNTIME_DEVICE_TENSORMAP_H
#define ATTUNE_RUNTIME_DEVICE_TENSORMAP_H

#include <compare>
#include <cstddef>
#include <cstdint>

namespace attune {

/// Dense panels (dialect/PackedFormat.h) of elements of two bytes, and the box of them that a copy brings: it
/// lies in a block's memory panel after panel, column after column, with the swizzle of 32 bytes. What a box
/// has beyond the panels and columns is zero.
struct PanelTensor {
  static constexpr int64_t Outputs = 16, ColumnBytes = Outputs * 2; ///< of a panel

  int64_t address; ///< on the device
  int64_t panels, columns, boxPanels, boxColumns;

  int64_t panelBytes() const { return columns * ColumnBytes; }
  int64_t boxBytes() const { return boxPanels * boxColumns * ColumnBytes; }
  auto operator<=>(const PanelTensor &) const = default;
};

/// As a device has it: an argument of a kernel by value.
struct alignas(64) TensorMap {
  std::byte bytes[128] = {};
};

} // namespace attune

#endif // ATTUNE_RUNTIME_DEVICE_TENSORMAP_H
