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
#define GEN_PASS_DEF_EXPANDQUANTIZE
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

struct QuantizeLoops {
  Emitter &e;
  kernel::QuantizeOp op;
  int64_t columns = cast<MemRefType>(op.getInput().getType()).getDimSize(1);
  int64_t group = PackedFormat::blockColumns / setsPerBlock();

  /// Sums for each block: their columns over the scales'.
  int64_t setsPerBlock() {
    int64_t blocks = std::max<int64_t>(cast<MemRefType>(op.getScales().getType()).getDimSize(1), 1);
    return cast<MemRefType>(op.getSums().getType()).getDimSize(1) / blocks;
  }

  /// The block's `i`th vector; columns from `valid` on are 0.
  Value loadInput(Value row, Value first, int64_t i, int64_t valid) {
    int64_t present = std::clamp<int64_t>(valid - i * e.lanes(), 0, e.lanes());
    Value column = e.add(first, i * e.lanes());
    if (present == e.lanes())
      return e.loadVector(e.floats(), op.getInput(), {row, column});
    if (present == 0)
      return e.zeros(e.floats());
    Value mask =
        vector::CreateMaskOp::create(e, e.vectorOf(e.getI1Type(), e.lanes()), ValueRange{e.index(present)});
    return vector::MaskedLoadOp::create(e, e.floats(), op.getInput(), ValueRange{row, column}, mask,
                                        e.zeros(e.floats()));
  }

  Value largestMagnitude(ArrayRef<Value> values) {
    Value largest = math::AbsFOp::create(e, values.front());
    for (Value value : values.drop_front())
      largest = larger(largest, math::AbsFOp::create(e, value));
    return vector::ReductionOp::create(e, vector::CombiningKind::MAXNUMF, largest,
                                       arith::FastMathFlags::nnan);
  }

  Value larger(Value a, Value b) {
    auto op = arith::MaxNumFOp::create(e, a, b);
    op.setFastmath(arith::FastMathFlags::nnan);
    return op;
  }

  Value floatConstant(double value) { return arith::ConstantOp::create(e, e.getF32FloatAttr(value)); }

  /// The integer nearest to each lane, ties to even, for |x| < 2^22: adding 1.5 * 2^23 leaves it in the low
  /// bits of the sum.
  Value roundToInts(Value x) {
    Value sum = arith::AddFOp::create(e, x, e.splat(e.floats(), 12582912.0));
    return arith::SubIOp::create(e, e.bitcast(sum, e.ints()), e.splat(e.ints(), int64_t(0x4B400000)));
  }

  /// Quotients lie within ±127, except where the scale is subnormal and so inexact.
  Value codesOf(Value x, Value divisor) {
    Value quotient = arith::DivFOp::create(e, x, divisor);
    quotient = larger(quotient, e.splat(e.floats(), -127.0));
    auto bounded = arith::MinNumFOp::create(e, quotient, e.splat(e.floats(), 127.0));
    bounded.setFastmath(arith::FastMathFlags::nnan);
    return roundToInts(bounded);
  }

  void emitBlock(Value row, Value block, int64_t valid) {
    Value first = e.mul(block, PackedFormat::blockColumns);
    int64_t vectors = PackedFormat::blockColumns / e.lanes();
    Values inputs;
    for (int64_t i = 0; i < vectors; ++i)
      inputs.push_back(loadInput(row, first, i, valid));
    Value scale = arith::DivFOp::create(e, largestMagnitude(inputs), floatConstant(127));
    memref::StoreOp::create(e, scale, op.getScales(), ValueRange{row, block});
    Value none = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, scale, floatConstant(0));
    Value divisor = e.broadcast(arith::SelectOp::create(e, none, floatConstant(1), scale), e.floats());

    Values codes;
    for (int64_t i = 0; i < vectors; ++i) {
      codes.push_back(codesOf(inputs[i], divisor));
      Value narrow = arith::TruncIOp::create(e, e.vectorOf(e.getI8Type(), e.lanes()), codes.back());
      e.storeVector(narrow, op.getCodes(), {row, e.add(first, i * e.lanes())});
    }
    int64_t sets = PackedFormat::blockColumns / group, perSet = vectors / sets;
    for (int64_t set = 0; set < sets; ++set) {
      Value sum = vector::ReductionOp::create(e, vector::CombiningKind::ADD,
                                              e.sumInts(ArrayRef(codes).slice(set * perSet, perSet)));
      Value scaled = arith::MulFOp::create(e, arith::SIToFPOp::create(e, e.getF32Type(), sum), scale);
      memref::StoreOp::create(e, scaled, op.getSums(), ValueRange{row, e.add(e.mul(block, sets), set)});
    }
  }

  LogicalResult emit() {
    e.loop(e.index(0), e.dimension(op.getInput(), 0), 1, [&](Value row) {
      int64_t whole = columns / PackedFormat::blockColumns, rest = columns % PackedFormat::blockColumns;
      e.loop(e.index(0), e.index(whole), 1,
             [&](Value block) { emitBlock(row, block, PackedFormat::blockColumns); });
      if (rest)
        emitBlock(row, e.index(whole), rest);
    });
    return success();
  }
};

/// Refuses shapes that do not fit together: the loops take their constants from them.
LogicalResult check(kernel::QuantizeOp op) {
  auto columnsOf = [](Value memref) { return cast<MemRefType>(memref.getType()).getDimSize(1); };
  for (Value operand : op->getOperands()) {
    auto type = cast<MemRefType>(operand.getType());
    if (type.getRank() != 2 || type.isDynamicDim(1) || !type.isLastDimUnitStride())
      return op.emitOpError() << "needs matrices of known width whose elements are adjacent, got " << type;
  }
  int64_t blocks = llvm::divideCeil(columnsOf(op.getInput()), PackedFormat::blockColumns);
  int64_t padded = blocks * PackedFormat::blockColumns;
  if (columnsOf(op.getCodes()) < padded)
    return op.emitOpError() << "needs codes of " << padded << " columns (" << columnsOf(op.getInput())
                            << " in whole blocks), got " << columnsOf(op.getCodes());
  if (columnsOf(op.getScales()) != blocks)
    return op.emitOpError() << "needs " << blocks << " scales a row, got " << columnsOf(op.getScales());
  if (int64_t sums = columnsOf(op.getSums()); sums != blocks && sums != 2 * blocks)
    return op.emitOpError() << "needs " << blocks << " or " << 2 * blocks << " sums a row, got " << sums;
  return success();
}

struct ExpandQuantize : transformer::impl::ExpandQuantizeBase<ExpandQuantize> {
  using ExpandQuantizeBase::ExpandQuantizeBase;

  void runOnOperation() override {
    auto expand = [](Emitter &e, kernel::QuantizeOp op) -> LogicalResult {
      if (failed(check(op)))
        return failure();
      return QuantizeLoops{e, op}.emit();
    };
    if (failed(expandAll<kernel::QuantizeOp>(getOperation(), cpu, expand)))
      signalPassFailure();
  }
};

} // namespace
