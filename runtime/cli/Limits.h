// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/program/Program.h"

namespace attune::cli {

/// What all threads of the pool can do at most, per second; 0: not known for this processor.
struct Limits {
  double bytes = 0;          ///< read from memory
  double operations = 0;     ///< f32 additions and multiplications, in pairs
  double int8Operations = 0; ///< the same of int8 products
};

/// Measured, in some tenths of a second, with what the program has for it in its code for the processor in
/// use (passes/cpu/AddLimits.cpp). Bytes: how fast its weights are read again and again, whichever cache
/// holds them.
Limits measureLimits(const Program &program);

} // namespace attune::cli
