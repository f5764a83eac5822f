// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace attune {

/// How many physical cores this process may run on, at least 1: the CPUs of its affinity mask, hardware
/// threads of one core counted once, and no more than the CPU quota of its control group.
int usableCores();

} // namespace attune
