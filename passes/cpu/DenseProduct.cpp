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

  /// One row's sums in several sets, since additions would otherwise wait for each other.
  Values emitRow() {
    constexpr int64_t unroll = 8, sets = 4;
    int64_t columns = op.getColumns(), whole = columns / unroll * unroll;
    Values sums(sets * tile.size(), e.zeros(e.floats()));
    auto setOf = [&](MutableArrayRef<Value> all, int64_t step) {
      return all.slice(step % sets * tile.size(), tile.size());
    };
    if (whole)
      sums = e.loop(e.index(0), e.index(whole), unroll, sums, [&](Value k, ValueRange carried) {
        Values current(carried);
        prefetchWeights(e, weight, tile, e.mul(k, stride()), unroll * stride());
        for (int64_t step = 0; step < unroll; ++step)
          addColumn(e.add(k, step), setOf(current, step));
        return current;
      });
    for (int64_t k = whole; k < columns; ++k)
      addColumn(e.index(k), setOf(sums, k));

    Values totals;
    for (size_t i = 0; i < tile.size(); ++i) {
      Values parts;
      for (int64_t set = 0; set < sets; ++set)
        parts.push_back(sums[set * tile.size() + i]);
      totals.push_back(e.sumFloats(parts));
    }
    return totals;
  }

  Values emitRange(Value from, Value to, Values sums) {
    std::optional<int64_t> first = constantOf(from), last = constantOf(to);
    if (first && last && *last - *first < denseStep) {
      for (int64_t k = *first; k < *last; ++k)
        addColumn(e.index(k), sums);
      return sums;
    }
    return e.loop(from, to, denseStep, sums, [&](Value k, ValueRange carried) {
      Values current(carried);
      prefetchWeights(e, weight, tile, e.mul(k, stride()), denseStep * stride());
      for (int64_t step = 0; step < denseStep; ++step)
        addColumn(e.add(k, step), current);
      return current;
    });
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

void transformer::prefetchPanels(Emitter &e, Value weight, ArrayRef<Column> columns, int64_t panels,
                                 Value offset, int64_t size) {
  int locality = panels ? 2 : 3; // whole panels beside those in use are too much for the first level
  for (const Column &column : columns)
    if (constantOf(column.first) == 0)
      for (int64_t line = 0; line < size; line += 64)
        e.prefetch(weight, e.add(column.panel, panels), e.add(offset, line), locality);
}

void transformer::prefetchWeights(Emitter &e, Value weight, const Tile &tile, Value offset, int64_t size) {
  constexpr int64_t ahead = 4096; // far enough to hide memory
  if (tile.prefetched)
    prefetchPanels(e, weight, tile.columns, *tile.prefetched,
                   *tile.prefetched ? offset : e.add(offset, ahead), size);
}

Values transformer::denseProduct(Emitter &e, kernel::LinearOp op, Value weight, const Tile &tile) {
  return DenseProduct{e, op, weight, tile}.emitRow();
}

Values transformer::addDenseProduct(Emitter &e, kernel::LinearOp op, Value weight, const Tile &tile,
                                    Value from, Value to, Values sums) {
  return DenseProduct{e, op, weight, tile}.emitRange(from, to, std::move(sums));
}
