// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/lower/KeyInterval.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::transformer;

Value transformer::batchColumn(LoopEmitter &e, Value batch, Value token, BatchColumn column) {
  return arith::IndexCastOp::create(e, e.getIndexType(), e.load(batch, {token, e.index(column)}));
}

KeyInterval transformer::keyInterval(LoopEmitter &e, MaskAttr mask, Value position, Value count) {
  auto larger = [&](Value a, Value b) -> Value { return arith::MaxSIOp::create(e, a, b); };
  auto smaller = [&](Value a, Value b) -> Value { return arith::MinSIOp::create(e, a, b); };
  Value low = e.index(0), high = count;
  if (mask.getCausal())
    high = smaller(high, e.add(position, 1));
  if (mask.getWindow()) {
    low = larger(low, e.add(position, 1 - mask.getWindow()));
    high = smaller(high, e.add(position, mask.getWindow()));
  }
  if (mask.getChunk()) {
    Value chunk = e.roundDown(position, mask.getChunk());
    low = larger(low, chunk);
    high = smaller(high, e.add(chunk, mask.getChunk()));
  }
  return {low, high};
}
