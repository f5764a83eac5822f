// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/CodeLoader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

Value CodeLoader::load(const Column &column, Value block, int64_t group) const {
  bool nibbles = format.codes == PackedFormat::U4;
  int64_t line = nibbles ? group % 4 : group;
  Value offset = e.add(e.add(block, format.codesOffset() + 64 * line), e.mul(column.first, 4));
  Value bytes = e.loadBytes(e.bytes(), weight.memory, column.panel, offset);
  if (turnsSign())
    return arith::XOrIOp::create(e, bytes, e.splat(e.bytes(), int64_t(-128)));
  if (!nibbles)
    return bytes;
  if (group >= 4)
    return arith::ShRUIOp::create(e, bytes, e.splat(e.bytes(), int64_t(4)));
  return arith::AndIOp::create(e, bytes, e.splat(e.bytes(), int64_t(15)));
}
