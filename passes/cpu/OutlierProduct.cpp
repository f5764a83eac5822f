// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What the elements of the activations that were not quantised add to integer products: each is a multiple of
// one column of the weights.

#include "passes/cpu/ByteDot.h"
#include "passes/cpu/Product.h"
#include "passes/cpu/Scaling.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

/// Where column `place` of the weights lies in every panel.
struct ColumnPlace {
  Value block, line, set; ///< byte of the block, its line of 64 bytes, its set of columns that share a scale
  Value shift;            ///< the bits of each lane's integer below the code's
};

struct OutlierProduct {
  Emitter &e;
  kernel::LinearOp op;
  const Panels &weight;
  PackedFormat format = weight.format;

  bool nibbles() const { return format.codes == PackedFormat::U4; }

  ColumnPlace placeOf(Value column) {
    Value block = e.mul(e.div(column, PackedFormat::blockColumns), format.blockBytes());
    Value inBlock = e.rem(column, PackedFormat::blockColumns);
    Value half = e.div(inBlock, 16), ofLine = nibbles() ? e.rem(inBlock, 16) : inBlock;
    Value bits = e.mul(e.rem(inBlock, 4), 8);
    if (nibbles())
      bits = e.add(bits, e.mul(half, 4));
    Value set = format.sets() == 1 ? e.index(0) : half;
    return {block, e.div(ofLine, 4), set, arith::IndexCastOp::create(e, e.getI32Type(), bits)};
  }

  /// The column's code in every lane.
  Value loadCodes(const Column &column, const ColumnPlace &place) {
    Value offset =
        e.add(e.add(place.block, format.codesOffset()), e.add(e.mul(place.line, 64), e.mul(column.first, 4)));
    Value word = e.loadBytes(e.ints(), weight.memory, column.panel, offset);
    if (weight.holdsUnsigned(e.target)) { // the product with a unit vector is shorter than a shift and a mask
      Value one = arith::ConstantOp::create(e, e.getI32IntegerAttr(1));
      Value unit = e.broadcast(arith::ShLIOp::create(e, one, place.shift), e.ints());
      ByteDot dot(e, /*nibbles=*/true);
      return dot.finish(dot.add(nullptr, {e.bitcast(word, e.bytes())}, e.bitcast(unit, e.bytes())));
    }
    Value low = arith::ShRUIOp::create(e, word, e.broadcast(place.shift, e.ints()));
    if (nibbles())
      return arith::AndIOp::create(e, low, e.splat(e.ints(), int64_t(15)));
    if (format.codes == PackedFormat::U8)
      return arith::AndIOp::create(e, low, e.splat(e.ints(), int64_t(255)));
    Value top = e.splat(e.ints(), int64_t(24));
    return arith::ShRSIOp::create(e, arith::ShLIOp::create(e, low, top), top);
  }

  Value loadWeights(const Column &column, const ColumnPlace &place) {
    auto [scale, shift] = loadScaling(e, format, weight.memory, column, place.block, place.set);
    return e.fma(e.toFloats(loadCodes(column, place)), scale, shift);
  }

  /// Column `k` of the weights, for each of the tile's vectors.
  Values loadWeights(ArrayRef<Column> columns, Value k) {
    ColumnPlace place = placeOf(k);
    return llvm::map_to_vector(columns, [&](const Column &column) { return loadWeights(column, place); });
  }
};

} // namespace

static int64_t outliersOf(kernel::LinearOp op) {
  return cast<MemRefType>(op.getOutliers().getType()).getDimSize(1) / 2;
}

/// The column of a row's outlier `j`.
static Value placeOf(Emitter &e, kernel::LinearOp op, Value row, int64_t j) {
  Value place = e.load(op.getOutliers(), {row, e.index(outliersOf(op) + j)});
  Value number = arith::FPToSIOp::create(e, e.getI32Type(), place);
  return arith::IndexCastOp::create(e, e.getIndexType(), number);
}

static void addOutlier(Emitter &e, kernel::LinearOp op, Value row, int64_t j, ArrayRef<Value> weights,
                       MutableArrayRef<Value> sums) {
  Value value = e.broadcast(e.load(op.getOutliers(), {row, e.index(j)}), e.floats());
  for (auto [sum, weight] : llvm::zip_equal(sums, weights))
    sum = e.fma(value, weight, sum);
}

Values transformer::addOutliers(Emitter &e, kernel::LinearOp op, const Panels &weight, const Tile &tile,
                                Values sums) {
  for (int64_t j = 0; j < outliersOf(op); ++j) {
    Values weights = OutlierProduct{e, op, weight}.loadWeights(tile.columns, placeOf(e, op, tile.row, j));
    addOutlier(e, op, tile.row, j, weights, sums);
  }
  return sums;
}

//===------------------------------ many rows ------------------------------===//

OutlierColumns::OutlierColumns(Emitter &e, kernel::LinearOp op, int64_t rows, int64_t columns)
    : e(e), op(op), outliers(outliersOf(op)) {
  int64_t all = PackedFormat::blocks(op.getColumns()) * PackedFormat::blockColumns;
  int64_t most = std::min(all, rows * outliers);
  auto buffer = [&](ArrayRef<int64_t> shape, Type type) {
    return e.stackBuffer(MemRefType::get(shape, type));
  };
  slots = buffer({all}, e.getI32Type());
  found = buffer({most + 1}, e.getI32Type()); // one is written before it is known to be another
  count = buffer({1}, e.getI32Type());
  ofRows = buffer({rows, outliers}, e.getI32Type());
  weights = buffer({most, columns}, e.getF32Type());
}

void OutlierColumns::find(Value block, Value rows) {
  auto integer = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(e, e.getI32IntegerAttr(value));
  };
  e.loop(e.index(0), e.dimension(slots, 0), e.lanes(),
         [&](Value k) { e.storeVector(e.splat(e.ints(), int64_t(-1)), slots, {k}); });
  Value end = e.loop(e.index(0), rows, 1, integer(0), [&](Value row, ValueRange carried) -> Values {
    Value next = carried[0];
    for (int64_t j = 0; j < outliers; ++j) {
      Value place = placeOf(e, op, e.add(block, row), j), known = e.load(slots, {place});
      Value isNew = arith::CmpIOp::create(e, arith::CmpIPredicate::slt, known, integer(0));
      Value slot = arith::SelectOp::create(e, isNew, next, known);
      memref::StoreOp::create(e, slot, slots, ValueRange{place});
      memref::StoreOp::create(e, slot, ofRows, ValueRange{row, e.index(j)});
      Value number = arith::IndexCastOp::create(e, e.getI32Type(), place);
      memref::StoreOp::create(e, number, found,
                              ValueRange{arith::IndexCastOp::create(e, e.getIndexType(), next)});
      next = arith::AddIOp::create(e, next, arith::ExtUIOp::create(e, e.getI32Type(), isNew));
    }
    return {next};
  })[0];
  memref::StoreOp::create(e, end, count, ValueRange{e.index(0)});
}

void OutlierColumns::load(const Panels &weight, ArrayRef<Column> columns) {
  auto indexAt = [&](Value memref, Value i) -> Value {
    return arith::IndexCastOp::create(e, e.getIndexType(), e.load(memref, {i}));
  };
  e.loop(e.index(0), indexAt(count, e.index(0)), 1, [&](Value slot) {
    Values values = OutlierProduct{e, op, weight}.loadWeights(columns, indexAt(found, slot));
    for (auto [column, value] : llvm::zip_equal(columns, values))
      e.storeVector(value, weights, {slot, e.index(column.scratch)});
  });
}

Values OutlierColumns::add(Value row, const Tile &tile, Values sums) {
  for (int64_t j = 0; j < outliers; ++j) {
    Value slot = arith::IndexCastOp::create(e, e.getIndexType(), e.load(ofRows, {row, e.index(j)}));
    Values values = llvm::map_to_vector(tile.columns, [&](const Column &column) {
      return e.loadVector(e.floats(), weights, {slot, e.index(column.scratch)});
    });
    addOutlier(e, op, tile.row, j, values, sums);
  }
  return sums;
}
