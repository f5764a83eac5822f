// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/Kernel.h"
#include "passes/Passes.h"
#include "passes/cpu/Expansion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_EXPANDEMBED
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

struct EmbedLoops {
  Emitter &e;
  kernel::EmbedOp op;
  PackedFormat format = op.getFormat().getFormat();
  int64_t columns = cast<MemRefType>(op.getOutput().getType()).getDimSize(1);

  bool nibbles() const { return format.codes == PackedFormat::U4; }

  /// One f32, f16 or bf16 of a row's panel as a vector of one f32.
  Value loadElement(Value panel, Value offset) {
    if (format.codes == PackedFormat::F32)
      return e.loadBytes(e.vectorOf(e.getF32Type(), 1), op.getTable(), panel, offset);
    Type half = format.codes == PackedFormat::F16 ? Type(e.getF16Type()) : Type(e.getBF16Type());
    return e.extend(e.loadBytes(e.vectorOf(half, 1), op.getTable(), panel, offset));
  }

  void emitDense(Value token, Value panel, Value lane) {
    Value first = e.mul(lane, format.elementBytes());
    e.loop(e.index(0), e.index(columns), 1, [&](Value k) {
      Value offset = e.add(e.mul(k, PackedFormat::panelRows * format.elementBytes()), first);
      e.storeVector(loadElement(panel, offset), op.getOutput(), {token, k});
    });
  }

  /// A scale or minimum as a vector of four equal lanes.
  Value loadScale(Value panel, Value offset) {
    Type element = format.scale == PackedFormat::ScaleF32 ? Type(e.getF32Type()) : Type(e.getF16Type());
    Value scale = e.loadBytes(e.vectorOf(element, 1), op.getTable(), panel, offset);
    if (element.isF16())
      scale = e.extend(scale);
    return e.broadcast(scale, e.vectorOf(e.getF32Type(), 4));
  }

  /// Stores the four columns from `column`, of which `count` exist.
  void store(Value token, Value column, Value values, int64_t count) {
    if (count >= 4)
      return e.storeVector(values, op.getOutput(), {token, column});
    for (int64_t i = 0; i < count; ++i) {
      Value element = vector::ExtractOp::create(e, values, i);
      memref::StoreOp::create(e, element, op.getOutput(), ValueRange{token, e.add(column, i)});
    }
  }

  void emitGroup(Value token, Value panel, Value lane, Value b, int64_t group, int64_t valid) {
    Value block = e.mul(b, format.blockBytes());
    Value bytes = e.loadBytes(e.vectorOf(e.getI8Type(), 4), op.getTable(), panel,
                              e.add(e.add(block, format.codesOffset() + 64 * group), e.mul(lane, 4)));
    auto wide = e.vectorOf(e.getI32Type(), 4);
    for (int half = 0; half < (nibbles() ? 2 : 1); ++half) {
      int64_t column = 16 * half + 4 * group;
      if (column >= valid)
        continue;
      Value codes;
      if (format.codes == PackedFormat::U8)
        codes = arith::ExtUIOp::create(e, wide, bytes);
      else if (!nibbles())
        codes = arith::ExtSIOp::create(e, wide, bytes);
      else if (half)
        codes = arith::ExtUIOp::create(
            e, wide, arith::ShRUIOp::create(e, bytes, e.splat(e.vectorOf(e.getI8Type(), 4), int64_t(4))));
      else
        codes = arith::ExtUIOp::create(
            e, wide, arith::AndIOp::create(e, bytes, e.splat(e.vectorOf(e.getI8Type(), 4), int64_t(15))));
      if (format.zero)
        codes = arith::SubIOp::create(e, codes, e.splat(wide, int64_t(format.zero)));
      int64_t set = column * format.sets() / PackedFormat::blockColumns;
      Value scales = format.isRowScaled() ? e.index(0) : block;
      Value offset = e.add(e.add(scales, set * PackedFormat::panelRows * format.scaleBytes()),
                           e.mul(lane, format.scaleBytes()));
      Value values = arith::MulFOp::create(e, e.toFloats(codes), loadScale(panel, offset));
      if (format.hasMin)
        values = arith::AddFOp::create(e, values, loadScale(panel, e.add(offset, format.minsOffset())));
      store(token, e.add(e.mul(b, PackedFormat::blockColumns), column), values, valid - column);
    }
  }

  void emitQuantized(Value token, Value panel, Value lane) {
    int64_t whole = columns / PackedFormat::blockColumns, rest = columns % PackedFormat::blockColumns;
    auto emitBlock = [&](Value block, int64_t valid) {
      for (int64_t group = 0; group < (nibbles() ? 4 : 8); ++group)
        emitGroup(token, panel, lane, block, group, valid);
    };
    e.loop(e.index(0), e.index(whole), 1, [&](Value block) { emitBlock(block, PackedFormat::blockColumns); });
    if (rest)
      emitBlock(e.index(whole), rest);
  }

  LogicalResult emit() {
    e.loop(e.index(0), e.dimension(op.getIds(), 0), 1, [&](Value token) {
      Value id = arith::IndexCastUIOp::create(e, e.getIndexType(), e.load(op.getIds(), {token}));
      Value panel = e.div(id, PackedFormat::panelRows), lane = e.rem(id, PackedFormat::panelRows);
      if (format.isQuantized())
        emitQuantized(token, panel, lane);
      else
        emitDense(token, panel, lane);
    });
    return success();
  }
};

struct ExpandEmbed : transformer::impl::ExpandEmbedBase<ExpandEmbed> {
  using ExpandEmbedBase::ExpandEmbedBase;

  void runOnOperation() override {
    auto expand = [](Emitter &e, kernel::EmbedOp op) -> LogicalResult {
      auto output = cast<MemRefType>(op.getOutput().getType());
      if (output.isDynamicDim(1) || !output.isLastDimUnitStride())
        return op.emitOpError() << "needs rows of known width whose elements are adjacent, got " << output;
      return EmbedLoops{e, op}.emit();
    };
    if (failed(expandAll<kernel::EmbedOp>(getOperation(), cpu, expand)))
      signalPassFailure();
  }
};

} // namespace
