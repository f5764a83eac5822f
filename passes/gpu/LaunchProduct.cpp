// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Products with packed weights: few rows (the weights are read once, at the speed of memory), or tiles of 64
// rows x 64 columns through the block's memory. MatrixProduct.cpp has the tiles for matrix units.

#include "passes/gpu/DeviceModules.h"
#include "passes/gpu/MatrixProduct.h"
#include "passes/gpu/WeightReader.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

namespace {

constexpr int64_t kPanel = PackedFormat::panelRows;
constexpr int64_t kBlock = PackedFormat::blockColumns; ///< columns of a step
constexpr int64_t kTile = 64;                          ///< rows and columns of a tile

class ProductEmitter : Scalars {
public:
  ProductEmitter(DeviceEmitter &e, const Product &product, const Stretch &stretch)
      : Scalars{e}, e(e), product(product), stretch(stretch), reader(e, product.format) {}

  /// A panel of 16 outputs for each row, one row after the other: work items split the columns.
  LogicalResult emitFewRows(Value panel) {
    int64_t slots = product.format.isQuantized() ? kPanel : kPanel / lanes();
    int64_t depth = e.threads / slots; // work items along the columns
    SmallVector<Value> partial;        // [depth][16] for each weight
    for (size_t i = 0; i < product.weights.size(); ++i)
      partial.push_back(e.shared({depth, kPanel}, e.getF32Type()));
    Value slot = e.rem(e.thread, slots), layer = e.div(e.thread, slots);
    LogicalResult result = success();
    e.loop(stretch.begin, stretch.end, 1, [&](Value row) {
      for (auto [weight, memory] : llvm::zip(product.weights, partial))
        product.format.isQuantized() ? quantizedPart(weight, memory, panel, row, slot, layer)
                                     : densePart(weight, memory, panel, row, slot, layer);
      e.barrier();
      for (int64_t half = depth / 2; half > 0; half /= 2) {
        e.loop(e.thread, e.index(half * kPanel), e.threads, [&](Value i) {
          Value at = e.div(i, kPanel), lane = e.rem(i, kPanel);
          for (Value memory : partial)
            store(add(e.load(memory, {at, lane}), e.load(memory, {e.add(at, half), lane})), memory,
                  {at, lane});
        });
        e.barrier();
      }
      e.when(compare(CmpIPredicate::ult, e.thread, e.index(kPanel)), [&] {
        Values products;
        for (Value memory : partial)
          products.push_back(e.load(memory, {e.index(0), e.thread}));
        storeOutput(e, product, stretch, row, e.add(e.mul(panel, kPanel), e.thread), products);
      });
      e.barrier();
    });
    return result;
  }

  /// Tiles of 64 rows: each work item has 4 x 4 outputs.
  LogicalResult emitTiles(Value columnTile) {
    Value inputs = e.shared({kBlock, kTile}, e.getF32Type());
    SmallVector<Value> tiles;
    for (size_t i = 0; i < product.weights.size(); ++i)
      tiles.push_back(e.shared({kBlock, kTile}, e.getF32Type()));
    auto quad = VectorType::get(4, e.getF32Type());
    Value zeros = arith::ConstantOp::create(e, DenseElementsAttr::get(quad, 0.0f));
    Value firstRow = e.mul(e.div(e.thread, 16), 4), firstColumn = e.mul(e.rem(e.thread, 16), 4);
    e.loop(stretch.begin, stretch.end, kTile, [&](Value tileRow) {
      Values start(4 * tiles.size(), zeros);
      Values sums = e.loop(e.index(0), e.index(llvm::alignTo(product.columns, kBlock)), kBlock, start,
                           [&](Value k, ValueRange carried) {
                             loadInputs(inputs, tileRow, k);
                             for (auto [weight, tile] : llvm::zip(product.weights, tiles))
                               loadWeights(weight, tile, columnTile, k);
                             e.barrier();
                             Values next = multiply(inputs, tiles, firstRow, firstColumn, quad, carried);
                             e.barrier();
                             return next;
                           });
      for (int64_t r = 0; r < 4; ++r)
        for (int64_t c = 0; c < 4; ++c) {
          Values products;
          for (size_t i = 0; i < tiles.size(); ++i)
            products.push_back(vector::ExtractOp::create(e, sums[4 * i + r], c));
          Value row = e.add(e.add(tileRow, firstRow), r);
          e.when(compare(CmpIPredicate::ult, row, stretch.end), [&] {
            storeOutput(e, product, stretch, row, e.add(e.add(e.mul(columnTile, kTile), firstColumn), c),
                        products);
          });
        }
    });
    return success();
  }

private:
  DeviceEmitter &e;
  const Product &product;
  const Stretch &stretch;
  WeightReader reader;

  /// Rows of a panel that a work item reads at once from a dense format: 16 bytes.
  int64_t lanes() const { return 16 / product.format.elementBytes(); }

  /// The weights' panel of the stretch's matrix.
  Value panelOf(Value panel) { return stretch.panelOf(e, product, panel); }

  Value inputOrZero(Value row, Value column) {
    if (product.columns % kBlock == 0)
      return e.load(product.input, {row, column});
    Value inside = compare(CmpIPredicate::ult, column, e.index(product.columns));
    Value value = e.load(product.input, {row, select(inside, column, e.index(0))});
    return select(inside, value, number(0));
  }

  void densePart(Value weight, Value memory, Value panel, Value row, Value slot, Value layer) {
    auto type = VectorType::get(lanes(), e.getF32Type());
    int64_t depth = e.threads * lanes() / kPanel;
    Value zeros = arith::ConstantOp::create(e, DenseElementsAttr::get(type, 0.0f));
    Value lane = e.mul(slot, lanes());
    Value sum = e.loop(
        layer, e.index(product.columns), depth, zeros, [&](Value column, ValueRange carried) -> Values {
          Value weights = reader.dense(weight, panelOf(panel), column, lane, lanes());
          Value wide = vector::BroadcastOp::create(e, type, e.load(product.input, {row, column}));
          return {vector::FMAOp::create(e, weights, wide, carried[0])};
        })[0];
    vector::StoreOp::create(e, sum, memory, ValueRange{layer, lane});
  }

  void quantizedPart(Value weight, Value memory, Value panel, Value row, Value slot, Value layer) {
    // A work item keeps to one row of the panel: words go round in steps of the block's threads.
    int64_t blocks = PackedFormat::blocks(product.columns);
    Value sum = e.loop(
        e.thread, e.index(blocks * reader.words()), e.threads, number(0),
        [&](Value at, ValueRange carried) -> Values {
          Value block = e.div(at, reader.words()), word = e.rem(at, reader.words());
          Value total = carried[0];
          auto quads = reader.quantized(weight, panelOf(panel), block, word);
          for (auto [part, quad] : llvm::enumerate(quads)) {
            Value first = e.add(e.mul(block, kBlock), reader.firstColumn(word, static_cast<int64_t>(part)));
            for (int64_t j = 0; j < 4; ++j)
              total = math::FmaOp::create(e, quad.weights[j], inputOrZero(row, e.add(first, j)), total);
          }
          return {total};
        })[0];
    store(sum, memory, {layer, slot});
  }

  /// 64 rows x 32 columns, transposed.
  void loadInputs(Value memory, Value tileRow, Value k) {
    e.forThreads(e.index(kTile * kBlock), [&](Value i) {
      Value r = e.div(i, kBlock), c = e.rem(i, kBlock);
      Value row = e.add(tileRow, r), column = e.add(k, c);
      Value inside = both(compare(CmpIPredicate::ult, row, stretch.end),
                          compare(CmpIPredicate::ult, column, e.index(product.columns)));
      Value value =
          e.load(product.input, {select(inside, row, stretch.begin), select(inside, column, e.index(0))});
      store(select(inside, value, number(0)), memory, {c, r});
    });
  }

  /// 32 columns x 64 outputs: four panels.
  void loadWeights(Value weight, Value memory, Value columnTile, Value k) {
    int64_t most = product.panels() - 1;
    auto panelAt = [&](Value i) { // panels past the last one hold no outputs
      return e.min(e.add(e.mul(columnTile, kTile / kPanel), i), e.index(most));
    };
    if (product.format.isQuantized()) {
      e.forThreads(e.index(kTile / kPanel * reader.words()), [&](Value i) {
        Value panel = e.div(i, reader.words()), word = e.rem(i, reader.words());
        auto quads = reader.quantized(weight, panelOf(panelAt(panel)), e.div(k, kBlock), word);
        Value column = e.add(e.mul(panel, kPanel), e.rem(word, kPanel));
        for (auto [part, quad] : llvm::enumerate(quads))
          for (int64_t j = 0; j < 4; ++j)
            store(quad.weights[j], memory,
                  {e.add(reader.firstColumn(word, static_cast<int64_t>(part)), j), column});
      });
      return;
    }
    int64_t reads = kPanel / lanes(); // of a panel's column
    e.forThreads(e.index(kTile / kPanel * kBlock * reads), [&](Value i) {
      Value lane = e.mul(e.rem(i, reads), lanes()), c = e.rem(e.div(i, reads), kBlock),
            panel = e.div(i, reads * kBlock);
      Value column = e.min(e.add(k, c), e.index(product.columns - 1));
      Value weights = reader.dense(weight, panelOf(panelAt(panel)), column, lane, lanes());
      vector::StoreOp::create(e, weights, memory, ValueRange{c, e.add(e.mul(panel, kPanel), lane)});
    });
  }

  Values multiply(Value inputs, ArrayRef<Value> tiles, Value firstRow, Value firstColumn, VectorType quad,
                  ValueRange carried) {
    return e.loop(e.index(0), e.index(kBlock), 1, carried, [&](Value k, ValueRange sums) {
      Value rows = vector::LoadOp::create(e, quad, inputs, ValueRange{k, firstRow});
      Values next;
      for (auto [i, tile] : llvm::enumerate(tiles)) {
        Value columns = vector::LoadOp::create(e, quad, tile, ValueRange{k, firstColumn});
        for (int64_t r = 0; r < 4; ++r) {
          Value wide = vector::BroadcastOp::create(e, quad, vector::ExtractOp::create(e, rows, r));
          next.push_back(vector::FMAOp::create(e, wide, columns, sums[4 * i + static_cast<size_t>(r)]));
        }
      }
      return next;
    });
  }
};

/// A way to multiply many rows, in tiles of 64.
struct TileForm {
  int64_t columns, threads; ///< outputs of a tile, work items of a block
  StringRef chip;           ///< whose instructions it needs; empty: all have them
  LogicalResult (*emit)(DeviceEmitter &e, Type type, const Product &product, const Stretch &stretch,
                        Value columnTile);

  std::string nameOf(StringRef what) const { return (what + (chip.empty() ? "" : "_" + chip)).str(); }
};

LogicalResult emitPlainTiles(DeviceEmitter &e, Type, const Product &product, const Stretch &stretch,
                             Value columnTile) {
  return ProductEmitter(e, product, stretch).emitTiles(columnTile);
}

/// Launches before `op` what `launch` makes of the form that the device has.
LogicalResult launchTiles(Operation *op, const GpuTarget &target, const Product &product,
                          function_ref<LogicalResult(Operation *, const TileForm &)> launch) {
  if (!target.matrixType)
    return launch(op, {kTile, target.threads, "", emitPlainTiles});
  TileForm forSubgroups{kMatrixTileColumns, target.threads, "", emitMatrixTiles};
  if (!target.warpGroups || !suitsWarpGroup(product, target.matrixType))
    return launch(op, forSubgroups);
  TileForm forWarpGroups{warpGroupColumns(product), kWarpGroup, kWarpGroupChip, emitWarpGroupTiles};
  LoopEmitter host(op);
  Value has = callRuntime(host, "attune_device_has_warp_groups", host.getI32Type(), {});
  Value none = arith::ConstantOp::create(host, host.getI32IntegerAttr(0));
  auto branch = scf::IfOp::create(host, arith::CmpIOp::create(host, CmpIPredicate::ne, has, none),
                                  /*withElseRegion=*/true);
  return success(succeeded(launch(branch.thenBlock()->getTerminator(), forWarpGroups)) &&
                 succeeded(launch(branch.elseBlock()->getTerminator(), forSubgroups)));
}

LogicalResult refuseQuantized(Operation *op, bool isQuantized) {
  if (isQuantized)
    return op->emitError() << "has int8 activations, for which devices have no product yet";
  return success();
}

} // namespace

LogicalResult transformer::launchLinear(kernel::LinearOp op, const GpuTarget &target) {
  if (failed(refuseQuantized(op, op.isQuantized())))
    return failure();
  Product product = Product::of(op);
  LoopEmitter host(op);
  Value rows = host.dimension(op.getInput(), 0);
  auto few = [&](Operation *before) {
    LoopEmitter around(before);
    DeviceEmitter e(before, "linear_few", {around.index(product.panels()), rows}, target.threads);
    Stretch stretch{e.block(1), e.add(e.block(1), 1), Value()};
    return ProductEmitter(e, product, stretch).emitFewRows(e.block(0));
  };
  auto many = [&](Operation *before) {
    return launchTiles(before, target, product, [&](Operation *before, const TileForm &form) {
      LoopEmitter around(before);
      Value columnTiles = around.index(llvm::divideCeil(product.outputs(), form.columns));
      DeviceEmitter e(before, form.nameOf("linear"), {columnTiles, ceilDiv(around, rows, kTile)},
                      form.threads, form.chip);
      Value begin = e.mul(e.block(1), kTile);
      Stretch stretch{begin, e.min(e.add(begin, kTile), e.dimension(op.getInput(), 0)), Value()};
      return form.emit(e, target.matrixType, product, stretch, e.block(0));
    });
  };
  return launchByRows(op, rows, kFewRows, few, many);
}

LogicalResult transformer::emitRowProduct(DeviceEmitter &e, kernel::LinearOp op) {
  Product product = Product::of(op);
  Stretch stretch{e.index(0), e.index(1), Value()};
  return ProductEmitter(e, product, stretch).emitFewRows(e.index(0));
}

LogicalResult transformer::launchGroupedLinear(kernel::GroupedLinearOp op, const GpuTarget &target) {
  if (failed(refuseQuantized(op, op.isQuantized())))
    return failure();
  Product product = Product::of(op);
  LoopEmitter host(op);
  Value most = host.dimension(op.getBlocks(), 0);
  auto emit = [&](Operation *before, StringRef name, int64_t width, int64_t threads, StringRef chip,
                  auto body) {
    LoopEmitter around(before);
    DeviceEmitter e(before, name, {around.index(llvm::divideCeil(product.outputs(), width)), most}, threads,
                    chip);
    auto column = [&](int64_t i) {
      return arith::IndexCastOp::create(e, e.getIndexType(), e.load(op.getBlocks(), {e.block(1), e.index(i)}))
          .getResult();
    };
    Value count = arith::IndexCastOp::create(e, e.getIndexType(), e.load(op.getCount(), e.index(0)));
    LogicalResult result = success();
    e.when(arith::CmpIOp::create(e, CmpIPredicate::ult, e.block(1), count), [&] {
      Value begin = column(1);
      Stretch stretch{begin, e.add(begin, column(2)), column(0)};
      result = body(e, stretch);
    });
    return result;
  };
  auto few = [&](Operation *before) {
    return emit(before, "experts_few", kPanel, target.threads, "",
                [&](DeviceEmitter &e, const Stretch &stretch) {
                  return ProductEmitter(e, product, stretch).emitFewRows(e.block(0));
                });
  };
  auto many = [&](Operation *before) {
    return launchTiles(before, target, product, [&](Operation *before, const TileForm &form) {
      return emit(before, form.nameOf("experts"), form.columns, form.threads, form.chip,
                  [&](DeviceEmitter &e, const Stretch &stretch) {
                    return form.emit(e, target.matrixType, product, stretch, e.block(0));
                  });
    });
  };
  return launchByRows(op, host.dimension(op.getInput(), 0), kFewRows, few, many);
}
