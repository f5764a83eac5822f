// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Rows of packed tables, and what stands around the products of experts.

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
