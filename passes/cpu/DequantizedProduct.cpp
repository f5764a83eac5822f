// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/Product.h"
#include "passes/cpu/Scaling.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

struct DequantizedProduct {
  Emitter &e;
  kernel::LinearOp op;
  Value weight;
  const Tile &tile;
  PackedFormat format = op.getFormat().getFormat();

  /// Sets of sums, so that one row's additions need not wait for each other.
  int sets() const { return tile.rows == 1 ? 4 : 1; }
  bool nibbles() const { return format.codes == PackedFormat::U4; }
  /// Columns that the 64 bytes of one group hold; a byte holds one code or two that are 16 columns apart.
  int halves() const { return nibbles() ? 2 : 1; }
  int64_t groups() const { return PackedFormat::blockColumns / 4 / halves(); }

  /// Four bytes of each row of the column, as an integer a lane.
  Value loadCodes(const Column &column, Value block, Value group) {
    Value offset = e.add(e.add(block, format.codesOffset()), e.add(e.mul(group, 64), e.mul(column.first, 4)));
    return e.loadBytes(e.ints(), weight, column.panel, offset);
  }

  /// Code `j` of each lane's four bytes (of their low or high halves).
  Value extract(Value codes, int half, int j) {
    auto shift = [&](int64_t bits) { return e.splat(e.ints(), bits); };
    if (nibbles()) {
      int64_t bits = 8 * j + 4 * half;
      Value low = bits ? arith::ShRUIOp::create(e, codes, shift(bits)).getResult() : codes;
      return bits == 28 ? low : arith::AndIOp::create(e, low, shift(15)).getResult();
    }
    if (format.codes == PackedFormat::U8) {
      Value low = j ? arith::ShRUIOp::create(e, codes, shift(8 * j)).getResult() : codes;
      return j == 3 ? low : arith::AndIOp::create(e, low, shift(255));
    }
    Value high = j == 3 ? codes : arith::ShLIOp::create(e, codes, shift(24 - 8 * j)).getResult();
    return arith::ShRSIOp::create(e, high, shift(24));
  }

  /// Adds the products of one group's columns, those below `limit` of the block.
  void addGroup(Value block, Value firstColumn, Value group, int64_t limit, MutableArrayRef<Value> sums) {
    // The set of columns that share a scale: nibbles of one half are 16 columns apart from the others'.
    auto setOf = [&](int half) {
      if (format.sets() == 1)
        return e.index(0);
      return nibbles() ? e.index(half) : e.div(group, 4);
    };
    Values codes;
    for (const Column &column : tile.columns)
      codes.push_back(loadCodes(column, block, group));
    for (int half = 0; half < halves(); ++half) {
      SmallVector<Scaling> scaling;
      for (const Column &column : tile.columns)
        scaling.push_back(loadScaling(e, format, weight, column, block, setOf(half)));
      for (int j = 0; j < 4; ++j) {
        Value column = e.add(e.mul(group, 4), half * 16 + j);
        if (std::optional<int64_t> known = constantOf(column); known && *known >= limit)
          continue;
        Values weights;
        for (size_t c = 0; c < codes.size(); ++c)
          weights.push_back(
              e.fma(e.toFloats(extract(codes[c], half, j)), scaling[c].scale, scaling[c].shift));
        addOuterProduct(e, op.getInput(), tile, e.add(firstColumn, column), weights,
                        sums.slice(j % sets() * tile.size(), tile.size()));
      }
    }
  }

  Values emit() {
    int64_t blocks = op.getColumns() / PackedFormat::blockColumns,
            rest = op.getColumns() % PackedFormat::blockColumns;
    Values sums(sets() * tile.size(), e.zeros(e.floats()));
    if (blocks)
      sums = e.loop(e.index(0), e.index(blocks), 1, sums, [&](Value b, ValueRange carried) {
        Value block = e.mul(b, format.blockBytes()), first = e.mul(b, PackedFormat::blockColumns);
        prefetchWeights(e, weight, tile, block, format.blockBytes());
        return e.loop(e.index(0), e.index(groups()), 1, carried, [&](Value group, ValueRange inner) {
          Values current(inner);
          addGroup(block, first, group, PackedFormat::blockColumns, current);
          return current;
        });
      });
    for (int64_t group = 0; rest && group < groups(); ++group)
      addGroup(e.index(blocks * format.blockBytes()), e.index(blocks * PackedFormat::blockColumns),
               e.index(group), rest, sums);
    for (size_t i = 0; sets() == 4 && i < tile.size(); ++i)
      sums[i] =
          e.sumFloats({sums[i], sums[i + tile.size()], sums[i + 2 * tile.size()], sums[i + 3 * tile.size()]});
    sums.resize(tile.size());
    return sums;
  }
};

} // namespace

Values transformer::dequantizedProduct(Emitter &e, kernel::LinearOp op, Value weight, const Tile &tile) {
  return DequantizedProduct{e, op, weight, tile}.emit();
}
