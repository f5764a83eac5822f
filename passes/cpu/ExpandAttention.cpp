// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// kernel.attention as loops over tiles of keys with an online softmax.
//
// A register tile is some tokens of one sequence times some query heads that share a key head. For each tile
// of keys: scores of 16 keys at a time (keys lie transposed, so that a score vector is a vertical sum), the
// softmax update, then the weighted sum of values.

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/cpu/ByteCodes.h"
#include "passes/cpu/Expansion.h"
#include "passes/lower/KeyInterval.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

namespace mlir::transformer {
#define GEN_PASS_DEF_EXPANDATTENTION
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

using kernel::kKeyGroup;
constexpr int64_t kTileGroups = 8; ///< groups of a tile of keys: 128 keys
constexpr float kHidden = -std::numeric_limits<float>::infinity();
constexpr float kLowest =
    -1.0e30f; ///< where running maxima start: finite, so that a hidden tile changes nothing

/// A part of a value vector: `size` elements from `offset`.
struct Chunk {
  int64_t offset, size;
};

/// `size` split into vectors of `lanes` and smaller powers of two.
SmallVector<Chunk> chunksOf(int64_t size, int64_t lanes) {
  SmallVector<Chunk> chunks;
  for (int64_t offset = 0; offset < size;) {
    while (offset + lanes > size)
      lanes /= 2;
    chunks.push_back({offset, lanes});
    offset += lanes;
  }
  return chunks;
}

/// The keys that the tokens of a tile see: all of [low, high), of which token i sees [lows[i], highs[i]).
struct KeyRange {
  Value first, low, high;
  Values lows, highs, positions;
};

class AttentionEmitter {
public:
  AttentionEmitter(Emitter &e, kernel::AttentionOp op) : e(e), op(op) {
    auto queries = cast<MemRefType>(op.getQueries().getType());
    auto keys = cast<MemRefType>(op.getKeyMemory().getType());
    group = queries.getDimSize(1) / keys.getDimSize(1);
    keyHeads = keys.getDimSize(1);
    keySize = keys.getDimSize(2);
    valueSize = cast<MemRefType>(op.getValueMemory().getType()).getDimSize(2);
    vectors = kKeyGroup / e.lanes();
    int64_t most = std::max<int64_t>(1, 12 / vectors);
    headTile = std::min(group, most);
    while (group % headTile)
      --headTile;
    tokenTile = headTile == group ? std::max<int64_t>(1, most / group) : 1;
    createScratch();
  }

  void emit() {
    Value tokens = e.dimension(op.getQueries(), 0);
    e.loop(e.index(0), e.index(keyHeads), 1, [&](Value keyHead) {
      Value full = e.roundDown(tokens, tokenTile);
      e.loop(e.index(0), full, tokenTile, [&](Value token) { emitTokens(keyHead, token); });
      if (tokenTile > 1)
        e.loop(full, tokens, 1, [&](Value token) { emitHeads(keyHead, token, 1); });
    });
  }

private:
  Emitter &e;
  kernel::AttentionOp op;
  int64_t group, keyHeads, keySize, valueSize, vectors, headTile, tokenTile;
  Value scores, sums, maxima, corrections,
      outputs; // scratch: [rows][keys], [rows][lanes], [rows], [rows], [rows][value size]

  bool isSoftmax() { return op.getNormalizer() == Normalizer::softmax; }

  /// Scratch on the stack of the function, not of the loop.
  void createScratch() {
    int64_t rows = tokenTile * headTile;
    auto scratch = [&](ArrayRef<int64_t> shape) {
      return e.stackBuffer(MemRefType::get(shape, e.getF32Type()));
    };
    scores = scratch({rows, kKeyGroup * kTileGroups});
    sums = scratch({rows, e.lanes()});
    maxima = scratch({rows});
    corrections = scratch({rows});
    outputs = scratch({rows, valueSize});
  }

  Value column(Value token, BatchColumn which) { return batchColumn(e, op.getBatch(), token, which); }

  /// Tokens of one sequence go together, others one by one.
  void emitTokens(Value keyHead, Value token) {
    if (tokenTile == 1)
      return emitHeads(keyHead, token, 1);
    Value first = column(token, kFirstKey), same;
    for (int64_t i = 1; i < tokenTile; ++i) {
      Value equal =
          arith::CmpIOp::create(e, arith::CmpIPredicate::eq, column(e.add(token, i), kFirstKey), first);
      same = same ? arith::AndIOp::create(e, same, equal).getResult() : equal;
    }
    e.branch(
        same, [&] { emitHeads(keyHead, token, tokenTile); },
        [&] {
          e.loop(token, e.add(token, tokenTile), 1, [&](Value single) { emitHeads(keyHead, single, 1); });
        });
  }

  void emitHeads(Value keyHead, Value token, int64_t tokens) {
    KeyRange range = keyRange(token, tokens);
    Value begin = e.mul(keyHead, group);
    if (headTile == group)
      return emitTile(keyHead, begin, token, tokens, range);
    e.loop(begin, e.add(begin, group), headTile,
           [&](Value head) { emitTile(keyHead, head, token, tokens, range); });
  }

  Value maxIndex(Value a, Value b) { return arith::MaxSIOp::create(e, a, b); }
  Value minIndex(Value a, Value b) { return arith::MinSIOp::create(e, a, b); }

  KeyRange keyRange(Value token, int64_t tokens) {
    KeyRange range;
    range.first = column(token, kFirstKey);
    for (int64_t i = 0; i < tokens; ++i) {
      Value at = e.add(token, i), position = column(at, kPosition);
      auto [low, high] = keyInterval(e, op.getMask(), position, column(at, kKeyCount));
      range.positions.push_back(position);
      range.lows.push_back(low);
      range.highs.push_back(high);
      range.low = range.low ? minIndex(range.low, low) : low;
      range.high = range.high ? maxIndex(range.high, high) : high;
    }
    return range;
  }

  /// One register tile: `tokens` tokens times `headTile` heads. Row r is token r / headTile, head r %
  /// headTile.
  void emitTile(Value keyHead, Value head, Value token, int64_t tokens, const KeyRange &range) {
    int64_t rows = tokens * headTile;
    initialize(rows);
    Value firstGroup = e.div(range.low, kKeyGroup);
    Value endGroup = e.div(e.add(range.high, kKeyGroup - 1), kKeyGroup);
    e.loop(firstGroup, endGroup, kTileGroups, [&](Value groupBegin) {
      Value groupEnd = minIndex(e.add(groupBegin, kTileGroups), endGroup);
      forGroups(groupBegin, groupEnd, rows, [&](Value keyGroup, int64_t groups) {
        emitScores(keyHead, head, token, rows, range, keyGroup, groups, e.sub(keyGroup, groupBegin));
      });
      emitSoftmax(keyHead, rows, memoryGroup(range, groupBegin), e.sub(groupEnd, groupBegin));
      Value keyBegin = e.mul(groupBegin, kKeyGroup);
      emitWeightedSum(keyHead, rows, range, keyBegin, minIndex(e.mul(groupEnd, kKeyGroup), range.high));
    });
    finish(head, token, rows);
  }

  /// Groups of keys whose scores are summed together: a query element that is loaded meets all of them, and
  /// few rows alone would wait for their own additions.
  void forGroups(Value begin, Value end, int64_t rows,
                 function_ref<void(Value keyGroup, int64_t groups)> body) {
    int64_t together = 1;
    auto registers = [&](int64_t groups) { return groups * vectors * (rows + 1) + 1; };
    while (together < 4 && registers(2 * together) <= e.target.registers)
      together *= 2;
    Value whole = e.add(begin, e.roundDown(e.sub(end, begin), together));
    e.loop(begin, whole, together, [&](Value keyGroup) { body(keyGroup, together); });
    if (together > 1)
      e.loop(whole, end, 1, [&](Value keyGroup) { body(keyGroup, 1); });
  }

  void initialize(int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      e.storeVector(e.splat(e.floats(), 0.0), sums, {e.index(r), e.index(0)});
      memref::StoreOp::create(e, f32(kLowest), maxima, ValueRange{e.index(r)});
      for (Chunk chunk : chunksOf(valueSize, e.lanes()))
        e.storeVector(e.splat(e.vectorOf(e.getF32Type(), chunk.size), 0.0), outputs,
                      {e.index(r), e.index(chunk.offset)});
    }
  }

  Value f32(float value) { return arith::ConstantOp::create(e, e.getF32FloatAttr(value)); }

  /// Where a group of a sequence's keys lies in the cache.
  Value memoryGroup(const KeyRange &range, Value keyGroup) {
    return e.add(e.div(range.first, kKeyGroup), keyGroup);
  }

  /// Products of `groups` groups of 16 keys with every row; that of row r and vector v of the keys stands at
  /// r * groups * vectors + v.
  Values emitProducts(Value keyHead, Value head, Value token, int64_t rows, Value firstGroup,
                      int64_t groups) {
    int64_t wide = groups * vectors;
    Values accumulators(rows * wide, e.splat(e.floats(), 0.0));
    return e.loop(e.index(0), e.index(keySize), 1, accumulators, [&](Value d, ValueRange carried) {
      Values keys, next;
      for (int64_t v = 0; v < wide; ++v)
        keys.push_back(
            loadAsF32(e.lanes(), op.getKeyMemory(),
                      {e.add(firstGroup, v / vectors), keyHead, d, e.index(v % vectors * e.lanes())}));
      for (int64_t r = 0; r < rows; ++r) {
        Value query = e.load(op.getQueries(), {e.add(token, r / headTile), e.add(head, r % headTile), d});
        Value everywhere = e.broadcast(query, e.floats());
        for (int64_t v = 0; v < wide; ++v)
          next.push_back(e.fma(everywhere, keys[v], carried[r * wide + v]));
      }
      return next;
    });
  }

  /// Scores of `groups` groups of 16 keys for every row, scaled, capped, biased and masked, to the scratch
  /// from group `slot` on.
  void emitScores(Value keyHead, Value head, Value token, int64_t rows, const KeyRange &range, Value keyGroup,
                  int64_t groups, Value slot) {
    Value firstGroup = memoryGroup(range, keyGroup);
    Values products = emitProducts(keyHead, head, token, rows, firstGroup, groups);
    Value keyIndex = e.mul(keyGroup, kKeyGroup);
    int64_t wide = groups * vectors;
    for (int64_t v = 0; v < wide; ++v) {
      Value lane = laneIndices(e.add(keyIndex, v * e.lanes()));
      Value scale = e.splat(e.floats(), op.getScale().convertToDouble());
      if (op.getKeyScales()) {
        Value ofKeys =
            e.loadVector(e.floats(), op.getKeyScales(),
                         {e.add(firstGroup, v / vectors), keyHead, e.index(v % vectors * e.lanes())});
        scale = arith::MulFOp::create(e, scale, ofKeys);
      }
      for (int64_t r = 0; r < rows; ++r) {
        Value score = capped(arith::MulFOp::create(e, products[r * wide + v], scale));
        if (op.getBias())
          score = arith::AddFOp::create(
              e, score, distanceBias(lane, e.add(head, r % headTile), range.positions[r / headTile]));
        Value visible = isVisible(lane, range, r / headTile);
        score = arith::SelectOp::create(e, visible, score, e.splat(e.floats(), isSoftmax() ? kHidden : 0.0));
        e.storeVector(score, scores, {e.index(r), e.add(e.mul(slot, kKeyGroup), v * e.lanes())});
      }
    }
  }

  /// What the distances of 16 keys from a token add to their scores; far ones count as the farthest of the
  /// table.
  Value distanceBias(Value keys, Value head, Value position) {
    int64_t most = cast<MemRefType>(op.getBias().getType()).getDimSize(1) / 2;
    Value distance = arith::SubIOp::create(e, keys, e.broadcast(toI32(position), e.ints()));
    distance = arith::MaxSIOp::create(e, distance, e.splat(e.ints(), -most));
    distance = arith::MinSIOp::create(e, distance, e.splat(e.ints(), most));
    Value column = arith::AddIOp::create(e, distance, e.splat(e.ints(), most));
    Value all = e.splat(e.vectorOf(e.getI1Type(), e.lanes()), int64_t{1});
    return vector::GatherOp::create(e, e.floats(), op.getBias(), ValueRange{head, e.index(0)}, column, all,
                                    e.splat(e.floats(), 0.0));
  }

  Value capped(Value score) {
    double cap = op.getSoftCap().convertToDouble();
    if (cap == 0.0)
      return score;
    Value tanh = math::TanhOp::create(e, arith::MulFOp::create(e, score, e.splat(e.floats(), 1.0 / cap)));
    return arith::MulFOp::create(e, tanh, e.splat(e.floats(), cap));
  }

  /// begin, begin + 1, ... as i32 lanes
  Value laneIndices(Value begin) {
    SmallVector<int32_t> steps;
    for (int32_t i = 0; i < e.lanes(); ++i)
      steps.push_back(i);
    Value offsets = arith::ConstantOp::create(e, DenseElementsAttr::get(e.ints(), ArrayRef<int32_t>(steps)));
    return arith::AddIOp::create(e, e.broadcast(toI32(begin), e.ints()), offsets);
  }

  Value toI32(Value index) { return arith::IndexCastOp::create(e, e.getI32Type(), index); }

  Value isVisible(Value lane, const KeyRange &range, int64_t token) {
    Value below = arith::CmpIOp::create(e, arith::CmpIPredicate::slt, lane,
                                        e.broadcast(toI32(range.highs[token]), e.ints()));
    if (!op.getMask().getWindow() && !op.getMask().getChunk())
      return below;
    Value above = arith::CmpIOp::create(e, arith::CmpIPredicate::sge, lane,
                                        e.broadcast(toI32(range.lows[token]), e.ints()));
    return arith::AndIOp::create(e, below, above);
  }

  /// Scores of the tile become weights relative to the running maximum; sums and the correction of what came
  /// before follow. A weight that is stored has met the scale of its value.
  void emitSoftmax(Value keyHead, int64_t rows, Value firstGroup, Value groups) {
    Value end = e.mul(groups, kKeyGroup);
    auto storeWeight = [&](Value weight, Value row, Value k) {
      if (op.getValueScales()) {
        Value group = e.add(firstGroup, e.div(k, kKeyGroup));
        Value scale = e.loadVector(e.floats(), op.getValueScales(), {group, keyHead, e.rem(k, kKeyGroup)});
        weight = arith::MulFOp::create(e, weight, scale);
      }
      e.storeVector(weight, scores, {row, k});
    };
    for (int64_t r = 0; r < rows; ++r) {
      Value row = e.index(r);
      Value sum = e.loadVector(e.floats(), sums, {row, e.index(0)});
      if (!isSoftmax()) {
        sum = e.loop(e.index(0), end, e.lanes(), sum, [&](Value k, ValueRange carried) -> Values {
          Value weight = e.loadVector(e.floats(), scores, {row, k});
          if (op.getValueScales())
            storeWeight(weight, row, k);
          return {arith::AddFOp::create(e, carried[0], weight)};
        })[0];
        e.storeVector(sum, sums, {row, e.index(0)});
        memref::StoreOp::create(e, f32(1.0f), corrections, ValueRange{row});
        continue;
      }
      Value before = e.load(maxima, {row});
      Value largest = e.loop(e.index(0), end, e.lanes(), e.broadcast(before, e.floats()),
                             [&](Value k, ValueRange carried) -> Values {
                               return {maximum(carried[0], e.loadVector(e.floats(), scores, {row, k}))};
                             })[0];
      Value now =
          vector::ReductionOp::create(e, vector::CombiningKind::MAXNUMF, largest, arith::FastMathFlags::nnan);
      Value nowWide = e.broadcast(now, e.floats());
      Value correction =
          math::ExpOp::create(e, arith::SubFOp::create(e, e.broadcast(before, e.floats()), nowWide));
      Value kept = arith::MulFOp::create(e, sum, correction);
      sum = e.loop(e.index(0), end, e.lanes(), kept, [&](Value k, ValueRange carried) -> Values {
        Value score = e.loadVector(e.floats(), scores, {row, k});
        // Of a hidden key 0: the running maximum is finite.
        Value weight = math::ExpOp::create(e, arith::SubFOp::create(e, score, nowWide));
        storeWeight(weight, row, k);
        return {arith::AddFOp::create(e, carried[0], weight)};
      })[0];
      e.storeVector(sum, sums, {row, e.index(0)});
      memref::StoreOp::create(e, now, maxima, ValueRange{row});
      memref::StoreOp::create(e, vector::ExtractOp::create(e, correction, 0), corrections, ValueRange{row});
    }
  }

  Value maximum(Value a, Value b) {
    Value greater = arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, a, b);
    return arith::SelectOp::create(e, greater, a, b);
  }

  /// outputs = outputs * correction + weights * values, over the keys that some token of the tile sees.
  void emitWeightedSum(Value keyHead, int64_t rows, const KeyRange &range, Value keyBegin, Value keyEnd) {
    SmallVector<Chunk> chunks = chunksOf(valueSize, e.lanes());
    int64_t together = std::max<int64_t>(1, e.target.accumulators() / rows);
    Value start = maxIndex(keyBegin, range.low);
    for (size_t at = 0; at < chunks.size(); at += together) {
      ArrayRef<Chunk> part =
          ArrayRef<Chunk>(chunks).slice(at, std::min<size_t>(together, chunks.size() - at));
      Values accumulators;
      for (int64_t r = 0; r < rows; ++r)
        for (Chunk chunk : part) {
          VectorType type = e.vectorOf(e.getF32Type(), chunk.size);
          Value correction = e.broadcast(e.load(corrections, {e.index(r)}), type);
          accumulators.push_back(arith::MulFOp::create(
              e, e.loadVector(type, outputs, {e.index(r), e.index(chunk.offset)}), correction));
        }
      Values results = e.loop(start, keyEnd, 1, accumulators, [&](Value key, ValueRange carried) {
        Values values, next;
        for (Chunk chunk : part)
          values.push_back(loadAsF32(chunk.size, op.getValueMemory(),
                                     {e.add(range.first, key), keyHead, e.index(chunk.offset)}));
        for (int64_t r = 0; r < rows; ++r) {
          Value weight = e.load(scores, {e.index(r), e.sub(key, keyBegin)});
          for (size_t c = 0; c < part.size(); ++c)
            next.push_back(e.fma(e.broadcast(weight, cast<VectorType>(values[c].getType())), values[c],
                                 carried[r * part.size() + c]));
        }
        return next;
      });
      for (int64_t r = 0; r < rows; ++r)
        for (size_t c = 0; c < part.size(); ++c)
          e.storeVector(results[r * part.size() + c], outputs, {e.index(r), e.index(part[c].offset)});
    }
  }

  /// Divides by the sums; a row that saw no key is zeros.
  void finish(Value head, Value token, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      Value row = e.index(r), queryHead = e.add(head, r % headTile);
      Value sum = vector::ReductionOp::create(e, vector::CombiningKind::ADD,
                                              e.loadVector(e.floats(), sums, {row, e.index(0)}),
                                              arith::FastMathFlags::reassoc);
      Value scale = f32(1.0f);
      if (op.getSinks())
        std::tie(sum, scale) = withSink(sum, row, queryHead);
      Value empty = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, sum, f32(0.0f));
      Value inverse = arith::SelectOp::create(e, empty, f32(0.0f), arith::DivFOp::create(e, scale, sum));
      for (Chunk chunk : chunksOf(valueSize, e.lanes())) {
        VectorType type = e.vectorOf(e.getF32Type(), chunk.size);
        Value output = arith::MulFOp::create(e, e.loadVector(type, outputs, {row, e.index(chunk.offset)}),
                                             e.broadcast(inverse, type));
        e.storeVector(output, op.getOutput(), {e.add(token, r / headTile), queryHead, e.index(chunk.offset)});
      }
    }
  }

  /// The sink joins maximum and sum: (sum e^(m - M) + e^(sink - M), e^(m - M)), M the larger of both.
  std::pair<Value, Value> withSink(Value sum, Value row, Value queryHead) {
    Value sink = e.load(op.getSinks(), {queryHead}), largest = e.load(maxima, {row});
    Value all = maximum(sink, largest);
    auto share = [&](Value x) {
      Value wide = math::ExpOp::create(e, e.broadcast(arith::SubFOp::create(e, x, all), e.floats()));
      return vector::ExtractOp::create(e, wide, 0).getResult();
    };
    Value scale = share(largest);
    return {arith::AddFOp::create(e, arith::MulFOp::create(e, sum, scale), share(sink)), scale};
  }

  Value loadAsF32(int64_t size, Value memory, ValueRange indices) {
    Type element = cast<MemRefType>(memory.getType()).getElementType();
    Value loaded = e.loadVector(e.vectorOf(element, size), memory, indices);
    if (element.isInteger(8))
      return e.toFloats(loaded);
    return element.isF32() ? loaded : e.extend(loaded);
  }
};

LogicalResult expandAttention(Emitter &e, kernel::AttentionOp op) {
  AttentionEmitter(e, op).emit();
  return success();
}

/// Writes the step's keys and values into the cache.
class CacheUpdateEmitter {
public:
  CacheUpdateEmitter(Emitter &e, kernel::CacheUpdateOp op) : e(e), op(op) {
    if (op.getKeyScales())
      codes = e.stackBuffer(MemRefType::get({keyMemory().getDimSize(2)}, e.getI8Type()));
  }

  void emit() {
    auto column = [&](Value token, BatchColumn which) { return batchColumn(e, op.getBatch(), token, which); };
    e.loop(e.index(0), e.dimension(op.getKeys(), 0), 1, [&](Value token) {
      Value row = e.add(column(token, kFirstKey), column(token, kPosition));
      e.loop(e.index(0), e.index(keyMemory().getDimSize(1)), 1, [&](Value head) {
        op.getKeyScales() ? storeScaledKeys(token, head, row) : storeKeys(token, head, row);
        storeValues(token, head, row);
      });
    });
  }

private:
  Emitter &e;
  kernel::CacheUpdateOp op;
  Value codes; ///< scratch: those of a key

  MemRefType keyMemory() { return cast<MemRefType>(op.getKeyMemory().getType()); }
  MemRefType valueMemory() { return cast<MemRefType>(op.getValueMemory().getType()); }

  /// Rounds to the cache's type.
  Value toCache(Value value) {
    Type element = keyMemory().getElementType();
    if (element.isF32())
      return value;
    Type type = element;
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      type = e.vectorOf(element, vector.getNumElements());
    return arith::TruncFOp::create(e, type, value);
  }

  /// Keys lie transposed: an element goes to the lane of its row.
  void forKeyElements(Value head, Value row, function_ref<void(Value d, ValueRange place)> body) {
    Value group = e.div(row, kKeyGroup), lane = e.rem(row, kKeyGroup);
    e.loop(e.index(0), e.index(keyMemory().getDimSize(2)), 1,
           [&](Value d) { body(d, ValueRange{group, head, d, lane}); });
  }

  void storeKeys(Value token, Value head, Value row) {
    forKeyElements(head, row, [&](Value d, ValueRange place) {
      e.store(toCache(e.load(op.getKeys(), {token, head, d})), op.getKeyMemory(), place);
    });
  }

  void storeScaledKeys(Value token, Value head, Value row) {
    quantize(op.getKeys(), token, head, row, op.getKeyScales(),
             [&](Value part, Value offset) { e.storeVector(part, codes, {offset}); });
    forKeyElements(head, row,
                   [&](Value d, ValueRange place) { e.store(e.load(codes, {d}), op.getKeyMemory(), place); });
  }

  void storeValues(Value token, Value head, Value row) {
    auto storePart = [&](Value part, Value offset) {
      e.storeVector(part, op.getValueMemory(), {row, head, offset});
    };
    if (op.getValueScales())
      return quantize(op.getValues(), token, head, row, op.getValueScales(), storePart);
    for (auto [part, offset] : loadParts(op.getValues(), token, head))
      storePart(toCache(part), offset);
  }

  /// Calls `store` with the codes of a token's elements of a head, and keeps their scale.
  void quantize(Value from, Value token, Value head, Value row, Value scales,
                function_ref<void(Value part, Value offset)> store) {
    SmallVector<std::pair<Value, Value>> parts = loadParts(from, token, head);
    Value largest;
    for (auto [part, offset] : parts) {
      Value ofPart = largestMagnitude(e, part);
      largest = largest ? larger(e, largest, ofPart) : ofPart;
    }
    auto [scale, inverse] = scaleFor(e, largest);
    e.store(scale, scales, {e.div(row, kKeyGroup), head, e.rem(row, kKeyGroup)});
    for (auto [part, offset] : parts)
      store(toBytes(e, codesOf(e, part, inverse)), offset);
  }

  /// Vectors of a token's elements of a head, with their offsets.
  SmallVector<std::pair<Value, Value>> loadParts(Value from, Value token, Value head) {
    SmallVector<std::pair<Value, Value>> parts;
    for (Chunk chunk : chunksOf(cast<MemRefType>(from.getType()).getDimSize(2), e.lanes())) {
      Value offset = e.index(chunk.offset);
      parts.push_back(
          {e.loadVector(e.vectorOf(e.getF32Type(), chunk.size), from, {token, head, offset}), offset});
    }
    return parts;
  }
};

LogicalResult expandCacheUpdate(Emitter &e, kernel::CacheUpdateOp op) {
  CacheUpdateEmitter(e, op).emit();
  return success();
}

struct ExpandAttention : transformer::impl::ExpandAttentionBase<ExpandAttention> {
  using ExpandAttentionBase::ExpandAttentionBase;
  void runOnOperation() override {
    if (failed(expandAll<kernel::AttentionOp>(getOperation(), cpu, expandAttention)) ||
        failed(expandAll<kernel::CacheUpdateOp>(getOperation(), cpu, expandCacheUpdate)))
      signalPassFailure();
  }
};

} // namespace
