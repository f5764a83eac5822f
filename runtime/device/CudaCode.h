// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace attune::cuda {

/// A version or a compute capability: 8.0, 12.4.
struct Version {
  int major = 0, minor = 0;
  auto operator<=>(const Version &) const = default;
  std::string text() const;
};

/// Code of a payload for a chip, by the blob's name: "device.sm_90a.cubin", "device.sm_80.ptx".
struct CodeBlob {
  std::string name;
  Version chip;
  bool onlyThis = false; ///< "90a": for no other chip, however new
  bool isBinary = false; ///< a cubin; otherwise PTX, which the driver compiles

  /// Nothing if the name says something else.
  static std::optional<CodeBlob> parse(std::string_view name);

  /// Whether a chip of this compute capability runs it: machine code is for later chips of the same
  /// generation too, PTX for all later ones.
  bool fits(Version capability) const;

  /// Whether kernels for `chip` alone ("sm_90a") are in it.
  bool isFor(std::string_view chip) const { return name.starts_with("device." + std::string(chip) + "."); }
};

/// The best code for a chip: what was made for it alone, then machine code, then PTX, the latest of each.
/// Nothing if none fits.
std::optional<CodeBlob> chooseCode(std::span<const std::string> blobs, Version capability);

/// The oldest chip that any code fits, as it is named; empty if there is no code.
std::string oldestChip(std::span<const std::string> blobs);

/// The first driver that takes a PTX text, by the version that it states; 0.0 if it states none.
Version driverFor(std::string_view ptx);

} // namespace attune::cuda
