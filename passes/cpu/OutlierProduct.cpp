// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What the elements of the activations that were not quantised add to integer products: each is a multiple of
// one column of the weights.

#include "passes/cpu/ByteDot.h"
#include "passes/cpu/Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

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
    Value offset = e.add(scalesOf(e, format, place.block),
                         e.add(e.mul(place.set, PackedFormat::panelRows * format.scaleBytes()),
                               e.mul(column.first, format.scaleBytes())));
    Value scale = loadScales(e, format, weight.memory, column.panel, offset);
    Value shift = format.hasMin
                      ? loadScales(e, format, weight.memory, column.panel, e.add(offset, format.minsOffset()))
                      : e.zeros(e.floats());
    if (format.zero)
      shift = e.fma(scale, e.splat(e.floats(), -double(format.zero)), shift);
    return e.fma(e.toFloats(loadCodes(column, place)), scale, shift);
  }

  void add(Value row, int64_t j, int64_t count, ArrayRef<Column> columns, MutableArrayRef<Value> sums) {
    Value value = e.broadcast(e.load(op.getOutliers(), {row, e.index(j)}), e.floats());
    Value number =
        arith::FPToSIOp::create(e, e.getI32Type(), e.load(op.getOutliers(), {row, e.index(count + j)}));
    ColumnPlace place = placeOf(arith::IndexCastOp::create(e, e.getIndexType(), number));
    for (auto [c, column] : llvm::enumerate(columns))
      sums[c] = e.fma(value, loadWeights(column, place), sums[c]);
  }
};

} // namespace

Values transformer::addOutliers(Emitter &e, kernel::LinearOp op, const Panels &weight, const Tile &tile,
                                Values sums) {
  int64_t count = cast<MemRefType>(op.getOutliers().getType()).getDimSize(1) / 2;
  for (int64_t j = 0; j < count; ++j)
    OutlierProduct{e, op, weight}.add(tile.row, j, count, tile.columns, sums);
  return sums;
}
