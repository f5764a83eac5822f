// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Rows of packed tables, the choice of a token, and what stands around the products of experts.

#include "passes/gpu/Launches.h"
#include "passes/gpu/WeightReader.h"
#include "passes/lower/ExpertLoops.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

LogicalResult transformer::launchEmbed(kernel::EmbedOp op, const GpuTarget &target) {
  LoopEmitter host(op);
  DeviceEmitter e(op, "embed", {host.dimension(op.getIds(), 0)}, target.threads);
  WeightReader reader(e, op.getFormat().getFormat());
  Value token = e.block(0);
  Value id = Scalars{e}.loadIndex(op.getIds(), token);
  Value panel = e.div(id, PackedFormat::panelRows), lane = e.rem(id, PackedFormat::panelRows);
  e.forThreads(e.dimension(op.getOutput(), 1), [&](Value column) {
    e.store(reader.element(op.getTable(), panel, lane, column), op.getOutput(), {token, column});
  });
  return success();
}

/// A block for each row. Its work items read several elements before they compare any: one at a time, a row
/// of a hundred thousand would take as long as a hundred waits for memory.
LogicalResult transformer::launchLikeliest(kernel::LikeliestOp op, const GpuTarget &) {
  constexpr int64_t kThreads = 1024, kAtOnce = 8;
  LoopEmitter host(op);
  DeviceEmitter e(op, "likeliest", {host.dimension(op.getLogits(), 0)}, kThreads);
  Scalars s{e};
  Value row = e.block(0), columns = e.dimension(op.getLogits(), 1), last = e.sub(columns, e.index(1));
  Value infinity = s.number(std::numeric_limits<float>::infinity());
  auto load = [&](Value column) { // NaN counts as infinity, which is refused at the end
    Value x = e.load(op.getLogits(), {row, column});
    return s.select(s.compare(CmpFPredicate::UNO, x, x), infinity, x);
  };
  Values best = e.loop(e.thread, columns, kThreads * kAtOnce, {s.minusInfinity(), e.index(0)},
                       [&](Value first, ValueRange carried) -> Values {
                         Values places, values;
                         for (int64_t i = 0; i < kAtOnce; ++i) {
                           places.push_back(e.min(e.add(first, i * kThreads), last)); // the last one again
                           values.push_back(load(places.back()));
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
    Value isFinite = s.both(s.compare(CmpFPredicate::OGT, largest, s.minusInfinity()),
                            s.compare(CmpFPredicate::OLT, largest, infinity));
    Value nothing = arith::ConstantOp::create(e, e.getI32IntegerAttr(-1));
    e.store(s.select(isFinite, lowest, nothing), op.getTokens(), row);
  });
  return success();
}

LogicalResult transformer::launchRoute(kernel::RouteOp op, const GpuTarget &) {
  constexpr int64_t kThreads = 32;
  LoopEmitter host(op);
  Value rows = host.dimension(op.getLogits(), 0);
  DeviceEmitter e(op, "route", {ceilDiv(host, rows, kThreads)}, kThreads);
  emitRoute(e, op, [&](function_ref<void(Value)> emitRow) {
    Value row = e.add(e.mul(e.block(0), kThreads), e.thread);
    e.when(arith::CmpIOp::create(e, CmpIPredicate::ult, row, rows), [&] { emitRow(row); });
  });
  return success();
}

LogicalResult transformer::launchDispatch(kernel::DispatchOp op, const GpuTarget &) {
  LoopEmitter host(op);
  DeviceEmitter e(op, "dispatch", {host.index(1)}, 1); // one work item: there are few numbers
  emitDispatch(e, op);
  return success();
}
