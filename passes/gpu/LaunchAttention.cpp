// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// kernel.attention with an online softmax: a block of work items for each token and query head. For each tile
// of keys a work item has a key's score, then some elements of the weighted sum of values. Of few tokens, a
// block for each slice of the keys as well; a second kernel combines what they leave.

#include "passes/gpu/Launches.h"
#include "passes/lower/KeyInterval.h"
#include "passes/lower/Scalars.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

using kernel::kKeyGroup;
constexpr int64_t kThreads = kKeyTile; ///< of a block: one for each key of a tile
constexpr float kLowest =
    -1.0e30f; ///< where running maxima start: finite, so that a hidden tile changes nothing

struct KeyRange {
  Value first, low, high, position;
};

/// What all kernels of attention end with. A state is the largest score, the sum of weights, and of the
/// weighted sum of values the elements that are the work item's.
class AttentionResult : protected Scalars {
public:
  AttentionResult(DeviceEmitter &e, kernel::AttentionOp op) : Scalars{e}, e(e), op(op) {
    valueSize = cast<MemRefType>(op.getValueMemory().getType()).getDimSize(2);
  }

  /// Combines what slices left.
  void emitCombination() {
    Value token = e.block(0), head = e.block(1);
    int64_t slices = cast<MemRefType>(op.getPartials().getType()).getDimSize(2);
    Values state = e.loop(e.index(0), e.index(slices), 1, start(), [&](Value slice, ValueRange carried) {
      auto part = [&](Value i) { return e.load(op.getPartials(), {token, head, slice, i}); };
      Value largest = larger(carried[0], part(e.index(0)));
      Value before = exp(arith::SubFOp::create(e, carried[0], largest));
      Value here = exp(arith::SubFOp::create(e, part(e.index(0)), largest));
      auto joined = [&](Value sum, Value more) {
        return math::FmaOp::create(e, more, here, multiply(sum, before)).getResult();
      };
      Values next{largest, joined(carried[1], part(e.index(1)))};
      for (int64_t chunk = 0; chunk < chunks(); ++chunk)
        next.push_back(joined(carried[static_cast<size_t>(2 + chunk)], part(e.add(element(chunk), 2))));
      return next;
    });
    finish(token, head, state);
  }

protected:
  DeviceEmitter &e;
  kernel::AttentionOp op;
  int64_t valueSize;

  int64_t chunks() const { return llvm::divideCeil(valueSize, kThreads); }
  Value minIndex(Value a, Value b) { return arith::MinSIOp::create(e, a, b); }
  Value multiply(Value a, Value b) { return arith::MulFOp::create(e, a, b); }

  Values start() {
    Values state{number(kLowest), number(0)};
    state.append(chunks(), number(0));
    return state;
  }

  /// The element of the output that is the work item's in a chunk; the last one for those that have none.
  Value element(int64_t chunk) {
    Value d = e.add(e.thread, chunk * kThreads);
    return valueSize % kThreads ? minIndex(d, e.index(valueSize - 1)) : d;
  }

  void storeElements(function_ref<void(Value element, int64_t chunk)> store) {
    for (int64_t chunk = 0; chunk < chunks(); ++chunk) {
      Value d = e.add(e.thread, chunk * kThreads);
      e.when(compare(CmpIPredicate::ult, d, e.index(valueSize)), [&] { store(d, chunk); });
    }
  }

  /// Divides by the sum; a row that saw no key is zeros. A sink joins maximum and sum.
  void finish(Value token, Value head, ValueRange state) {
    Value sum = state[1], scale = number(1);
    if (op.getSinks()) {
      Value sink = e.load(op.getSinks(), head), all = larger(sink, state[0]);
      scale = exp(arith::SubFOp::create(e, state[0], all));
      sum = add(multiply(sum, scale), exp(arith::SubFOp::create(e, sink, all)));
    }
    Value empty = compare(CmpFPredicate::OEQ, sum, number(0));
    Value inverse = select(empty, number(0), div(scale, sum));
    storeElements([&](Value d, int64_t chunk) {
      store(multiply(state[static_cast<size_t>(2 + chunk)], inverse), op.getOutput(), {token, head, d});
    });
  }
};

class AttentionBlock : AttentionResult {
public:
  AttentionBlock(DeviceEmitter &e, kernel::AttentionOp op) : AttentionResult(e, op) {
    auto keys = cast<MemRefType>(op.getKeyMemory().getType());
    keySize = keys.getDimSize(2);
    group = cast<MemRefType>(op.getQueries().getType()).getDimSize(1) / keys.getDimSize(1);
    query = e.shared({keySize}, e.getF32Type());
    weights = e.shared({kThreads}, e.getF32Type());
  }

  void emit() {
    Value token = e.block(0), head = e.block(1);
    finish(token, head, overKeys(token, head, keyRange(token)));
  }

  /// A slice of whole tiles.
  void emitSlice() {
    Value token = e.block(0), head = e.block(1), slice = e.block(2);
    KeyRange range = keyRange(token);
    int64_t slices = cast<MemRefType>(op.getPartials().getType()).getDimSize(2);
    Value tiles = ceilDiv(e, e.sub(range.high, range.low), kThreads);
    Value keys = e.mul(ceilDiv(e, tiles, slices), kThreads);
    range.low = e.add(range.low, arith::MulIOp::create(e, slice, keys));
    range.high = minIndex(range.high, e.add(range.low, keys));
    Values state = overKeys(token, head, range);
    auto leave = [&](Value value, Value i) { store(value, op.getPartials(), {token, head, slice, i}); };
    e.once([&] {
      leave(state[0], e.index(0));
      leave(state[1], e.index(1));
    });
    storeElements([&](Value d, int64_t chunk) { leave(state[static_cast<size_t>(2 + chunk)], e.add(d, 2)); });
  }

private:
  int64_t keySize, group;
  Value query, weights;

  bool isSoftmax() { return op.getNormalizer() == Normalizer::softmax; }
  Value maxIndex(Value a, Value b) { return arith::MaxSIOp::create(e, a, b); }

  /// The state after the keys of the range.
  Values overKeys(Value token, Value head, const KeyRange &range) {
    e.forThreads(e.index(keySize),
                 [&](Value d) { store(e.load(op.getQueries(), {token, head, d}), query, d); });
    e.barrier();
    Value keyHead = e.div(head, group);
    return e.loop(range.low, range.high, kThreads, start(), [&](Value tile, ValueRange carried) {
      return emitTile(tile, range, head, keyHead, carried);
    });
  }

  Value asF32(Value value) {
    return value.getType().isF32() ? value : arith::ExtFOp::create(e, e.getF32Type(), value).getResult();
  }

  KeyRange keyRange(Value token) {
    auto column = [&](BatchColumn which) { return batchColumn(e, op.getBatch(), token, which); };
    Value position = column(kPosition);
    auto [low, high] = keyInterval(e, op.getMask(), position, column(kKeyCount));
    return {column(kFirstKey), low, high, position};
  }

  Values emitTile(Value tile, const KeyRange &range, Value head, Value keyHead, ValueRange carried) {
    Value key = e.add(tile, e.thread);
    Value visible = compare(CmpIPredicate::slt, key, range.high);
    Value score = scoreOf(minIndex(key, e.add(range.high, -1)), range, head, keyHead);
    Value largest = carried[0], correction = number(1), weight;
    if (isSoftmax()) {
      score = select(visible, score, minusInfinity());
      largest = larger(largest, e.reduce(score, [&](Value a, Value b) { return larger(a, b); }));
      correction = exp(arith::SubFOp::create(e, carried[0], largest));
      Value hidden = compare(CmpFPredicate::OEQ, score, minusInfinity());
      weight = select(hidden, number(0), exp(arith::SubFOp::create(e, score, largest)));
    } else {
      weight = select(visible, score, number(0));
    }
    store(weight, weights, e.thread);
    Value sum = e.reduce(weight, [&](Value a, Value b) { return add(a, b); });
    Values next{largest, math::FmaOp::create(e, carried[1], correction, sum)};
    Value count = minIndex(e.index(kThreads), e.sub(range.high, tile));
    for (int64_t chunk = 0; chunk < chunks(); ++chunk)
      next.push_back(weightedSum(e.add(range.first, tile), count, keyHead, element(chunk),
                                 multiply(carried[static_cast<size_t>(2 + chunk)], correction)));
    e.barrier(); // before the weights are written again
    return next;
  }

  Value scoreOf(Value key, const KeyRange &range, Value head, Value keyHead) {
    Value row = e.add(range.first, key), keyGroup = e.div(row, kKeyGroup), lane = e.rem(row, kKeyGroup);
    Value product =
        e.loop(e.index(0), e.index(keySize), 1, number(0), [&](Value d, ValueRange carried) -> Values {
          Value element = asF32(e.load(op.getKeyMemory(), {keyGroup, keyHead, d, lane}));
          return {math::FmaOp::create(e, e.load(query, d), element, carried[0])};
        })[0];
    Value score = multiply(product, number(op.getScale().convertToDouble()));
    if (double cap = op.getSoftCap().convertToDouble(); cap != 0.0)
      score = multiply(math::TanhOp::create(e, multiply(score, number(1.0 / cap))), number(cap));
    if (op.getBias())
      score = add(score, distanceBias(key, range.position, head));
    return score;
  }

  /// Far distances count as the farthest of the table.
  Value distanceBias(Value key, Value position, Value head) {
    int64_t most = cast<MemRefType>(op.getBias().getType()).getDimSize(1) / 2;
    Value distance = minIndex(maxIndex(e.sub(key, position), e.index(-most)), e.index(most));
    return e.load(op.getBias(), {head, e.add(distance, most)});
  }

  Value weightedSum(Value firstRow, Value count, Value keyHead, Value d, Value start) {
    return e.loop(e.index(0), count, 1, start, [&](Value i, ValueRange carried) -> Values {
      Value value = asF32(e.load(op.getValueMemory(), {e.add(firstRow, i), keyHead, d}));
      return {math::FmaOp::create(e, e.load(weights, i), value, carried[0])};
    })[0];
  }
};

} // namespace

LogicalResult transformer::launchAttention(kernel::AttentionOp op, const GpuTarget &) {
  LoopEmitter host(op);
  Value tokens = host.dimension(op.getQueries(), 0), heads = host.dimension(op.getQueries(), 1);
  auto whole = [&](Operation *before) {
    DeviceEmitter e(before, "attention", {tokens, heads}, kThreads);
    AttentionBlock(e, op).emit();
    return success();
  };
  if (!op.getPartials())
    return whole(op);
  auto partials = cast<MemRefType>(op.getPartials().getType());
  auto slices = [&](Operation *before) {
    LoopEmitter around(before);
    DeviceEmitter part(before, "attention_slice", {tokens, heads, around.index(partials.getDimSize(2))},
                       kThreads);
    AttentionBlock(part, op).emitSlice();
    DeviceEmitter all(before, "attention_combine", {tokens, heads}, kThreads);
    AttentionResult(all, op).emitCombination();
    return success();
  };
  return launchByRows(op, tokens, partials.getDimSize(0), slices, whole);
}

void transformer::emitCacheUpdate(DeviceEmitter &e, kernel::CacheUpdateOp op, Value token) {
  auto keys = cast<MemRefType>(op.getKeyMemory().getType()),
       values = cast<MemRefType>(op.getValueMemory().getType());
  Scalars s{e};
  auto column = [&](BatchColumn which) { return batchColumn(e, op.getBatch(), token, which); };
  Value row = e.add(column(kFirstKey), column(kPosition));
  auto toCache = [&](Value value, Type type) {
    return type.isF32() ? value : arith::TruncFOp::create(e, type, value).getResult();
  };
  int64_t keySize = keys.getDimSize(2), valueSize = values.getDimSize(2);
  e.forThreads(e.index(keys.getDimSize(1) * keySize), [&](Value i) {
    Value head = e.div(i, keySize), d = e.rem(i, keySize);
    s.store(toCache(e.load(op.getKeys(), {token, head, d}), keys.getElementType()), op.getKeyMemory(),
            {e.div(row, kKeyGroup), head, d, e.rem(row, kKeyGroup)});
  });
  e.forThreads(e.index(values.getDimSize(1) * valueSize), [&](Value i) {
    Value head = e.div(i, valueSize), d = e.rem(i, valueSize);
    s.store(toCache(e.load(op.getValues(), {token, head, d}), values.getElementType()), op.getValueMemory(),
            {row, head, d});
  });
}

LogicalResult transformer::launchCacheUpdate(kernel::CacheUpdateOp op, const GpuTarget &target) {
  LoopEmitter host(op);
  DeviceEmitter e(op, "cache", {host.dimension(op.getKeys(), 0)}, target.threads);
  emitCacheUpdate(e, op, e.block(0));
  return success();
}
