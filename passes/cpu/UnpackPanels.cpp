// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Panels in the form that many rows read, written once for them all, so that what it takes costs each of them
// little. Blocks keep their weights, as bytes and f32. Where rows of activations have one scale, so have rows
// of weights then: products of all columns are integers, eight instructions for 32 columns of 16 outputs
// where blocks need ten or eleven.

#include "passes/cpu/ByteCodes.h"
#include "passes/cpu/CodeLoader.h"
#include "passes/cpu/Product.h"
#include "passes/cpu/Scaling.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

/// Whether codes of 4 bits are multiplied by 16, and their scales divided: then their zero is 128.
static bool isEnlarged(const PackedFormat &format) {
  return format.codes == PackedFormat::U4 && !format.hasMin && format.zero == 8;
}

/// What stands for 0 among unsigned codes; signed ones become so by adding 128.
static int unsignedZero(const PackedFormat &format) {
  return isEnlarged(format) ? 128 : format.zero + (format.codes == PackedFormat::U4 ? 0 : 128);
}

PackedFormat transformer::unpackedFormat(kernel::LinearOp op) {
  PackedFormat format = op.getFormat().getFormat();
  if (op.isScaledByRow())
    return {PackedFormat::U8, 0, PackedFormat::ScaleF32, false, 128};
  int zero = format.hasMin ? 0 : unsignedZero(format);
  return {PackedFormat::U8, format.group, PackedFormat::ScaleF32, format.hasMin, zero};
}

namespace {

/// One vector of rows of weights, from packed panels to unpacked ones.
struct ColumnUnpacker {
  Emitter &e;
  const Panels &weight;
  const Panels &unpacked;
  const Column &column;
  PackedFormat from = weight.format, to = unpacked.format;
  CodeLoader codesOf = CodeLoader{e, weight};

  static constexpr int64_t groups = PackedFormat::blockColumns / 4;

  void store(Value vector, Value offset) {
    Value bytes = e.bitcast(vector, e.bytes());
    e.storeVector(bytes, unpacked.memory, {e.index(column.scratch / PackedFormat::panelRows), offset});
  }

  void storeCodes(Value block, int64_t group, Value codes) {
    store(codes, e.add(e.add(block, to.codesOffset() + 64 * group), e.mul(column.first, 4)));
  }

  int64_t groupsOfSet() const { return groups / from.sets(); }

  Value shifted(Value words, int64_t left) {
    Value bits = e.splat(cast<VectorType>(words.getType()), std::abs(left));
    if (left < 0)
      return arith::ShRUIOp::create(e, words, bits);
    return arith::ShLIOp::create(e, words, bits);
  }

  /// A lane's four bytes combined, sign-extended.
  template <typename Op> Value acrossBytes(Value bytes) {
    for (int64_t bits : {16, 8}) {
      Value moved = shifted(e.bitcast(bytes, e.ints()), -bits);
      bytes = Op::create(e, bytes, e.bitcast(moved, e.bytes()));
    }
    Value top = e.splat(e.ints(), int64_t(24));
    return e.toFloats(arith::ShRSIOp::create(e, shifted(e.bitcast(bytes, e.ints()), 24), top));
  }

  //===---------------------------------------------- the same weights
  //---------------------------------------------------===//

  Value unsignedCodes(Value codes) {
    if (isEnlarged(from))
      return arith::ShLIOp::create(e, codes, e.splat(e.bytes(), int64_t(4)));
    if (from.codes == PackedFormat::U4)
      return codes;
    return arith::XOrIOp::create(e, codes, e.splat(e.bytes(), int64_t(-128))); // + 128
  }

  void unpackBlock(Value source, Value target) {
    PackedFormat asUnsigned = from;
    asUnsigned.zero = unsignedZero(from);
    for (int64_t set = 0; set < from.sets(); ++set) {
      auto [scale, shift] = loadScaling(e, asUnsigned, weight.memory, column, source, e.index(set));
      if (isEnlarged(from))
        scale = arith::MulFOp::create(e, scale, e.splat(e.floats(), 1 / 16.0));
      Value offset = scaleOffset(e, to, column, target, e.index(set));
      store(scale, offset);
      if (to.hasMin)
        store(arith::MulFOp::create(e, shift, e.splat(e.floats(), -1 / 128.0)),
              e.add(offset, to.minsOffset()));
    }
    for (int64_t group = 0; group < groups; ++group)
      storeCodes(target, group, unsignedCodes(codesOf.load(column, source, group)));
  }

  //===------------------------------------------- a scale for each row
  //---------------------------------------------------===//

  Scaling scalingOf(Value block, int64_t set) {
    return loadScaling(e, from, weight.memory, column, block, e.index(set));
  }

  /// The larger of `largest` and the magnitudes of a block's weights.
  Value largestIn(Value block, Value largest) {
    for (int64_t set = 0; set < from.sets(); ++set) {
      Value high, low;
      for (int64_t group = set * groupsOfSet(); group < (set + 1) * groupsOfSet(); ++group) {
        Value codes = codesOf.load(column, block, group);
        high = high ? arith::MaxSIOp::create(e, high, codes).getResult() : codes;
        low = low ? arith::MinSIOp::create(e, low, codes).getResult() : codes;
      }
      Scaling scaling = scalingOf(block, set);
      for (Value end : {acrossBytes<arith::MaxSIOp>(high), acrossBytes<arith::MinSIOp>(low)})
        largest = larger(e, largest, math::AbsFOp::create(e, e.fma(end, scaling.scale, scaling.shift)));
    }
    return largest;
  }

  /// `x` with eight bits of a fraction in both halves of its lane.
  Value fixedPoint(Value x) {
    Value whole = roundToInts(e, arith::MulFOp::create(e, x, e.splat(e.floats(), 256.0)));
    Value low = arith::AndIOp::create(e, whole, e.splat(e.ints(), int64_t(0xffff)));
    return e.bitcast(arith::OrIOp::create(e, low, shifted(whole, 16)), e.shorts());
  }

  /// The even and the odd ones of a vector of codes, in 16 bits.
  std::pair<Value, Value> widened(Value codes) {
    Value words = e.bitcast(codes, e.shorts()), eight = e.splat(e.shorts(), int64_t(8));
    if (from.codes == PackedFormat::U4)
      return {arith::AndIOp::create(e, words, e.splat(e.shorts(), int64_t(255))), shifted(words, -8)};
    return {arith::ShRSIOp::create(e, shifted(words, 8), eight), arith::ShRSIOp::create(e, words, eight)};
  }

  /// The codes of a block, of 0 to 255, for a scale whose inverse is given. What is between is in 16 bits
  /// modulo 2^16, eight of them a fraction.
  void roundBlock(Value source, Value target, Value inverse) {
    for (int64_t set = 0; set < from.sets(); ++set) {
      auto [scale, shift] = scalingOf(source, set);
      Value factor = fixedPoint(arith::MulFOp::create(e, scale, inverse));
      Value zero = e.splat(e.floats(), double(to.zero) + 0.5);
      Value base = fixedPoint(e.fma(shift, inverse, zero));
      for (int64_t group = set * groupsOfSet(); group < (set + 1) * groupsOfSet(); ++group) {
        auto [even, odd] = widened(codesOf.load(column, source, group));
        auto scaled = [&](Value words) -> Value {
          return arith::AddIOp::create(e, arith::MulIOp::create(e, words, factor), base);
        };
        Value high = arith::AndIOp::create(e, scaled(odd), e.splat(e.shorts(), int64_t(-256)));
        storeCodes(target, group, arith::OrIOp::create(e, shifted(scaled(even), -8), high));
      }
    }
  }
};

/// A register tile's panels.
struct PanelUnpacker {
  Emitter &e;
  const Panels &weight;
  ArrayRef<Column> columns;
  const Panels &unpacked;
  int64_t next;

  ColumnUnpacker unpackerOf(const Column &column) { return {e, weight, unpacked, column}; }
  Value sourceOf(Value b) { return e.mul(b, weight.format.blockBytes()); }

  /// For each column the largest magnitudes, also of block `b`.
  Values largestIn(Value b, Values largest) {
    prefetchPanels(e, weight.memory, columns, next, sourceOf(b), weight.format.blockBytes());
    for (auto [column, value] : llvm::zip_equal(columns, largest))
      value = unpackerOf(column).largestIn(sourceOf(b), value);
    return largest;
  }

  /// Stores the rows' scales; gives their inverses.
  Values storeScales(Values largest) {
    for (auto [column, value] : llvm::zip_equal(columns, largest)) {
      CodeScale scale = scaleFor(e, value);
      Value zero = e.index(0);
      unpackerOf(column).store(scale.scale, scaleOffset(e, unpacked.format, column, zero, zero));
      value = scale.inverse;
    }
    return largest;
  }

  Value targetOf(Value b) { return e.mul(b, unpacked.format.blockBytes()); }

  /// One scale for all blocks.
  void round(Value blocks) {
    Values none(columns.size(), e.zeros(e.floats()));
    Values largest = e.loop(e.index(0), blocks, 1, none,
                            [&](Value b, ValueRange found) { return largestIn(b, Values(found)); });
    Values inverses = storeScales(largest);
    e.loop(e.index(0), blocks, 1, [&](Value b) {
      for (auto [column, inverse] : llvm::zip_equal(columns, inverses))
        unpackerOf(column).roundBlock(sourceOf(b), targetOf(b), inverse);
    });
  }

  void unpack(Value blocks) {
    e.loop(e.index(0), blocks, 1, [&](Value b) {
      prefetchPanels(e, weight.memory, columns, next, sourceOf(b), weight.format.blockBytes());
      for (const Column &column : columns)
        unpackerOf(column).unpackBlock(sourceOf(b), targetOf(b));
    });
  }
};

} // namespace

void transformer::unpackPanels(Emitter &e, kernel::LinearOp op, const Panels &weight,
                               ArrayRef<Column> columns, const Panels &unpacked, int64_t next) {
  PanelUnpacker unpacker{e, weight, columns, unpacked, next};
  Value blocks = e.index(PackedFormat::blocks(op.getColumns()));
  unpacked.format.isRowScaled() ? unpacker.round(blocks) : unpacker.unpack(blocks);
}
