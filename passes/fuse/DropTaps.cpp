// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/Transformer.h"
#include "passes/Passes.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_DROPTAPS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {
struct DropTaps : transformer::impl::DropTapsBase<DropTaps> {
  void runOnOperation() override {
    getOperation()->walk([&](TapOp tap) {
      tap->erase();
      ++dropped;
    });
  }
};
} // namespace
