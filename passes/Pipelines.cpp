// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The stages of the compiler, in order: each pipeline reads like a table of contents.

#include "passes/Passes.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"
} // namespace

void transformer::registerPasses() {
  registerAttunePasses();
}
