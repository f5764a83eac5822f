// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Integer products. A lane is a row of weights, its four bytes four columns; the same four columns of the activations are in every
// lane. So sums over columns are sums of vectors, and nothing is added across lanes.

#include "passes/cpu/ByteDot.h"
#include "passes/cpu/Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

struct QuantizedProduct {
  Emitter &e;
  kernel::LinearOp op;
  Value weight;
  const Tile &tile;
  PackedFormat format = op.getFormat().getFormat();
  ByteDot dot = ByteDot(e, format.codes == PackedFormat::U4);

  int64_t sets() const { return PackedFormat::blockColumns / format.group; }
  /// What is subtracted from a code before it is scaled.
  int zero() const { return format.zero + dot.offset(); }

  /// The block's codes for a column: 8 vectors, each of four columns.
  Values loadCodes(const Column &column, Value block) {
    Values codes, high;
    int64_t loads = format.codesBytes() / 64;
    for (int64_t group = 0; group < loads; ++group) {
      Value offset = e.add(e.add(block, format.codesOffset() + 64 * group), e.mul(column.first, 4));
      Value bytes = e.loadBytes(e.bytes(), weight, column.panel, offset);
      if (format.codes == PackedFormat::I8) {
        codes.push_back(bytes);
        continue;
      }
      codes.push_back(arith::AndIOp::create(e, bytes, e.splat(e.bytes(), int64_t(15))));
      high.push_back(arith::ShRUIOp::create(e, bytes, e.splat(e.bytes(), int64_t(4))));
    }
    codes.append(high);
    return codes;
  }

  /// Four columns of the activations in every lane.
  Value loadActivations(Value row, Value column) {
    Value four = e.loadBytes(e.vectorOf(e.getI32Type(), 1), op.getInput(), row, column);
    return e.bitcast(e.broadcast(four, e.ints()), e.bytes());
  }

  /// Adds to `sum` what a set of columns of one row of the activations gives.
  Value addSet(Value sum, ArrayRef<ByteDot::Weights> codes, ArrayRef<Value> activations, Value scale, Value min, Value row, Value set) {
    Value product = e.toFloats(dot.sum(codes, activations));
    Value activationScale = e.broadcast(e.load(op.getScales(), {row, e.div(set, sets())}), e.floats());
    Value scaled = arith::MulFOp::create(e, product, activationScale);
    if (zero() || format.hasMin) {
      Value activationSum = e.broadcast(e.load(op.getSums(), {row, set}), e.floats());
      if (zero())
        scaled = e.fma(activationSum, e.splat(e.floats(), -double(zero())), scaled);
      if (format.hasMin)
        sum = e.fma(activationSum, min, sum);
    }
    return e.fma(scaled, scale, sum);
  }

  void addBlock(Value b, MutableArrayRef<Value> sums) {
    Value block = e.mul(b, format.blockBytes());
    int64_t perSet = format.group / 4;
    for (auto [c, column] : llvm::enumerate(tile.columns)) {
      SmallVector<ByteDot::Weights> codes;
      for (Value code : loadCodes(column, block))
        codes.push_back(dot.prepare(code));
      for (int64_t s = 0; s < sets(); ++s) {
        Value offset = e.add(e.add(block, s * PackedFormat::panelRows * format.scaleBytes()), e.mul(column.first, format.scaleBytes()));
        Value scale = loadScales(e, format, weight, column.panel, offset), min;
        if (format.hasMin)
          min = loadScales(e, format, weight, column.panel, e.add(offset, format.minsOffset()));
        for (int r = 0; r < tile.rows; ++r) {
          Value row = e.add(tile.row, r);
          Values activations;
          for (int64_t group = s * perSet; group < (s + 1) * perSet; ++group)
            activations.push_back(loadActivations(row, e.add(e.mul(b, PackedFormat::blockColumns), 4 * group)));
          Value &sum = sums[r * tile.columns.size() + c];
          sum = addSet(sum, ArrayRef(codes).slice(s * perSet, perSet), activations, scale, min, row, e.add(e.mul(b, sets()), s));
        }
      }
    }
  }

  /// Sixteen blocks of half a panel ahead.
  void prefetchBlock(Value b) {
    constexpr int64_t blocksAhead = 8;
    Value block = e.mul(e.add(b, blocksAhead), format.blockBytes());
    for (const Column &column : tile.columns)
      if (constantOf(column.first) == 0)
        for (int64_t line = 0; line < format.blockBytes(); line += 64)
          e.prefetch(weight, column.panel, e.add(block, line));
  }

  Values emit() {
    int64_t blocks = llvm::divideCeil(op.getColumns(), PackedFormat::blockColumns);
    Values sums(tile.size(), e.zeros(e.floats()));
    return e.loop(e.index(0), e.index(blocks), 1, sums, [&](Value b, ValueRange carried) {
      Values current(carried);
      if (tile.streams())
        prefetchBlock(b);
      addBlock(b, current);
      return current;
    });
  }
};

} // namespace

Values transformer::quantizedProduct(Emitter &e, kernel::LinearOp op, Value weight, const Tile &tile) {
  return QuantizedProduct{e, op, weight, tile}.emit();
}
