// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The likeliest tokens. One of each row: a block looks at all of it. Several: blocks sort slices of a row and
// leave the first few of each, and one more block sorts these. A barrier after each step of sorting is all
// that its work items need of each other.

#include "passes/gpu/Launches.h"

#include "passes/gpu/DeviceEmitter.h"
#include "passes/lower/Scalars.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr int64_t kThreads = 1024;
constexpr int32_t kNoToken = std::numeric_limits<int32_t>::max(); ///< behind all others

/// NaN counts as infinity, which is refused at the end.
Value loadLogit(Scalars &s, kernel::LikeliestOp op, Value row, Value column) {
  Value x = s.e.load(op.getLogits(), {row, column});
  Value infinity = s.number(std::numeric_limits<float>::infinity());
  return s.select(s.compare(CmpFPredicate::UNO, x, x), infinity, x);
}

Value isFinite(Scalars &s, Value x) {
  return s.both(s.compare(CmpFPredicate::OGT, x, s.minusInfinity()),
                s.compare(CmpFPredicate::OLT, x, s.number(std::numeric_limits<float>::infinity())));
}

/// A block for each row. Its work items read several elements before they compare any: one at a time, a row
/// of a hundred thousand would take as long as a hundred waits for memory.
void launchLargest(kernel::LikeliestOp op) {
  constexpr int64_t kAtOnce = 8;
  LoopEmitter host(op);
  DeviceEmitter e(op, "likeliest", {host.dimension(op.getLogits(), 0)}, kThreads);
  Scalars s{e};
  Value row = e.block(0), columns = e.dimension(op.getLogits(), 1), last = e.sub(columns, e.index(1));
  Values best = e.loop(e.thread, columns, kThreads * kAtOnce, {s.minusInfinity(), e.index(0)},
                       [&](Value first, ValueRange carried) -> Values {
                         Values places, values;
                         for (int64_t i = 0; i < kAtOnce; ++i) {
                           places.push_back(e.min(e.add(first, i * kThreads), last)); // the last one again
                           values.push_back(loadLogit(s, op, row, places.back()));
                         }
                         Value largest = carried[0], place = carried[1];
                         for (auto [value, at] : llvm::zip_equal(values, places)) {
                           Value isLarger = s.compare(CmpFPredicate::OGT, value, largest);
                           largest = s.select(isLarger, value, largest);
                           place = s.select(isLarger, at, place);
                         }
                         return {largest, place};
                       });
  Value largest = e.reduce(best[0], [&](Value a, Value b) { return s.larger(a, b); });
  Value mine = s.select(s.compare(CmpFPredicate::OEQ, best[0], largest), best[1], columns);
  Value lowest = e.reduce(arith::IndexCastOp::create(e, e.getI32Type(), mine),
                          [&](Value a, Value b) { return arith::MinSIOp::create(e, a, b).getResult(); });
  e.once([&] {
    Value nothing = arith::ConstantOp::create(e, e.getI32IntegerAttr(-1));
    e.store(s.select(isFinite(s, largest), lowest, nothing), op.getTokens(), {row, e.index(0)});
  });
}

//===----------------------------------- several of each row --------------------------------------===//

/// Logits and tokens in a block's memory, two for each work item, in lists of `count`, the best first.
class Sorter {
public:
  static constexpr int64_t kPlaces = 2 * kThreads;
  static_assert(kPlaces == kernel::LikeliestOp::kSlice);

  Sorter(DeviceEmitter &e, int64_t count)
      : e(e), s{e}, count(count), logits(e.shared({kPlaces}, e.getF32Type())),
        tokens(e.shared({kPlaces}, e.getI32Type())) {}

  void put(Value place, Value logit, Value token) {
    e.store(s.select(s.compare(CmpFPredicate::OGT, logit, s.minusInfinity()), token, constant(kNoToken)),
            tokens, place);
    e.store(logit, logits, place);
  }
  Value logit(Value place) { return e.load(logits, place); }
  /// -1 where there is none.
  Value token(Value place) {
    Value token = e.load(tokens, place);
    return s.select(s.compare(CmpIPredicate::eq, token, constant(kNoToken)), constant(-1), token);
  }

  /// Orders each list. Two lists of half its size are ordered already: the better of each pair of places at
  /// the same distance from the ends comes first, then the halves are ordered.
  void sortLists() {
    e.barrier();
    for (int64_t size = 2; size <= count; size *= 2) {
      exchange(kThreads, [&](Value pair) {
        Value list = e.mul(e.div(pair, size / 2), size), at = e.rem(pair, size / 2);
        return std::pair(e.add(list, at), e.sub(e.add(list, size - 1), at));
      });
      for (int64_t stride = size / 4; stride > 0; stride /= 2)
        exchange(kThreads, [&](Value pair) { return neighbours(pair, stride); });
    }
  }

  /// Makes one list of all, which keeps the best: of two lists, the better of each pair of places are the
  /// best of both.
  void mergeLists() {
    e.barrier();
    for (int64_t apart = count; apart < kPlaces; apart *= 2) {
      int64_t lists = kPlaces / (2 * apart);
      exchange(lists * count, [&](Value pair) {
        Value list = e.mul(e.div(pair, count), 2 * apart), at = e.rem(pair, count);
        return std::pair(e.add(list, at), e.sub(e.add(list, apart + count - 1), at));
      });
      for (int64_t stride = count / 2; stride > 0; stride /= 2)
        exchange(lists * count / 2, [&](Value pair) {
          Value list = e.mul(e.div(pair, count / 2), 2 * apart);
          auto [a, b] = neighbours(e.rem(pair, count / 2), stride);
          return std::pair(e.add(list, a), e.add(list, b));
        });
    }
  }

private:
  Value constant(int32_t value) { return arith::ConstantOp::create(e, e.getI32IntegerAttr(value)); }

  std::pair<Value, Value> neighbours(Value pair, int64_t stride) {
    Value first = e.add(e.mul(e.div(pair, stride), 2 * stride), e.rem(pair, stride));
    return {first, e.add(first, stride)};
  }

  /// Puts the better one first of `pairs` pairs of places, one for each work item.
  void exchange(int64_t pairs, function_ref<std::pair<Value, Value>(Value pair)> placesOf) {
    auto body = [&] {
      auto [a, b] = placesOf(e.thread);
      Value logitA = logit(a), logitB = logit(b), tokenA = e.load(tokens, a), tokenB = e.load(tokens, b);
      Value isWorse = s.either(s.compare(CmpFPredicate::OGT, logitB, logitA),
                               s.both(s.compare(CmpFPredicate::OEQ, logitB, logitA),
                                      s.compare(CmpIPredicate::slt, tokenB, tokenA)));
      e.when(isWorse, [&] {
        e.store(logitB, logits, a);
        e.store(logitA, logits, b);
        e.store(tokenB, tokens, a);
        e.store(tokenA, tokens, b);
      });
    };
    if (pairs == kThreads)
      body();
    else
      e.when(s.compare(CmpIPredicate::ult, e.thread, e.index(pairs)), body);
    e.barrier();
  }

  DeviceEmitter &e;
  Scalars s;
  int64_t count;
  Value logits, tokens;
};

/// exp((x - largest) / temperature), 0 for minus infinity.
Value mass(Scalars &s, Value x, Value largest, Value temperature) {
  Value difference = arith::SubFOp::create(s.e, x, largest);
  return s.select(s.compare(CmpFPredicate::OGT, x, s.minusInfinity()), s.exp(s.div(difference, temperature)),
                  s.number(0));
}

/// A block for each slice of a row.
void launchSlices(kernel::LikeliestOp op) {
  LoopEmitter host(op);
  int64_t columns = op.getLogits().getType().getDimSize(1), count = op.getCount();
  int64_t slices = op.getPartialTokens().getType().getDimSize(1);
  int64_t size = llvm::divideCeil(columns, slices);
  DeviceEmitter e(op, "likeliest_slice", {host.index(slices), host.dimension(op.getLogits(), 0)}, kThreads);
  Scalars s{e};
  Value slice = e.block(0), row = e.block(1);
  Sorter sorter(e, count);
  Values mine;
  for (int64_t part = 0; part < 2; ++part) {
    Value place = e.add(e.thread, part * kThreads), column = e.add(e.mul(slice, size), place);
    Value isInside = s.both(s.compare(CmpIPredicate::ult, place, e.index(size)),
                            s.compare(CmpIPredicate::ult, column, e.index(columns)));
    Value x = loadLogit(s, op, row, e.min(column, e.index(columns - 1)));
    mine.push_back(s.select(isInside, x, s.minusInfinity()));
    sorter.put(place, mine.back(), arith::IndexCastOp::create(e, e.getI32Type(), column));
  }
  sorter.sortLists();
  sorter.mergeLists();
  e.when(s.compare(CmpIPredicate::ult, e.thread, e.index(count)),
         [&] { e.store(sorter.token(e.thread), op.getPartialTokens(), {row, slice, e.thread}); });
  Value largest = sorter.logit(e.index(0)), temperature = e.load(op.getTemperatures(), row);
  Value sum = s.add(mass(s, mine[0], largest, temperature), mass(s, mine[1], largest, temperature));
  Value whole = e.reduce(sum, [&](Value a, Value b) { return s.add(a, b); });
  e.once([&] { e.store(whole, op.getPartialMasses(), {row, slice}); });
}

/// A block for each row: the list of the first slice stays, those of as many others as there are places join
/// it at a time.
void launchCombination(kernel::LikeliestOp op) {
  LoopEmitter host(op);
  int64_t columns = op.getLogits().getType().getDimSize(1), count = op.getCount();
  int64_t slices = op.getPartialTokens().getType().getDimSize(1);
  DeviceEmitter e(op, "likeliest_combine", {host.dimension(op.getLogits(), 0)}, kThreads);
  Scalars s{e};
  Value row = e.block(0), temperature = e.load(op.getTemperatures(), row);
  auto firstOf = [&](Value slice, Value at) -> std::pair<Value, Value> { // token and logit
    Value token = e.load(op.getPartialTokens(), {row, slice, at});
    Value none = s.compare(CmpIPredicate::slt, token, arith::ConstantOp::create(e, e.getI32IntegerAttr(0)));
    Value column = s.select(none, e.index(0), arith::IndexCastOp::create(e, e.getIndexType(), token));
    return {token,
            s.select(none, s.minusInfinity(), loadLogit(s, op, row, e.min(column, e.index(columns - 1))))};
  };
  Sorter sorter(e, count);
  e.when(s.compare(CmpIPredicate::ult, e.thread, e.index(count)), [&] {
    auto [token, logit] = firstOf(e.index(0), e.thread);
    sorter.put(e.thread, logit, token);
  });
  int64_t others = Sorter::kPlaces / count - 1;
  e.loop(e.index(0), e.index(slices - 1), others, [&](Value before) {
    for (int64_t part = 0; part < 2; ++part) {
      Value place = e.add(e.thread, part * kThreads), list = e.div(place, count), slice = e.add(before, list);
      e.when(s.compare(CmpIPredicate::uge, place, e.index(count)), [&] {
        auto [token, logit] = firstOf(e.min(slice, e.index(slices - 1)), e.rem(place, count));
        Value isInside = s.compare(CmpIPredicate::ult, slice, e.index(slices));
        sorter.put(place, s.select(isInside, logit, s.minusInfinity()), token);
      });
    }
    sorter.mergeLists();
  });
  e.barrier();
  Value largest = sorter.logit(e.index(0));
  Values sum = e.loop(
      e.thread, e.index(slices), kThreads, {s.number(0)}, [&](Value slice, ValueRange carried) -> Values {
        Value first = firstOf(slice, e.index(0)).second;
        Value part = arith::MulFOp::create(e, e.load(op.getPartialMasses(), {row, slice}),
                                           mass(s, first, largest, temperature));
        return {s.add(carried[0],
                      s.select(s.compare(CmpFPredicate::OGT, first, s.minusInfinity()), part, s.number(0)))};
      });
  Value whole = e.reduce(sum[0], [&](Value a, Value b) { return s.add(a, b); });
  e.when(s.compare(CmpIPredicate::ult, e.thread, e.index(count)), [&] {
    Value nothing = arith::ConstantOp::create(e, e.getI32IntegerAttr(-1));
    e.store(s.select(isFinite(s, largest), sorter.token(e.thread), nothing), op.getTokens(), {row, e.thread});
    e.store(sorter.logit(e.thread), op.getValues(), {row, e.thread});
  });
  e.once([&] { e.store(whole, op.getValues(), {row, e.index(count)}); });
}

} // namespace

LogicalResult transformer::launchLikeliest(kernel::LikeliestOp op, const GpuTarget &) {
  if (!op.getTemperatures()) {
    launchLargest(op);
    return success();
  }
  launchSlices(op);
  launchCombination(op);
  return success();
}
