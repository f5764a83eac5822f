// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The loops around a product: over blocks of rows, panels of weights and register tiles. Products of one row have loops of their own,
// since they are bound by reading the weights; the others by arithmetic.

#include "passes/Passes.h"
#include "passes/cpu/Expansion.h"
#include "passes/cpu/Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_EXPANDLINEAR
#include "passes/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

struct LinearLoops {
  Emitter &e;
  kernel::LinearOp op;
  PackedFormat format = op.getFormat().getFormat();
  Value rows = e.dimension(op.getOutput(), 0);
  Value panels = panelCount();
  LogicalResult result = success();

  Value panelCount() {
    Value outputs = e.dimension(op.getOutput(), 1);
    return e.div(e.add(outputs, PackedFormat::panelRows - 1), PackedFormat::panelRows);
  }

  /// Vectors of `count` panels from `panel`.
  SmallVector<Column> columnsOf(Value panel, int count) {
    SmallVector<Column> columns;
    for (int p = 0; p < count; ++p)
      for (int first = 0; first < PackedFormat::panelRows; first += e.lanes())
        columns.push_back({e.add(panel, p), e.index(first)});
    return columns;
  }

  void emitTile(const Tile &tile) {
    SmallVector<Values> products;
    for (Value weight : op.getWeights()) {
      if (op.isQuantized())
        products.push_back(quantizedProduct(e, op, weight, tile));
      else if (format.isQuantized())
        products.push_back(dequantizedProduct(e, op, weight, tile));
      else
        products.push_back(denseProduct(e, op, weight, tile));
    }
    if (failed(storeTile(e, op, tile, products)))
      result = failure();
  }

  /// One row: two panels at a time, so that more loads are in flight.
  void emitRow() {
    constexpr int together = 2;
    Value pairs = e.roundDown(panels, together);
    e.loop(e.index(0), pairs, together, [&](Value panel) { emitTile({e.index(0), 1, columnsOf(panel, together)}); });
    e.loop(pairs, panels, 1, [&](Value panel) { emitTile({e.index(0), 1, columnsOf(panel, 1)}); });
  }

  /// Rows `from` to `to` with some columns: tiles of full height, then lower ones for the rest.
  void emitRows(Value from, Value to, ArrayRef<Column> columns) {
    for (int height : heights()) {
      Value end = e.add(from, e.roundDown(e.sub(to, from), height));
      e.loop(from, end, height, [&](Value row) { emitTile({row, height, SmallVector<Column>(columns)}); });
      from = end;
    }
  }

  SmallVector<int> heights() {
    int full = op.isQuantized() ? e.target.quantizedRows() : e.target.denseRows();
    SmallVector<int> heights{full};
    for (int height : {8, 4, 2, 1})
      if (height < full)
        heights.push_back(height);
    return heights;
  }

  /// Rows that stay in the second-level cache while all panels pass by.
  int64_t rowBlock() {
    constexpr int64_t budget = 192 * 1024;
    int64_t rowBytes = std::max<int64_t>(op.getColumns() * (op.isQuantized() ? 1 : 4), 1);
    int64_t full = heights().front();
    return std::max<int64_t>(budget / rowBytes / full, 4) * full;
  }

  /// Vectors of a panel that one tile takes: integer tiles hold unpacked weights in registers and take one.
  int64_t tileVectors() { return op.isQuantized() ? 1 : PackedFormat::panelRows / e.lanes(); }

  void emitBlocks() {
    e.loop(e.index(0), rows, rowBlock(), [&](Value block) {
      Value end = e.min(e.add(block, rowBlock()), rows);
      e.loop(e.index(0), panels, 1, [&](Value panel) {
        SmallVector<Column> columns = columnsOf(panel, 1);
        for (size_t first = 0; first < columns.size(); first += tileVectors())
          emitRows(block, end, ArrayRef(columns).slice(first, tileVectors()));
      });
    });
  }

  LogicalResult emit() {
    Value single = e.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, rows, e.index(1));
    e.branch(single, [&] { emitRow(); }, [&] { emitBlocks(); });
    return result;
  }
};

/// Refuses what the loops would read beyond its end.
LogicalResult check(kernel::LinearOp op) {
  for (Value operand : op->getOperands())
    if (auto type = dyn_cast<MemRefType>(operand.getType()); type && !type.isLastDimUnitStride())
      return op.emitOpError() << "needs rows whose elements are adjacent, got " << type;
  if (!op.isQuantized())
    return success();
  int64_t needed = llvm::alignTo(op.getColumns(), PackedFormat::blockColumns);
  int64_t found = cast<MemRefType>(op.getInput().getType()).getDimSize(1);
  if (!ShapedType::isDynamic(found) && found < needed)
    return op.emitOpError() << "needs int8 input of " << needed << " columns (" << op.getColumns() << " in whole blocks), got " << found;
  return success();
}

struct ExpandLinear : transformer::impl::ExpandLinearBase<ExpandLinear> {
  using ExpandLinearBase::ExpandLinearBase;

  void runOnOperation() override {
    auto expand = [](Emitter &e, kernel::LinearOp op) -> LogicalResult {
      if (failed(check(op)))
        return failure();
      return LinearLoops{e, op}.emit();
    };
    if (failed(expandAll<kernel::LinearOp>(getOperation(), cpu, expand)))
      signalPassFailure();
  }
};

} // namespace
