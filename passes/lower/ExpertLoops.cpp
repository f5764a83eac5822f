// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What stands around the products of experts: the choice of each token, and the order of the choices by
// expert. Scalar loops: there are few numbers.

#include "passes/lower/ExpertLoops.h"
#include "passes/lower/Scalars.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

//===------------------------------- route --------------------------------===//

struct RouteLoops : Scalars {
  kernel::RouteOp op;
  int64_t experts = cast<MemRefType>(op.getLogits().getType()).getDimSize(1);
  int64_t chosen = cast<MemRefType>(op.getExperts().getType()).getDimSize(1);
  int64_t groups = op.getGroups(), members = groups ? experts / groups : 0;
  Value scores = numbers(experts), ranks = numbers(experts);
  Value order = op.getCorrectionBias() ? numbers(experts) : Value();
  Value groupScores = groups ? numbers(groups) : Value(), kept = groups ? numbers(groups) : Value();

  RouteLoops(LoopEmitter &e, kernel::RouteOp op) : Scalars{e}, op(op) {}

  Value numbers(int64_t count) { return e.stackBuffer(MemRefType::get(count, e.getF32Type())); }

  void forEach(int64_t count, function_ref<void(Value)> body) { e.loop(e.index(0), e.index(count), 1, body); }
  Value fold(int64_t count, Value start, function_ref<Value(Value i, Value carried)> body) {
    return e.loop(e.index(0), e.index(count), 1, start,
                  [&](Value i, ValueRange carried) { return Values{body(i, carried[0])}; })[0];
  }

  Value logit(Value row, Value expert) { return e.load(op.getLogits(), {row, expert}); }

  void emitScores(Value row) {
    if (op.getScores() == RouterScores::softmax)
      return emitSoftmax(row);
    forEach(experts, [&](Value i) {
      Value score = logit(row, i);
      if (op.getScores() == RouterScores::sigmoid)
        score = div(number(1), add(number(1), exp(arith::NegFOp::create(e, score))));
      store(score, scores, i);
    });
  }

  void emitSoftmax(Value row) {
    Value largest =
        fold(experts, minusInfinity(), [&](Value i, Value most) { return larger(most, logit(row, i)); });
    Value sum = fold(experts, number(0), [&](Value i, Value total) {
      Value share = exp(arith::SubFOp::create(e, logit(row, i), largest));
      store(share, scores, i);
      return add(total, share);
    });
    forEach(experts, [&](Value i) { store(div(e.load(scores, i), sum), scores, i); });
  }

  void emitRanks() {
    forEach(experts, [&](Value i) {
      Value rank = e.load(scores, i);
      if (Value bias = op.getCorrectionBias())
        rank = add(rank, e.load(bias, i));
      store(orMinusInfinity(rank), ranks, i);
    });
  }

  /// Experts of groups that are not among the best become minus infinity.
  void hideGroups() {
    forEach(groups, [&](Value group) {
      store(number(0), kept, group);
      Values best = e.loop(e.index(0), e.index(members), 1, {minusInfinity(), minusInfinity()},
                           [&](Value i, ValueRange two) -> Values {
                             Value rank = e.load(ranks, e.add(e.mul(group, members), i));
                             return {larger(two[0], rank), larger(two[1], smaller(two[0], rank))};
                           });
      Value score = op.getGroupScore() == GroupScore::max ? best[0] : add(best[0], best[1]);
      store(orMinusInfinity(score), groupScores, group);
    });
    forLargest(groupScores, groups, op.getTopGroups(),
               [&](Value, Value group) { store(number(1), kept, group); });
    forEach(groups, [&](Value group) {
      Value hidden = compare(CmpFPredicate::OEQ, e.load(kept, group), number(0));
      forEach(members, [&](Value i) {
        Value expert = e.add(e.mul(group, members), i);
        store(select(hidden, minusInfinity(), e.load(ranks, expert)), ranks, expert);
      });
    });
  }

  /// `body(i, index)` for the `wanted` largest of `values`, the largest first; equal ones by the lower index.
  /// Each is the first behind its predecessor in that order, so nothing needs to be marked as taken.
  void forLargest(Value values, int64_t count, int64_t wanted,
                  function_ref<void(Value i, Value index)> body) {
    Value none = e.index(-1);
    Values start{number(std::numeric_limits<float>::infinity()), none};
    e.loop(e.index(0), e.index(wanted), 1, start, [&](Value i, ValueRange previous) {
      Values best = e.loop(e.index(0), e.index(count), 1, {minusInfinity(), none},
                           [&](Value at, ValueRange found) -> Values {
                             Value value = e.load(values, at);
                             Value behind = both(compare(CmpFPredicate::OEQ, value, previous[0]),
                                                 compare(CmpIPredicate::sgt, at, previous[1]));
                             behind = either(behind, compare(CmpFPredicate::OLT, value, previous[0]));
                             Value better = either(compare(CmpFPredicate::OGT, value, found[0]),
                                                   compare(CmpIPredicate::eq, found[1], none));
                             Value taken = both(behind, better);
                             return {select(taken, value, found[0]), select(taken, at, found[1])};
                           });
      body(i, best[1]);
      return best;
    });
  }

  /// The correction has made the choice: chosen experts now rank by their scores, the others last.
  void rankByScore() {
    Value lowest = number(std::numeric_limits<float>::lowest());
    forEach(experts, [&](Value i) { store(minusInfinity(), order, i); });
    forLargest(ranks, experts, chosen,
               [&](Value, Value expert) { store(larger(e.load(scores, expert), lowest), order, expert); });
    forEach(experts, [&](Value i) { store(e.load(order, i), ranks, i); });
  }

  void emitWeights(Value row) {
    auto weight = [&](Value j) { return e.load(op.getWeights(), {row, j}); };
    Value sum = number(1), scale = number(op.getScale().convertToDouble());
    if (op.getScores() == RouterScores::softmax_chosen) {
      Value largest =
          fold(chosen, minusInfinity(), [&](Value j, Value most) { return larger(most, weight(j)); });
      forEach(chosen, [&](Value j) {
        store(exp(arith::SubFOp::create(e, weight(j), largest)), op.getWeights(), {row, j});
      });
    }
    if (op.getScores() == RouterScores::softmax_chosen || op.getRenormalize()) {
      sum = fold(chosen, number(0), [&](Value j, Value total) { return add(total, weight(j)); });
      sum = select(compare(CmpFPredicate::OEQ, sum, number(0)), number(1), sum);
    }
    forEach(chosen, [&](Value j) {
      store(arith::MulFOp::create(e, div(weight(j), sum), scale), op.getWeights(), {row, j});
    });
  }

  void emitRow(Value row) {
    emitScores(row);
    emitRanks();
    if (groups)
      hideGroups();
    if (op.getCorrectionBias())
      rankByScore();
    forLargest(ranks, experts, chosen, [&](Value j, Value expert) {
      storeIndex(expert, op.getExperts(), {row, j});
      store(e.load(scores, expert), op.getWeights(), {row, j});
    });
    emitWeights(row);
  }
};

//===------------------------------ dispatch ------------------------------===//

/// A counting sort.
struct DispatchLoops : Scalars {
  kernel::DispatchOp op;
  int64_t experts = op.getExperts(), rows = op.getRows();
  int64_t choices = cast<MemRefType>(op.getChosen().getType()).getDimSize(1);
  /// Of each expert: first the number of its choices, then the place of its next one.
  Value places = e.stackBuffer(MemRefType::get(experts, e.getI32Type()));

  DispatchLoops(LoopEmitter &e, kernel::DispatchOp op) : Scalars{e}, op(op) {}

  void forChoices(function_ref<void(Value token, Value j, Value expert)> body) {
    e.loop(e.index(0), e.dimension(op.getChosen(), 0), 1, [&](Value token) {
      e.loop(e.index(0), e.index(choices), 1,
             [&](Value j) { body(token, j, loadIndex(op.getChosen(), {token, j})); });
    });
  }

  void countChoices() {
    e.loop(e.index(0), e.index(experts), 1, [&](Value expert) { storeIndex(e.index(0), places, expert); });
    forChoices(
        [&](Value, Value, Value expert) { storeIndex(e.add(loadIndex(places, expert), 1), places, expert); });
  }

  /// Blocks of each expert in turn; its count becomes its first place.
  void emitBlocks() {
    Values ends = e.loop(
        e.index(0), e.index(experts), 1, {e.index(0), e.index(0)},
        [&](Value expert, ValueRange carried) -> Values {
          Value first = carried[0], count = loadIndex(places, expert);
          storeIndex(first, places, expert);
          Values blocks =
              e.loop(e.index(0), count, rows, carried[1], [&](Value done, ValueRange number) -> Values {
                Value values[] = {expert, e.add(first, done), e.min(e.sub(count, done), e.index(rows))};
                for (auto [column, value] : llvm::enumerate(values))
                  storeIndex(value, op.getBlocks(), {number[0], e.index(column)});
                return {e.add(number[0], 1)};
              });
          return {e.add(first, count), blocks[0]};
        });
    storeIndex(ends[1], op.getCount(), e.index(0));
  }

  void emit() {
    countChoices();
    emitBlocks();
    forChoices([&](Value token, Value j, Value expert) {
      Value place = loadIndex(places, expert);
      storeIndex(e.add(place, 1), places, expert);
      storeIndex(place, op.getPlaces(), {token, j});
      storeIndex(e.add(e.mul(token, choices), j), op.getSources(),
                 {e.div(place, choices), e.rem(place, choices)});
    });
  }
};

} // namespace

void transformer::emitRoute(LoopEmitter &e, kernel::RouteOp op,
                            function_ref<void(function_ref<void(Value)>)> forRows) {
  RouteLoops loops(e, op);
  forRows([&](Value row) { loops.emitRow(row); });
}

void transformer::emitDispatch(LoopEmitter &e, kernel::DispatchOp op) { DispatchLoops(e, op).emit(); }
