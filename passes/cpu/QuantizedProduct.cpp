// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Integer products. A lane is a row of weights, its four bytes four columns; the same four columns of the
// activations are in every lane. So sums over columns are sums of vectors, and nothing is added across lanes.

#include "passes/cpu/ByteDot.h"
#include "passes/cpu/Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

/// Codes of weights as they are stored; unsigned bytes where no instruction takes them, with a sign.
struct CodeLoader {
  Emitter &e;
  const Panels &weight;
  PackedFormat format = weight.format;

  bool turnsSign() const { return format.codes == PackedFormat::U8 && !weight.holdsUnsigned(e.target); }
  /// What stands for a weight of zero.
  int zero() const { return turnsSign() ? format.zero - 128 : format.zero; }

  /// Four columns' codes: those of group `group` of the block's eight.
  Value load(const Column &column, Value block, int64_t group) const {
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
};

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

  /// What the zero point makes of the products of a row's set: sums of codes are integers there.
  Value zeroProducts(Value row, Value set) {
    Value sum = arith::FPToSIOp::create(e, e.ints(), broadcastSum(row, set));
    return arith::MulIOp::create(e, sum, e.splat(e.ints(), int64_t(-zero())));
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

  /// Scales a set's products by the activations' and the weights' scales and adds them to `sums`.
  void addSet(Value b, Value block, int64_t s, MutableArrayRef<Value> sums) {
    Value set = e.add(e.mul(b, sets()), s);
    Values products = byRow ? setProducts(b, block, s, set) : multiplySet(b, block, s, Values(tile.size()));
    for (auto [c, column] : llvm::enumerate(tile.columns)) {
      Value offset = e.add(e.add(block, s * PackedFormat::panelRows * format.scaleBytes()),
                           e.mul(column.first, format.scaleBytes()));
      Value scale = loadScales(e, format, weight.memory, column.panel, offset), min;
      if (format.hasMin)
        min = loadScales(e, format, weight.memory, column.panel, e.add(offset, format.minsOffset()));
      for (int r = 0; r < tile.rows; ++r) {
        size_t i = r * tile.columns.size() + c;
        Value row = e.add(tile.row, r);
        sums[i] = byRow ? addProduct(sums[i], products[i], scale, min, row, set)
                        : addScaled(sums[i], dot.finish(products[i]), scale, min, row, b, set);
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

  /// Without the activations' scale, which is the whole row's.
  Value addProduct(Value sum, Value product, Value scale, Value min, Value row, Value set) {
    if (min)
      sum = e.fma(broadcastSum(row, set), min, sum);
    return e.fma(e.toFloats(product), scale, sum);
  }

  Value addScaled(Value sum, Value product, Value scale, Value min, Value row, Value b, Value set) {
    Value activationScale = e.broadcast(e.load(op.getScales(), {row, b}), e.floats());
    Value scaled = arith::MulFOp::create(e, e.toFloats(product), activationScale);
    if (zero() || format.hasMin) {
      Value activationSum = broadcastSum(row, set);
      if (zero())
        scaled = e.fma(activationSum, e.splat(e.floats(), -double(zero())), scaled);
      if (format.hasMin)
        sum = e.fma(activationSum, min, sum);
    }
    return e.fma(scaled, scale, sum);
  }

  /// `first`, in turn given to `body` with each block of columns.
  Values forBlocks(Values first, function_ref<void(Value b, Value block, Values &current)> body) {
    Value blocks = e.index(PackedFormat::blocks(op.getColumns()));
    return e.loop(e.index(0), blocks, 1, first, [&](Value b, ValueRange carried) {
      Values current(carried);
      Value block = e.mul(b, format.blockBytes());
      prefetchWeights(e, weight.memory, tile, block, format.blockBytes());
      body(b, block, current);
      return current;
    });
  }

  /// One scale for each row of weights: sums over all columns are integers.
  Values emitIntegers() {
    Values first = firstProducts(e.index(0));
    for (Value &begin : first)
      if (!begin)
        begin = e.zeros(e.ints());
    Values products = forBlocks(
        first, [&](Value b, Value block, Values &current) { current = multiplySet(b, block, 0, current); });
    for (auto [c, column] : llvm::enumerate(tile.columns)) {
      Value scale =
          loadScales(e, format, weight.memory, column.panel, e.mul(column.first, format.scaleBytes()));
      for (int r = 0; r < tile.rows; ++r) {
        Value &product = products[r * tile.columns.size() + c];
        product = arith::MulFOp::create(e, e.toFloats(product), scale);
      }
    }
    return products;
  }

  Values emitBlocks() {
    return forBlocks(Values(tile.size(), e.zeros(e.floats())), [&](Value b, Value block, Values &current) {
      for (int64_t set = 0; set < sets(); ++set)
        addSet(b, block, set, current);
    });
  }

  Values emit() {
    Values sums = format.isRowScaled() ? emitIntegers() : emitBlocks();
    for (size_t i = 0; byRow && i < sums.size(); ++i) {
      Value row = e.add(tile.row, i / tile.columns.size());
      Value scale = e.broadcast(e.load(op.getScales(), {row, e.index(0)}), e.floats());
      sums[i] = arith::MulFOp::create(e, sums[i], scale);
    }
    return sums;
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

PackedFormat transformer::unpackedFormat(Emitter &e, PackedFormat format) {
  format.zero += ByteDot(e, format.codes == PackedFormat::U4).offset();
  format.codes = PackedFormat::I8;
  format.scale = PackedFormat::ScaleF32;
  return format;
}

void transformer::unpackPanels(Emitter &e, kernel::LinearOp op, const Panels &weight,
                               ArrayRef<Column> columns, const Panels &unpacked, int64_t next) {
  const PackedFormat &from = weight.format, &to = unpacked.format;
  ByteDot dot(e, from.codes == PackedFormat::U4);
  CodeLoader codesOf{e, weight};
  int64_t scales = from.codesOffset() / (PackedFormat::panelRows * from.scaleBytes()); // and minima
  auto store = [&](Value vector, const Column &column, Value offset) {
    Value bytes = e.bitcast(vector, e.bytes());
    e.storeVector(bytes, unpacked.memory, {e.index(column.scratch / PackedFormat::panelRows), offset});
  };
  e.loop(e.index(0), e.index(PackedFormat::blocks(op.getColumns())), 1, [&](Value b) {
    Value source = e.mul(b, from.blockBytes()), target = e.mul(b, to.blockBytes());
    prefetchPanels(e, weight.memory, columns, next, source, from.blockBytes());
    for (const Column &column : columns) {
      for (int64_t s = 0; s < scales; ++s) {
        auto at = [&](Value block, const PackedFormat &format) {
          return e.add(e.add(block, s * PackedFormat::panelRows * format.scaleBytes()),
                       e.mul(column.first, format.scaleBytes()));
        };
        store(loadScales(e, from, weight.memory, column.panel, at(source, from)), column, at(target, to));
      }
      for (int64_t group = 0; group < PackedFormat::blockColumns / 4; ++group)
        store(dot.prepare(codesOf.load(column, source, group)).codes, column,
              e.add(e.add(target, to.codesOffset() + 64 * group), e.mul(column.first, 4)));
    }
  });
}
