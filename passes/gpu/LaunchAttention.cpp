// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// kernel.attention with an online softmax: a block of work items for each token and query head. For each tile
// of keys a work item has a key's score, then some elements of the weighted sum of values.

#include "passes/gpu/Launches.h"
#include "passes/lower/KeyInterval.h"
#include "passes/lower/Scalars.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr int64_t kKeyGroup = 16; ///< keys that lie side by side in the cache
constexpr int64_t kThreads = 128; ///< of a block, and keys of a tile
constexpr float kLowest =
    -1.0e30f; ///< where running maxima start: finite, so that a hidden tile changes nothing

struct KeyRange {
  Value first, low, high, position;
};

class AttentionBlock : Scalars {
public:
  AttentionBlock(DeviceEmitter &e, kernel::AttentionOp op) : Scalars{e}, e(e), op(op) {
    auto keys = cast<MemRefType>(op.getKeyMemory().getType());
    keySize = keys.getDimSize(2);
    valueSize = cast<MemRefType>(op.getValueMemory().getType()).getDimSize(2);
    group = cast<MemRefType>(op.getQueries().getType()).getDimSize(1) / keys.getDimSize(1);
    query = e.shared({keySize}, e.getF32Type());
    weights = e.shared({kThreads}, e.getF32Type());
  }

  void emit() {
    Value token = e.block(0), head = e.block(1), keyHead = e.div(head, group);
    KeyRange range = keyRange(token);
    e.forThreads(e.index(keySize),
                 [&](Value d) { store(e.load(op.getQueries(), {token, head, d}), query, d); });
    e.barrier();
    Values state{number(kLowest), number(0)}; // running maximum, sum, then the work item's outputs
    state.append(chunks(), number(0));
    state = e.loop(range.low, range.high, kThreads, state, [&](Value tile, ValueRange carried) {
      return emitTile(tile, range, head, keyHead, carried);
    });
    finish(token, head, state);
  }

private:
  DeviceEmitter &e;
  kernel::AttentionOp op;
  int64_t keySize, valueSize, group;
  Value query, weights;

  bool isSoftmax() { return op.getNormalizer() == Normalizer::softmax; }
  int64_t chunks() const { return llvm::divideCeil(valueSize, kThreads); }
  Value maxIndex(Value a, Value b) { return arith::MaxSIOp::create(e, a, b); }
  Value minIndex(Value a, Value b) { return arith::MinSIOp::create(e, a, b); }
  Value multiply(Value a, Value b) { return arith::MulFOp::create(e, a, b); }
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

  /// The element of the output that is the work item's in a chunk; the last one for those that have none.
  Value element(int64_t chunk) {
    Value d = e.add(e.thread, chunk * kThreads);
    return valueSize % kThreads ? minIndex(d, e.index(valueSize - 1)) : d;
  }

  Value weightedSum(Value firstRow, Value count, Value keyHead, Value d, Value start) {
    return e.loop(e.index(0), count, 1, start, [&](Value i, ValueRange carried) -> Values {
      Value value = asF32(e.load(op.getValueMemory(), {e.add(firstRow, i), keyHead, d}));
      return {math::FmaOp::create(e, e.load(weights, i), value, carried[0])};
    })[0];
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
    for (int64_t chunk = 0; chunk < chunks(); ++chunk) {
      Value d = e.add(e.thread, chunk * kThreads);
      e.when(compare(CmpIPredicate::ult, d, e.index(valueSize)), [&] {
        store(multiply(state[static_cast<size_t>(2 + chunk)], inverse), op.getOutput(), {token, head, d});
      });
    }
  }
};

} // namespace

LogicalResult transformer::launchAttention(kernel::AttentionOp op, const GpuTarget &) {
  LoopEmitter host(op);
  DeviceEmitter e(op, "attention", {host.dimension(op.getQueries(), 0), host.dimension(op.getQueries(), 1)},
                  kThreads);
  AttentionBlock(e, op).emit();
  return success();
}

LogicalResult transformer::launchCacheUpdate(kernel::CacheUpdateOp op, const GpuTarget &target) {
  auto keys = cast<MemRefType>(op.getKeyMemory().getType()),
       values = cast<MemRefType>(op.getValueMemory().getType());
  LoopEmitter host(op);
  DeviceEmitter e(op, "cache", {host.dimension(op.getKeys(), 0)}, target.threads);
  Scalars s{e};
  Value token = e.block(0);
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
  return success();
}
