// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/device/Device.h"
#include "runtime/engine/Memory.h"

#include <cstring>

namespace attune {

/// Memory that compiled code works in: the host's, or that of a device.
class Buffer {
public:
  Buffer() = default;
  /// `device` is null for the host.
  explicit Buffer(Device *device) : device(device) {}

  /// Makes it at least this large; what it held is lost if it must grow.
  void ensure(int64_t bytes, const char *purpose) {
    if (device)
      remote.ensure(*device, bytes, purpose);
    else
      host.ensure(bytes, purpose);
  }
  /// An address where compiled code runs.
  std::byte *data() const { return device ? remote.data() : host.data(); }
  int64_t bytes() const { return device ? remote.bytes() : host.bytes(); }

  /// What lies there is not needed any more. (A device's memory stays taken.)
  void discard(int64_t offset, int64_t bytes) {
    if (!device)
      host.discard(offset, bytes);
  }
  /// Copies within the buffer; the ranges do not overlap.
  void move(int64_t to, int64_t from, int64_t bytes) {
    if (device)
      device->copy(data() + to, data() + from, bytes);
    else
      std::memcpy(data() + to, data() + from, static_cast<size_t>(bytes));
  }

private:
  Device *device = nullptr;
  Memory host;
  DeviceMemory remote;
};

} // namespace attune
