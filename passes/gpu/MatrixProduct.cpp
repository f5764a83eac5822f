// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Tiles of inputs and weights go through the block's memory, in the type that is multiplied: while one step
// of 32 columns is multiplied, the next is on its way to the other of two buffers.

#include "passes/gpu/MatrixProduct.h"
#include "passes/gpu/MatrixTiles.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

void transformer::storeOutput(DeviceEmitter &e, const Product &product, const Stretch &stretch, Value row,
                              Value column, ArrayRef<Value> products) {
  auto loadExtra = [&](Value extra) {
    if (cast<MemRefType>(extra.getType()).getRank() == 2)
      return e.load(extra, {row, column});
    return e.load(extra, stretch.matrix ? e.add(e.mul(stretch.matrix, product.outputs()), column) : column);
  };
  auto storeIt = [&] {
    IRMapping map;
    Values arguments(products);
    for (Value extra : product.extras)
      arguments.push_back(loadExtra(extra));
    map.map(product.epilogue->getArguments(), arguments);
    for (Operation &inner : product.epilogue->without_terminator())
      e.clone(inner, map);
    Value result = map.lookupOrDefault(product.epilogue->getTerminator()->getOperand(0));
    e.store(result, product.output, {row, column});
  };
  if (product.outputs() % kMatrixTileColumns == 0)
    return storeIt();
  e.when(arith::CmpIOp::create(e, CmpIPredicate::ult, column, e.index(product.outputs())), storeIt);
}

namespace {

constexpr int64_t kStep = PackedFormat::blockColumns; ///< columns of a step
constexpr int64_t kRows = TileLoader::rows;           ///< of a tile
constexpr int64_t kColumns = kMatrixTileColumns;      ///< outputs of a tile
constexpr int64_t kPad = MatrixUnits::pad;
constexpr int64_t kPart = 32;     ///< rows and outputs of a subgroup: two subgroups by four make a tile
constexpr int64_t kFragments = 8; ///< of a subgroup's sums: 2 of 16 rows by 4 of 8 outputs
constexpr int64_t kSums = MatrixUnits::sums;

class MatrixEmitter : Scalars {
public:
  MatrixEmitter(DeviceEmitter &e, Type type, const Product &product, const Stretch &stretch, Value columnTile)
      : Scalars{e}, e(e), units(e, type), product(product), stretch(stretch), columnTile(columnTile),
        loader(e, units, product, stretch, {kStep, kColumns, columnTile}) {
    inputs = e.shared({2, kRows, kStep + kPad}, type);
    loader.inputs = {inputs};
    for (size_t i = 0; i < product.weights.size(); ++i) {
      tiles.push_back(outputsFirst() ? e.shared({tileBuffers(), kColumns, kStep + kPad}, type)
                                     : e.shared({2, kStep, kColumns + kPad}, type));
      loader.weights.push_back({tiles.back()});
    }
    lane = e.rem(e.thread, 32);
    Value subgroup = e.div(e.thread, 32);
    firstRow = e.mul(e.div(subgroup, kColumns / kPart), kPart);
    firstColumn = e.mul(e.rem(subgroup, kColumns / kPart), kPart);
  }

  void emit() {
    e.loop(stretch.begin, stretch.end, kRows, [&](Value tileRow) {
      units.storeAll(load(tileRow, e.index(0), e.index(0)));
      int64_t end = llvm::alignTo(product.columns, kStep);
      Values zeros(tiles.size() * kFragments * kSums, number(0));
      Values sums =
          e.loop(e.index(0), e.index(end), kStep, zeros, [&](Value k, ValueRange carried) -> Values {
            NVVM::CpAsyncWaitGroupOp::create(e, 0);
            e.barrier();
            Value buffer = e.rem(e.div(k, kStep), 2);
            // The last step loads itself once more, where nothing reads it.
            Value next = e.min(e.add(k, kStep), e.index(end - kStep));
            SmallVector<Pending> pending = load(tileRow, next, e.sub(e.index(1), buffer));
            Values results = multiply(buffer, carried);
            if (tileBuffers() == 1) // all have read what is there
              e.barrier();
            units.storeAll(pending);
            return results;
          });
      NVVM::CpAsyncWaitGroupOp::create(e, 0);
      e.barrier();
      storeOutputs(tileRow, sums);
    });
  }

private:
  using Pending = MatrixUnits::Pending;

  DeviceEmitter &e;
  MatrixUnits units;
  const Product &product;
  const Stretch &stretch;
  Value columnTile;
  TileLoader loader;
  Value inputs;
  Values tiles; ///< of each weight
  Value lane, firstRow, firstColumn;

  bool outputsFirst() const { return loader.outputsFirst(); }

  /// Two tiles of weights leave no room in 48 KB for two of each; what is dequantised waits in registers
  /// then.
  int64_t tileBuffers() const { return outputsFirst() && product.weights.size() > 1 ? 1 : 2; }
  Value tileBuffer(Value buffer) { return tileBuffers() == 1 ? e.index(0) : buffer; }

  SmallVector<Pending> load(Value tileRow, Value k, Value buffer) {
    SmallVector<Pending> pending = loader.load(tileRow, k, buffer, tileBuffer(buffer));
    for (Pending &each : pending)
      each.vector = units.narrow(each.vector);
    return pending;
  }

  /// 16 rows and columns of the inputs.
  Values loadRows(Value buffer, int64_t row, int64_t column) {
    Value r = e.add(e.add(firstRow, row), e.rem(lane, 16)), c = e.add(e.mul(e.div(lane, 16), 8), column);
    return units.loadMatrices(inputs, {buffer, r, c}, NVVM::MMALayout::row);
  }

  /// 16 columns of 16 outputs: the operands of two products.
  Values loadOutputs(Value tile, Value buffer, int64_t output, int64_t column) {
    Value first = e.add(firstColumn, output);
    if (outputsFirst()) {
      Value n = e.add(e.add(first, e.rem(lane, 8)), e.mul(e.div(lane, 16), 8));
      Value c = e.add(e.mul(e.rem(e.div(lane, 8), 2), 8), column);
      return units.loadMatrices(tile, {tileBuffer(buffer), n, c}, NVVM::MMALayout::row);
    }
    Value n = e.add(first, e.mul(e.div(lane, 16), 8)), c = e.add(e.rem(lane, 16), column);
    return units.loadMatrices(tile, {buffer, c, n}, NVVM::MMALayout::col);
  }

  Values multiply(Value buffer, ValueRange carried) {
    Values sums(carried);
    for (int64_t k = 0; k < kStep; k += 16) {
      SmallVector<Values> rows = {loadRows(buffer, 0, k), loadRows(buffer, 16, k)};
      size_t at = 0;
      for (Value tile : tiles)
        for (int64_t output = 0; output < kPart; output += 16) {
          Values outputs = loadOutputs(tile, buffer, output, k);
          for (size_t half = 0; half < 2; ++half)
            for (const Values &part : rows) {
              MutableArrayRef<Value> fragment = MutableArrayRef<Value>(sums).slice(at, kSums);
              units.accumulate(fragment, part, ArrayRef<Value>(outputs).slice(2 * half, 2));
              at += kSums;
            }
        }
    }
    return sums;
  }

  /// Sums lie in the order of `multiply`: weight, eight outputs, sixteen rows, then the four of a work item.
  void storeOutputs(Value tileRow, ArrayRef<Value> sums) {
    for (int64_t fragment = 0; fragment < kFragments; ++fragment)
      for (int64_t i = 0; i < kSums; ++i) {
        Values products;
        for (size_t weight = 0; weight < tiles.size(); ++weight)
          products.push_back(
              sums[(weight * kFragments + static_cast<size_t>(fragment)) * kSums + static_cast<size_t>(i)]);
        Value row = e.add(e.add(e.add(tileRow, firstRow), e.div(lane, 4)), fragment % 2 * 16 + i / 2 * 8);
        Value column = e.add(e.add(firstColumn, e.mul(e.rem(lane, 4), 2)), fragment / 2 * 8 + i % 2);
        e.when(compare(CmpIPredicate::ult, row, stretch.end), [&] {
          storeOutput(e, product, stretch, row, e.add(e.mul(columnTile, kColumns), column), products);
        });
      }
  }
};

} // namespace

LogicalResult transformer::emitMatrixTiles(DeviceEmitter &e, Type type, const Product &product,
                                           const Stretch &stretch, Value columnTile) {
  assert(e.threads == 256 && "eight subgroups share a tile");
  MatrixEmitter(e, type, product, stretch, columnTile).emit();
  return success();
}
