// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Gives attention the memory in which slices of the keys leave their parts.

#include "passes/Passes.h"
#include "passes/gpu/Launches.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_SPLITKEYS
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Whether the cache is known to hold no more than a tile of keys.
bool isShort(kernel::AttentionOp op) {
  int64_t rows = cast<MemRefType>(op.getValueMemory().getType()).getDimSize(0);
  return !ShapedType::isDynamic(rows) && rows <= kKeyTile;
}

struct SplitKeys : transformer::impl::SplitKeysBase<SplitKeys> {
  using SplitKeysBase::SplitKeysBase;

  void runOnOperation() override {
    // Elsewhere memory could not be planned.
    for (auto op : getOperation().front().getOps<kernel::AttentionOp>()) {
      auto queries = dyn_cast<MemRefType>(op.getQueries().getType());
      if (!queries || op.getPartials() || isShort(op))
        continue;
      int64_t values = cast<MemRefType>(op.getValueMemory().getType()).getDimSize(2);
      OpBuilder builder(op);
      auto type = MemRefType::get({tokens, queries.getDimSize(1), slices, 2 + values}, builder.getF32Type());
      op.getPartialsMutable().assign(memref::AllocOp::create(builder, op.getLoc(), type));
    }
  }
};

} // namespace
