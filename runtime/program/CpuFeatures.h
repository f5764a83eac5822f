// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attune {

/// Which of the named features (LLVM's names: "avx2", "fma") this processor and operating system lack. A name
/// that is not known counts as lacking: better a refusal than an illegal instruction.
std::vector<std::string> missingCpuFeatures(std::span<const std::string> needed);

/// The highest of the x86-64 levels that this processor and operating system have: "x86-64", "x86-64-v2" to
/// "x86-64-v4". "aarch64" on 64-bit Arm, which has no levels that processors keep to.
std::string_view cpuLevel();

} // namespace attune
