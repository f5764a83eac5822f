// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The loops around a product: over blocks of rows, panels of weights and register tiles. Products of one row
// have loops of their own, since they are bound by reading the weights; the others by arithmetic.

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

/// Rows that pass through a panel of weights before the next panel's turn; a multiple of every tile's height.
/// The more, the less unpacking costs each of them; f32 rows are larger.
constexpr int64_t quantizedRowBlock = 528, denseRowBlock = 192;
/// Bytes of panels that are unpacked once for all rows, at most: on the stack, they stay in the second-level
/// cache.
constexpr int64_t mostUnpacked = 640 << 10;

struct LinearLoops {
  Emitter &e;
  kernel::LinearOp op;
  PackedFormat format = op.getFormat().getFormat();
  Value rows = e.dimension(op.getOutput(), 0);
  int64_t rowBlock = op.isQuantized() ? quantizedRowBlock : denseRowBlock;
  Value panels = panelCount();
  /// Sums of a block of rows with the panels of a register tile, for each weight: what tiles leave for the
  /// epilogue. [rowBlock, columns] f32 on the stack.
  Values sums = {};
  /// A register tile's panels of one weight, unpacked; null where they are unpacked for every tile of rows.
  Value unpacked = {};
  /// For rows that meet them, if there are outliers.
  std::optional<OutlierColumns> outlierColumns = {};
  LogicalResult result = success();

  Value panelCount() {
    Value outputs = e.dimension(op.getOutput(), 1);
    return e.div(e.add(outputs, PackedFormat::panelRows - 1), PackedFormat::panelRows);
  }

  /// The vectors of `count` panels.
  SmallVector<Column> columnsOf(Value panel, int64_t count = 1) {
    SmallVector<Column> columns;
    for (int64_t p = 0; p < count; ++p)
      for (int64_t first = 0; first < PackedFormat::panelRows; first += e.lanes())
        columns.push_back({e.add(panel, p), e.index(first), p * PackedFormat::panelRows + first});
    return columns;
  }

  void store(const Tile &tile, ArrayRef<Values> products) {
    if (failed(storeTile(e, op, tile, products)))
      result = failure();
  }

  //===------------------------------------------------- one row
  //---------------------------------------------------===//

  /// A panel after the other: one stream through memory for each weight.
  void emitRow() {
    e.loop(e.index(0), panels, 1, [&](Value panel) {
      Tile tile{e.index(0), 1, columnsOf(panel), /*prefetched=*/0};
      SmallVector<Values> products;
      for (Value weight : op.getWeights())
        products.push_back(rowProduct(weight, tile));
      store(tile, products);
    });
  }

  Values rowProduct(Value weight, const Tile &tile) {
    if (op.isQuantized())
      return withOutliers({weight, format}, tile, quantizedProduct(e, op, {weight, format}, tile));
    return format.isQuantized() ? dequantizedProduct(e, op, weight, tile) : denseProduct(e, op, weight, tile);
  }

  Values withOutliers(const Panels &weight, const Tile &tile, Values products) {
    return op.getOutliers() ? addOutliers(e, op, weight, tile, std::move(products)) : products;
  }

  //===------------------------------------------------ several rows
  //-----------------------------------------------===//

  /// Rows of a register tile, the highest first; lower ones are for the rows that are left over.
  SmallVector<int> heights() {
    int full = op.isQuantized() ? e.target.quantizedRows() : e.target.denseRows();
    SmallVector<int> heights{full};
    for (int height : {8, 4, 2, 1})
      if (height < full)
        heights.push_back(height);
    return heights;
  }

  /// Rows `from` to `count` of the block at `block` in tiles.
  void forTiles(Value block, Value from, Value count, ArrayRef<Column> columns,
                function_ref<void(const Tile &, Value row)> body) {
    for (int height : heights()) {
      Value end = e.add(from, e.roundDown(e.sub(count, from), height));
      e.loop(from, end, height, [&](Value row) {
        body({e.add(block, row), height, SmallVector<Column>(columns), together()}, row);
      });
      from = end;
    }
  }

  /// Rows `from` to `to` of the block, one by one.
  void forRows(Value block, Value from, Value to, ArrayRef<Column> columns,
               function_ref<void(const Tile &, Value row)> body) {
    e.loop(from, to, 1, [&](Value row) { body({e.add(block, row), 1, SmallVector<Column>(columns)}, row); });
  }

  Values loadSums(Value buffer, const Tile &tile, Value row) {
    Values values;
    for (int r = 0; r < tile.rows; ++r)
      for (const Column &column : tile.columns)
        values.push_back(e.loadVector(e.floats(), buffer, {e.add(row, r), e.index(column.scratch)}));
    return values;
  }

  void storeSums(Value buffer, const Tile &tile, Value row, ArrayRef<Value> values) {
    for (int r = 0; r < tile.rows; ++r)
      for (auto [c, column] : llvm::enumerate(tile.columns))
        e.storeVector(values[r * tile.columns.size() + c], buffer, {e.add(row, r), e.index(column.scratch)});
  }

  /// Dense sums over columns `from` to `to` for all tiles; the first block of columns starts from nothing.
  void emitDense(Value weight, Value buffer, Value block, Value count, ArrayRef<Column> columns, Value from,
                 Value to) {
    forTiles(block, e.index(0), count, columns, [&](const Tile &tile, Value row) {
      storeSums(buffer, tile, row,
                addDenseProduct(e, op, weight, tile, from, to, loadSums(buffer, tile, row)));
    });
  }

  void clearSums(Value buffer, Value count, ArrayRef<Column> columns) {
    e.loop(e.index(0), count, 1, [&](Value row) {
      for (const Column &column : columns)
        e.storeVector(e.zeros(e.floats()), buffer, {row, e.index(column.scratch)});
    });
  }

  void emitDensePanels(Value weight, Value buffer, Value block, Value count, ArrayRef<Column> columns) {
    int64_t whole = op.getColumns() / denseStep * denseStep;
    int64_t parts = std::max<int64_t>(llvm::divideCeil(whole, e.target.columnBlock()), 1);
    int64_t part = std::max(llvm::alignTo(llvm::divideCeil(whole, parts), denseStep), uint64_t(denseStep));
    clearSums(buffer, count, columns);
    e.loop(e.index(0), e.index(whole), part, [&](Value from) {
      emitDense(weight, buffer, block, count, columns, from, e.min(e.add(from, part), e.index(whole)));
    });
    if (whole < static_cast<int64_t>(op.getColumns()))
      emitDense(weight, buffer, block, count, columns, e.index(whole), e.index(op.getColumns()));
  }

  /// Vectors of outputs in a register tile of quantised weights: unpacking takes registers too.
  size_t quantizedVectors() {
    return op.isQuantized() ? e.target.quantizedVectors() : PackedFormat::panelRows / e.lanes();
  }

  void emitDequantizedPanels(Value weight, Value buffer, Value block, Value count, ArrayRef<Column> columns) {
    forVectors(columns, [&](ArrayRef<Column> part) {
      forTiles(block, e.index(0), count, part, [&](const Tile &tile, Value row) {
        storeSums(buffer, tile, row, dequantizedProduct(e, op, weight, tile));
      });
    });
  }

  void forVectors(ArrayRef<Column> columns, function_ref<void(ArrayRef<Column>)> body) {
    size_t together = std::min(quantizedVectors(), columns.size());
    for (size_t first = 0; first < columns.size(); first += together)
      body(columns.slice(first, together));
  }

  Value areEnough(Value count) {
    return e.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::uge, count,
                                         e.index(e.target.leastUnpackedRows()));
  }

  /// Tiles of full height, if there are enough of them, from unpacked panels; what is left as it is stored.
  void emitQuantizedPanels(Value weight, Value buffer, Value block, Value count, ArrayRef<Column> columns) {
    Value rest = e.index(0);
    if (unpacked) {
      Value whole = e.roundDown(count, e.target.quantizedRows());
      rest = e.createOrFold<arith::SelectOp>(areEnough(count), whole, rest);
      e.branch(areEnough(count), [&] { emitUnpackedPanels(weight, buffer, block, whole, columns); }, [] {});
    }
    Panels packed{weight, format};
    forVectors(columns, [&](ArrayRef<Column> part) {
      forTiles(block, rest, count, part, [&](const Tile &tile, Value row) {
        storeSums(buffer, tile, row, quantizedProduct(e, op, packed, tile));
      });
    });
    emitOutliers(packed, buffer, block, rest, count, columns);
  }

  /// Rows up to `whole`, in tiles of full height, with panels that are unpacked first.
  void emitUnpackedPanels(Value weight, Value buffer, Value block, Value whole, ArrayRef<Column> columns) {
    Panels panels{unpacked, unpackedFormat(op), /*unpacked=*/true};
    unpackPanels(e, op, {weight, format}, columns, panels, together());
    SmallVector<Column> local(columns);
    for (Column &column : local)
      column.panel = e.index(column.scratch / PackedFormat::panelRows);
    int height = e.target.quantizedRows();
    forVectors(local, [&](ArrayRef<Column> part) {
      e.loop(e.index(0), whole, height, [&](Value row) {
        Tile tile{e.add(block, row), height, SmallVector<Column>(part)};
        storeSums(buffer, tile, row, quantizedProduct(e, op, panels, tile));
      });
    });
    if (!outlierColumns)
      return;
    outlierColumns->load({weight, format}, columns);
    forRows(block, e.index(0), whole, columns, [&](const Tile &tile, Value row) {
      storeSums(buffer, tile, row, outlierColumns->add(row, tile, loadSums(buffer, tile, row)));
    });
  }

  void emitOutliers(const Panels &weight, Value buffer, Value block, Value from, Value to,
                    ArrayRef<Column> columns) {
    if (!op.getOutliers())
      return;
    forRows(block, from, to, columns, [&](const Tile &tile, Value row) {
      storeSums(buffer, tile, row, addOutliers(e, op, weight, tile, loadSums(buffer, tile, row)));
    });
  }

  void emitPanels(Value block, Value count, ArrayRef<Column> columns) {
    for (auto [weight, buffer] : llvm::zip_equal(op.getWeights(), sums)) {
      if (op.isQuantized())
        emitQuantizedPanels(weight, buffer, block, count, columns);
      else if (format.isQuantized())
        emitDequantizedPanels(weight, buffer, block, count, columns);
      else
        emitDensePanels(weight, buffer, block, count, columns);
    }
    forRows(block, e.index(0), count, columns, [&](const Tile &tile, Value row) {
      SmallVector<Values> products;
      for (Value buffer : sums)
        products.push_back(loadSums(buffer, tile, row));
      store(tile, products);
    });
  }

  void emitRows() {
    e.loop(e.index(0), rows, rowBlock, [&](Value block) {
      Value count = e.min(e.sub(rows, block), e.index(rowBlock));
      Value paired = e.roundDown(panels, together());
      if (outlierColumns)
        e.branch(areEnough(count), [&] { outlierColumns->find(block, count); }, [] {});
      forPanels(e.index(0), paired, together(), block, count);
      forPanels(paired, panels, 1, block, count);
    });
  }

  void forPanels(Value from, Value to, int64_t step, Value block, Value count) {
    if (constantOf(from) && constantOf(from) == constantOf(to))
      return;
    e.loop(from, to, step, [&](Value panel) { emitPanels(block, count, columnsOf(panel, step)); });
  }

  /// Panels that share a register tile.
  int64_t together() { return e.target.panels(); }

  void createScratch() {
    for (size_t i = 0; i < op.getWeights().size(); ++i)
      sums.push_back(
          e.stackBuffer(MemRefType::get({rowBlock, together() * PackedFormat::panelRows}, e.getF32Type())));
    bool many = constantOf(rows).value_or(rowBlock) >= e.target.leastUnpackedRows();
    bool isPacked = !Panels{{}, format}.holdsUnsigned(e.target);
    if (op.isQuantized() && isPacked && e.target.unpacksOnce() && many) {
      int64_t bytes = unpackedFormat(op).panelBytes(op.getColumns());
      if (together() * bytes <= mostUnpacked)
        unpacked = e.stackBuffer(MemRefType::get({together(), bytes}, e.getI8Type()));
      if (unpacked && op.getOutliers())
        outlierColumns.emplace(e, op, rowBlock, together() * PackedFormat::panelRows);
    }
  }

  LogicalResult emit() {
    Value single = e.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, rows, e.index(1));
    if (constantOf(single) != 1)
      createScratch();
    e.branch(single, [&] { emitRow(); }, [&] { emitRows(); });
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
    return op.emitOpError() << "needs int8 input of " << needed << " columns (" << op.getColumns()
                            << " in whole blocks), got " << found;
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
