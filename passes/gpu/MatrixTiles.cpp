// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/MatrixTiles.h"

using namespace mlir;
using namespace mlir::transformer;
using attune::PackedFormat;

static constexpr int64_t kPanel = PackedFormat::panelRows;
static constexpr int64_t kBlock = PackedFormat::blockColumns;

Values Tile::place(LoopEmitter &e, Value buffer, Value row, Value column) const {
  if (!isSwizzled)
    return {buffer, row, column};
  constexpr int64_t kPiece = 8;
  Value exchange = e.mul(e.rem(row, kPiece), kPiece);
  return {buffer, row, arith::XOrIOp::create(e, column, exchange)};
}

SmallVector<MatrixUnits::Pending> TileLoader::load(Value tileRow, Value k, Value buffer, Value weightBuffer) {
  SmallVector<Pending> pending;
  for (auto [weight, tile] : llvm::zip(product.weights, weights))
    outputsFirst() ? loadQuantized(pending, weight, tile, k, weightBuffer)
                   : loadDense(pending, weight, tile, k, weightBuffer);
  NVVM::CpAsyncCommitGroupOp::create(e);
  loadInputs(pending, tileRow, k, buffer);
  return pending;
}

void TileLoader::loadInputs(SmallVectorImpl<Pending> &pending, Value tileRow, Value k, Value buffer) {
  constexpr int64_t kCount = 8; // of a row, at once
  for (int64_t at = 0; at < rows * part.step / kCount; at += e.threads) {
    Value i = e.add(e.thread, at);
    Value r = e.div(i, part.step / kCount), c = e.mul(e.rem(i, part.step / kCount), kCount);
    Value row = e.add(tileRow, r);
    row = select(compare(CmpIPredicate::ult, row, stretch.end), row, stretch.begin); // no row reads another
    Values elements;
    for (int64_t j = 0; j < kCount; ++j)
      elements.push_back(inputOrZero(row, e.add(e.add(k, c), j)));
    Value wide = vector::FromElementsOp::create(e, VectorType::get(kCount, e.getF32Type()), elements);
    pending.push_back({wide, inputs.memory, inputs.place(e, buffer, r, c)});
  }
}

Value TileLoader::inputOrZero(Value row, Value column) {
  if (product.columns % part.step == 0)
    return e.load(product.input, {row, column});
  Value inside = compare(CmpIPredicate::ult, column, e.index(product.columns));
  Value value = e.load(product.input, {row, select(inside, column, e.index(0))});
  return select(inside, value, number(0));
}

/// Panels past the last one hold no outputs.
Value TileLoader::panelOf(Value i) {
  Value panel = e.min(e.add(e.mul(part.columnTile, part.outputs / kPanel), i), e.index(product.panels() - 1));
  return stretch.panelOf(e, product, panel);
}

void TileLoader::loadQuantized(SmallVectorImpl<Pending> &pending, Value weight, const Tile &tile, Value k,
                               Value buffer) {
  assert(part.step == kBlock && "a step is a block");
  for (int64_t at = 0; at < part.outputs / kPanel * reader.words(); at += e.threads) {
    Value i = e.add(e.thread, at);
    Value panel = e.div(i, reader.words()), word = e.rem(i, reader.words());
    auto quads = reader.quantized(weight, panelOf(panel), e.div(k, kBlock), word);
    Value output = e.add(e.mul(panel, kPanel), e.rem(word, kPanel));
    for (auto [number, quad] : llvm::enumerate(quads)) {
      Value wide = vector::FromElementsOp::create(e, VectorType::get(4, e.getF32Type()), quad.weights);
      Value column = reader.firstColumn(word, static_cast<int64_t>(number));
      pending.push_back({wide, tile.memory, tile.place(e, buffer, output, column)});
    }
  }
}

void TileLoader::loadDense(SmallVectorImpl<Pending> &pending, Value weight, const Tile &tile, Value k,
                           Value buffer) {
  int64_t lanes = 16 / product.format.elementBytes(), reads = kPanel / lanes;
  for (int64_t at = 0; at < part.outputs * part.step / lanes; at += e.threads) {
    Value i = e.add(e.thread, at);
    Value first = e.mul(e.rem(i, reads), lanes), c = e.rem(e.div(i, reads), part.step);
    Value panel = e.div(i, reads * part.step);
    Value column = e.min(e.add(k, c), e.index(product.columns - 1)); // past it, inputs are zero
    Values place = tile.place(e, buffer, c, e.add(e.mul(panel, kPanel), first));
    if (!isCopied()) {
      Value wide = reader.dense(weight, panelOf(panel), column, first, lanes);
      pending.push_back({wide, tile.memory, place});
      continue;
    }
    Value offset = e.mul(e.add(e.mul(column, kPanel), first), product.format.elementBytes());
    units.copy(weight, {panelOf(panel), offset}, tile.memory, place, 16);
  }
}
