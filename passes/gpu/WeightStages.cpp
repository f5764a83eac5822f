// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/WeightStages.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

WeightStages::WeightStages(DeviceEmitter &e, MatrixUnits &units, Type type, const Product &product,
                           const Stretch &stretch, int64_t outputs, Value columnTile)
    : e(e), units(units), product(product), stretch(stretch), panels(outputs / PackedFormat::panelRows),
      columnTile(columnTile) {
  auto weights = static_cast<int64_t>(product.weights.size());
  memory = e.shared({count, weights * panels, step, PackedFormat::panelRows}, type);
  barriers = e.shared({count}, e.getI64Type());
  for (Value weight : product.weights)
    maps.push_back(mapOf(weight));
}

/// Asked for by the host, before the launch.
Value WeightStages::mapOf(Value weight) {
  LoopEmitter host(e.launch);
  auto i64 = [&](Value index) { return arith::IndexCastOp::create(host, host.getI64Type(), index); };
  auto i32 = [&](int64_t value) {
    return arith::ConstantOp::create(host, host.getI32IntegerAttr(static_cast<int32_t>(value)));
  };
  auto metadata = memref::ExtractStridedMetadataOp::create(host, weight); // strides of bytes
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(host, weight);
  return callRuntime(host, "attune_device_panel_map", LLVM::LLVMPointerType::get(host.getContext()),
                     {i64(host.add(base, metadata.getOffset())), i64(host.dimension(weight, 0)),
                      i64(host.index(product.columns)), i32(panels), i32(step)});
}

Value WeightStages::barrier(Value stage) {
  return units.pointer(barriers, {stage}, NVVM::NVVMMemorySpace::Shared);
}

void WeightStages::open() {
  e.once([&] {
    Value one = arith::ConstantOp::create(e, e.getI32IntegerAttr(1));
    for (int64_t stage = 0; stage < count; ++stage)
      NVVM::MBarrierInitOp::create(e, barrier(e.index(stage)), one, Value());
    NVVM::FenceMbarrierInitOp::create(e);
  });
}

void WeightStages::copy(Value number, Value k) {
  Value stage = stageOf(number), arrived = barrier(stage);
  int64_t bytes = static_cast<int64_t>(maps.size()) * panels * panelBytes;
  NVVM::MBarrierArriveExpectTxOp::create(
      e, Type(), arrived, arith::ConstantOp::create(e, e.getI32IntegerAttr(static_cast<int32_t>(bytes))),
      NVVM::MemScopeKind::CTA, /*relaxed=*/false, Value());
  Value panel = stretch.panelOf(e, product, e.mul(columnTile, panels));
  for (auto [i, map] : llvm::enumerate(maps)) {
    Value first = e.index(static_cast<int64_t>(i) * panels), zero = e.index(0);
    // The block is a cluster by itself.
    Value to = units.pointer(memory, {stage, first, zero, zero}, NVVM::NVVMMemorySpace::SharedCluster);
    NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
        e, to, map, ValueRange{word(zero), word(k), word(panel)}, arrived, /*im2colOffsets=*/ValueRange(),
        /*multicastMask=*/Value(), /*l2CacheHint=*/Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false,
        NVVM::CTAGroupKindAttr(), /*predicate=*/Value());
  }
}

void WeightStages::wait(Value number) {
  constexpr int32_t kNanoseconds = 10'000'000; // after which it looks again
  Value parity = word(e.rem(e.div(number, count), 2));
  NVVM::MBarrierTryWaitParityOp::create(e, barrier(stageOf(number)), parity,
                                        arith::ConstantOp::create(e, e.getI32IntegerAttr(kNanoseconds)));
}
