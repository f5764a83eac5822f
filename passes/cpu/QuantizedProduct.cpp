// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Integer products. A lane is a row of weights, its four bytes four columns; the same four columns of the
// activations are in every lane. So sums over columns are sums of vectors, and nothing is added across lanes.

#include "passes/cpu/ByteDot.h"
#include "passes/cpu/CodeLoader.h"
#include "passes/cpu/Product.h"
#include "passes/cpu/Scaling.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

struct QuantizedProduct {
  Emitter &e;
  kernel::LinearOp op;
  const Panels &weight;
  const Tile &tile;
  PackedFormat format = weight.format;
  ByteDot dot = ByteDot(e, weight.holdsUnsigned(e.target) || format.codes == PackedFormat::U4);
  CodeLoader codesOf = CodeLoader{e, weight};
  /// Whether a row of activations has one scale, with which its sums are multiplied at the end.
  bool byRow = op.isScaledByRow();
  int64_t blocks = PackedFormat::blocks(op.getColumns());

  int64_t sets() const { return format.sets(); }
  /// What is subtracted from a code before it is scaled.
  int zero() const { return codesOf.zero() + dot.offset(); }

  /// The group's four columns of the activations in every lane.
  Value loadActivations(Value row, Value b, int64_t group) {
    Value first = e.mul(b, PackedFormat::blockColumns);
    Value four;
    if (dot.takesLane()) // one load for four groups: it is the same for them all
      four = vector::ExtractOp::create(
          e, e.loadBytes(e.ints(), op.getInput(), row, e.add(first, group / 4 * 16)), group % 4);
    else
      four = e.loadBytes(e.vectorOf(e.getI32Type(), 1), op.getInput(), row, e.add(first, 4 * group));
    return e.bitcast(e.broadcast(four, e.ints()), e.bytes());
  }

  /// The groups of a set, the two that share bytes after each other.
  SmallVector<int64_t> groupsOf(int64_t set) {
    if (sets() == 1)
      return {0, 4, 1, 5, 2, 6, 3, 7};
    return {4 * set, 4 * set + 1, 4 * set + 2, 4 * set + 3};
  }

  Value broadcastSum(Value row, Value set) {
    return e.broadcast(e.load(op.getSums(), {row, set}), e.floats());
  }

  /// What the zero point makes of the products of a row's set: sums are -128 times those of codes.
  Value zeroProducts(Value row, Value set) {
    Value sum = broadcastSum(row, set);
    if (zero() != 128)
      sum = arith::MulFOp::create(e, sum, e.splat(e.floats(), zero() / 128.0));
    return arith::FPToSIOp::create(e, e.ints(), sum);
  }

  /// Integers that products of a set begin with, as in the tile; null for nothing.
  Values firstProducts(Value set) {
    Values products;
    for (int r = 0; r < tile.rows; ++r)
      products.append(tile.columns.size(), zero() ? zeroProducts(e.add(tile.row, r), set) : Value());
    return products;
  }

  /// `partial` with the integer products of a set of columns. Each vector of weights meets all rows before
  /// the next is unpacked.
  Values multiplySet(Value b, Value block, int64_t set, Values partial) {
    for (int64_t group : groupsOf(set)) {
      Values activations;
      for (int r = 0; r < tile.rows; ++r)
        activations.push_back(loadActivations(e.add(tile.row, r), b, group));
      for (auto [c, column] : llvm::enumerate(tile.columns)) {
        ByteDot::Weights codes = dot.prepare(codesOf.load(column, block, group));
        for (int r = 0; r < tile.rows; ++r) {
          Value &sum = partial[r * tile.columns.size() + c];
          sum = dot.add(sum, codes, activations[r]);
        }
      }
    }
    return partial;
  }

  /// As the sums of activations want it.
  Value minimum(const Column &column, Value offset) {
    Value min = loadScales(e, format, weight.memory, column, offset);
    return weight.unpacked ? min : arith::MulFOp::create(e, min, e.splat(e.floats(), -1 / 128.0)).getResult();
  }

  /// Scales a set's products by the weights' scales and adds them to `sums`.
  void addSet(Value b, Value block, int64_t s, MutableArrayRef<Value> sums) {
    Value set = e.add(e.mul(b, sets()), s);
    Values products = setProducts(b, block, s, set);
    for (auto [c, column] : llvm::enumerate(tile.columns)) {
      Value offset = scaleOffset(e, format, column, block, e.index(s));
      Value scale = loadScales(e, format, weight.memory, column, offset), min;
      if (format.hasMin)
        min = minimum(column, e.add(offset, format.minsOffset()));
      for (int r = 0; r < tile.rows; ++r) {
        size_t i = r * tile.columns.size() + c;
        if (min)
          sums[i] = e.fma(broadcastSum(e.add(tile.row, r), set), min, sums[i]);
        sums[i] = e.fma(e.toFloats(products[i]), scale, sums[i]);
      }
    }
  }

  /// Products of a set in 32 bits, the zero point taken into account.
  Values setProducts(Value b, Value block, int64_t s, Value set) {
    Values first = firstProducts(set);
    if (dot.sumsInts())
      return multiplySet(b, block, s, first);
    Values products = multiplySet(b, block, s, Values(tile.size()));
    for (auto [product, begin] : llvm::zip_equal(products, first)) {
      product = dot.finish(product);
      if (begin)
        product = arith::AddIOp::create(e, product, begin);
    }
    return products;
  }

  /// `first`, in turn given to `body` with each of the blocks of columns from `from` to `to`.
  Values forBlocks(Value from, Value to, Values first,
                   function_ref<void(Value b, Value block, Values &current)> body) {
    return e.loop(from, to, 1, first, [&](Value b, ValueRange carried) {
      Values current(carried);
      Value block = e.mul(b, format.blockBytes());
      prefetchWeights(e, weight.memory, tile, block, format.blockBytes());
      body(b, block, current);
      return current;
    });
  }

  /// One scale for each row of weights: sums over all columns are integers.
  Values emitIntegers() {
    Values first = firstProducts(e.index(op.sumOfRow()));
    for (Value &begin : first)
      if (!begin)
        begin = e.zeros(e.ints());
    Values products =
        forBlocks(e.index(0), e.index(blocks), first, [&](Value b, Value block, Values &current) {
          current = multiplySet(b, block, 0, current);
        });
    for (auto [c, column] : llvm::enumerate(tile.columns)) {
      Value zero = e.index(0);
      Value scale = loadScales(e, format, weight.memory, column, scaleOffset(e, format, column, zero, zero));
      for (int r = 0; r < tile.rows; ++r) {
        Value &product = products[r * tile.columns.size() + c];
        product = arith::MulFOp::create(e, e.toFloats(product), scale);
      }
    }
    return products;
  }

  /// Products of blocks `from` to `to`, without the activations' scale.
  Values emitBlocks(Value from, Value to) {
    return forBlocks(from, to, Values(tile.size(), e.zeros(e.floats())),
                     [&](Value b, Value block, Values &current) {
                       for (int64_t set = 0; set < sets(); ++set)
                         addSet(b, block, set, current);
                     });
  }

  /// `products` times the rows' scale `s`, added to `sums` if there are any.
  Values scaled(Values products, Value s, ValueRange sums = {}) {
    for (auto [i, product] : llvm::enumerate(products)) {
      Value row = e.add(tile.row, i / tile.columns.size());
      Value scale = e.broadcast(e.load(op.getScales(), {row, s}), e.floats());
      product = sums.empty() ? arith::MulFOp::create(e, product, scale).getResult()
                             : e.fma(product, scale, sums[i]);
    }
    return products;
  }

  Values emit() {
    if (format.isRowScaled())
      return scaled(emitIntegers(), e.index(0));
    if (byRow)
      return scaled(emitBlocks(e.index(0), e.index(blocks)), e.index(0));
    Values start(tile.size(), e.zeros(e.floats()));
    Value scales = e.index(PackedFormat::activationScales(op.getColumns()));
    return e.loop(e.index(0), scales, 1, start, [&](Value s, ValueRange sums) {
      Value from = e.mul(s, PackedFormat::scaledBlocks);
      Value to = e.min(e.add(from, PackedFormat::scaledBlocks), e.index(blocks));
      return scaled(emitBlocks(from, to), s, sums);
    });
  }
};

} // namespace

bool Panels::holdsUnsigned(const CpuTarget &target) const {
  return unpacked || (format.codes == PackedFormat::U8 && ByteDot::takesUnsigned(target));
}

Values transformer::quantizedProduct(Emitter &e, kernel::LinearOp op, const Panels &weight,
                                     const Tile &tile) {
  return QuantizedProduct{e, op, weight, tile}.emit();
}
