// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/Product.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

struct DenseProduct {
  Emitter &e;
  kernel::LinearOp op;
  Value weight;
  const Tile &tile;
  PackedFormat format = op.getFormat().getFormat();

  /// Bytes of one column of a panel.
  int64_t stride() const { return PackedFormat::panelRows * format.elementBytes(); }

  Value loadWeights(const Column &column, Value k) {
    Value offset = e.add(e.mul(k, stride()), e.mul(column.first, format.elementBytes()));
    if (format.codes == PackedFormat::F32)
      return e.loadBytes(e.floats(), weight, column.panel, offset);
    Type half = format.codes == PackedFormat::F16 ? Type(e.getF16Type()) : Type(e.getBF16Type());
    return e.extend(e.loadBytes(e.vectorOf(half, e.lanes()), weight, column.panel, offset));
  }

  void addColumn(Value k, MutableArrayRef<Value> sums) {
    Values weights;
    for (const Column &column : tile.columns)
      weights.push_back(loadWeights(column, k));
    addOuterProduct(e, op.getInput(), tile, k, weights, sums);
  }

  /// Hardware prefetchers stop at pages, and panels are read in pairs; far enough ahead to hide memory.
  void prefetchColumns(Value k, int count) {
    constexpr int64_t ahead = 2048;
    for (const Column &column : tile.columns)
      if (constantOf(column.first) == 0)
        for (int64_t line = 0; line < count * stride(); line += 64)
          e.prefetch(weight, column.panel, e.add(e.mul(k, stride()), ahead + line));
  }

  Values emit() {
    int64_t columns = op.getColumns();
    int unroll = tile.streams() ? 8 : 4;
    // Several sets of sums for one row, whose additions would otherwise wait for each other.
    int sets = tile.rows * tile.columns.size() >= 8 ? 1 : 2;
    Values sums(sets * tile.size(), e.zeros(e.floats()));
    auto setOf = [&](MutableArrayRef<Value> all, int step) { return all.slice(step % sets * tile.size(), tile.size()); };

    int64_t whole = columns / unroll * unroll;
    if (whole)
      sums = e.loop(e.index(0), e.index(whole), unroll, sums, [&](Value k, ValueRange carried) {
        Values current(carried);
        if (tile.streams())
          prefetchColumns(k, unroll);
        for (int step = 0; step < unroll; ++step)
          addColumn(e.add(k, step), setOf(current, step));
        return current;
      });
    for (int64_t k = whole; k < columns; ++k)
      addColumn(e.index(k), setOf(sums, k - whole));

    for (size_t i = 0; sets == 2 && i < tile.size(); ++i)
      sums[i] = e.sumFloats({sums[i], sums[tile.size() + i]});
    sums.resize(tile.size());
    return sums;
  }
};

} // namespace

void transformer::addOuterProduct(Emitter &e, Value input, const Tile &tile, Value k, ArrayRef<Value> weights,
                                  MutableArrayRef<Value> sums) {
  for (int r = 0; r < tile.rows; ++r) {
    Value activation = e.broadcast(e.load(input, {e.add(tile.row, r), k}), e.floats());
    for (size_t c = 0; c < weights.size(); ++c) {
      Value &sum = sums[r * weights.size() + c];
      sum = e.fma(activation, weights[c], sum);
    }
  }
}

Values transformer::denseProduct(Emitter &e, kernel::LinearOp op, Value weight, const Tile &tile) {
  return DenseProduct{e, op, weight, tile}.emit();
}
