// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// TilingInterface of the kernel operations: over tokens, and over what is parallel beside them.

#include "dialect/Kernel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::kernel;

using Parts = SmallVector<OpFoldResult>;

static OpFoldResult dimension(OpBuilder &b, Location loc, Value shaped, int64_t dim) {
  auto type = cast<ShapedType>(shaped.getType());
  if (!type.isDynamicDim(dim))
    return b.getIndexAttr(type.getDimSize(dim));
  if (isa<TensorType>(type))
    return tensor::DimOp::create(b, loc, shaped, dim).getResult();
  return memref::DimOp::create(b, loc, shaped, dim).getResult();
}

/// The part of `shaped` at `offsets` in its leading dimensions; the others whole.
static Value slice(OpBuilder &b, Location loc, Value shaped, Parts offsets, Parts sizes) {
  int64_t rank = cast<ShapedType>(shaped.getType()).getRank();
  for (int64_t dim = offsets.size(); dim < rank; ++dim) {
    offsets.push_back(b.getIndexAttr(0));
    sizes.push_back(dimension(b, loc, shaped, dim));
  }
  Parts strides(rank, b.getIndexAttr(1));
  if (isa<TensorType>(shaped.getType()))
    return tensor::ExtractSliceOp::create(b, loc, shaped, offsets, sizes, strides);
  return memref::SubViewOp::create(b, loc, shaped, offsets, sizes, strides);
}

static OpFoldResult composed(OpBuilder &b, Location loc, AffineExpr expr, ArrayRef<OpFoldResult> operands) {
  return affine::makeComposedFoldedAffineApply(b, loc, AffineMap::get(0, operands.size(), expr), operands);
}

static SmallVector<Range> ranges(OpBuilder &b, Location loc, ArrayRef<OpFoldResult> sizes) {
  SmallVector<Range> domain;
  for (OpFoldResult size : sizes)
    domain.push_back({b.getIndexAttr(0), size, b.getIndexAttr(1)});
  return domain;
}

static SmallVector<utils::IteratorType> parallel(unsigned n) {
  return SmallVector<utils::IteratorType>(n, utils::IteratorType::parallel);
}

/// Clones `op` on other operands; its results take the types of the inits that are tensors.
static TilingResult cloneOn(OpBuilder &b, Operation *op, ArrayRef<Value> operands, ArrayRef<Value> slices) {
  SmallVector<Type> types;
  unsigned firstInit = cast<DestinationStyleOpInterface>(op).getDpsInitsMutable()[0].getOperandNumber();
  for (unsigned i = 0; i < op->getNumResults(); ++i)
    types.push_back(operands[firstInit + i].getType());
  Operation *tiled = mlir::clone(b, op, types, operands);
  SmallVector<Operation *> generated;
  for (Value value : slices)
    generated.push_back(value.getDefiningOp());
  return TilingResult{{tiled}, SmallVector<Value>(tiled->getResults()), generated};
}

/// The place in `init` of what is tiled by rows alone.
static void wholeRows(OpBuilder &b, Location loc, Value init, OpFoldResult offset, OpFoldResult size,
                      Parts &resultOffsets, Parts &resultSizes) {
  resultOffsets = {offset, b.getIndexAttr(0)};
  resultSizes = {size, dimension(b, loc, init, 1)};
}

//===------------------------------ quantize ------------------------------===//

SmallVector<utils::IteratorType> QuantizeOp::getLoopIteratorTypes() { return parallel(1); }

SmallVector<Range> QuantizeOp::getIterationDomain(OpBuilder &b) {
  return ranges(b, getLoc(), {dimension(b, getLoc(), getInput(), 0)});
}

FailureOr<TilingResult> QuantizeOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                           ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> operands;
  for (Value operand : getOperands())
    operands.push_back(slice(b, getLoc(), operand, Parts(offsets), Parts(sizes)));
  return cloneOn(b, *this, operands, operands);
}

LogicalResult QuantizeOp::getResultTilePosition(OpBuilder &b, unsigned index, ArrayRef<OpFoldResult> offsets,
                                                ArrayRef<OpFoldResult> sizes, Parts &resultOffsets,
                                                Parts &resultSizes) {
  wholeRows(b, getLoc(), getDpsInits()[index], offsets[0], sizes[0], resultOffsets, resultSizes);
  return success();
}

//===------------------------------- linear -------------------------------===//

SmallVector<utils::IteratorType> LinearOp::getLoopIteratorTypes() { return parallel(2); }

SmallVector<Range> LinearOp::getIterationDomain(OpBuilder &b) {
  return ranges(b, getLoc(),
                {dimension(b, getLoc(), getOutput(), 0), dimension(b, getLoc(), getOutput(), 1)});
}

/// Column tiles are multiples of a panel's 16 rows (or reach the end).
FailureOr<TilingResult> LinearOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                         ArrayRef<OpFoldResult> sizes) {
  Location loc = getLoc();
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  OpFoldResult panel = composed(b, loc, s0.floorDiv(16), {offsets[1]}),
               panels = composed(b, loc, s0.ceilDiv(16), {sizes[1]});
  SmallVector<Value> operands;
  operands.push_back(slice(b, loc, getInput(), {offsets[0]}, {sizes[0]}));
  if (isQuantized())
    for (Value part : {getScales(), getSums()})
      operands.push_back(slice(b, loc, part, {offsets[0]}, {sizes[0]}));
  if (getOutliers())
    operands.push_back(slice(b, loc, getOutliers(), {offsets[0]}, {sizes[0]}));
  for (Value weight : getWeights())
    operands.push_back(slice(b, loc, weight, {panel}, {panels}));
  for (Value extra : getExtras()) {
    bool vector = cast<ShapedType>(extra.getType()).getRank() == 1;
    operands.push_back(vector ? slice(b, loc, extra, {offsets[1]}, {sizes[1]})
                              : slice(b, loc, extra, Parts(offsets), Parts(sizes)));
  }
  operands.push_back(slice(b, loc, getOutput(), Parts(offsets), Parts(sizes)));
  return cloneOn(b, *this, operands, operands);
}

LogicalResult LinearOp::getResultTilePosition(OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
                                              ArrayRef<OpFoldResult> sizes, Parts &resultOffsets,
                                              Parts &resultSizes) {
  resultOffsets.assign(offsets.begin(), offsets.end());
  resultSizes.assign(sizes.begin(), sizes.end());
  return success();
}

//===--------------------------- grouped linear ---------------------------===//

namespace {
/// A block's matrix, first row and rows.
struct RowBlock {
  OpFoldResult matrix, first, rows;

  static RowBlock load(OpBuilder &b, Location loc, Value blocks, OpFoldResult index) {
    Value row = getValueOrCreateConstantIndexOp(b, loc, index);
    auto entry = [&](int64_t column) -> OpFoldResult {
      Value at = arith::ConstantIndexOp::create(b, loc, column);
      Value number = element(b, loc, blocks, {row, at});
      return arith::IndexCastOp::create(b, loc, b.getIndexType(), number).getResult();
    };
    return {entry(0), entry(1), entry(2)};
  }

  static Value element(OpBuilder &b, Location loc, Value shaped, ValueRange indices) {
    if (isa<TensorType>(shaped.getType()))
      return tensor::ExtractOp::create(b, loc, shaped, indices);
    return memref::LoadOp::create(b, loc, shaped, indices);
  }
};
} // namespace

SmallVector<utils::IteratorType> GroupedLinearOp::getLoopIteratorTypes() { return parallel(2); }

SmallVector<Range> GroupedLinearOp::getIterationDomain(OpBuilder &b) {
  Value zero = arith::ConstantIndexOp::create(b, getLoc(), 0);
  Value count = RowBlock::element(b, getLoc(), getCount(), zero);
  Value blocks = arith::IndexCastOp::create(b, getLoc(), b.getIndexType(), count);
  return ranges(b, getLoc(), {blocks, dimension(b, getLoc(), getOutput(), 1)});
}

/// The product of one block and some columns (of whole panels, or to the end): a kernel.linear.
FailureOr<TilingResult> GroupedLinearOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                                ArrayRef<OpFoldResult> sizes) {
  int64_t columns = cast<ShapedType>(getOutput().getType()).getDimSize(1);
  if (getConstantIntValue(sizes[0]) != 1 || ShapedType::isDynamic(columns))
    return failure();
  Location loc = getLoc();
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  RowBlock block = RowBlock::load(b, loc, getBlocks(), offsets[0]);
  int64_t matrixPanels = attune::PackedFormat::panels(columns);
  OpFoldResult panel = composed(b, loc, s0 * matrixPanels + s1.floorDiv(16), {block.matrix, offsets[1]}),
               panels = composed(b, loc, s0.ceilDiv(16), {sizes[1]}),
               column = composed(b, loc, s0 * columns + s1, {block.matrix, offsets[1]});
  SmallVector<Value> slices;
  auto keep = [&](Value value) {
    slices.push_back(value);
    return value;
  };
  auto rowsOf = [&](Value value) {
    return value ? keep(slice(b, loc, value, {block.first}, {block.rows})) : Value();
  };
  Value input = rowsOf(getInput()), scales = rowsOf(getScales()), sums = rowsOf(getSums()),
        outliers = rowsOf(getOutliers());
  SmallVector<Value> weights, extras;
  for (Value weight : getWeights())
    weights.push_back(keep(slice(b, loc, weight, {panel}, {panels})));
  for (Value extra : getExtras())
    extras.push_back(keep(slice(b, loc, extra, {column}, {sizes[1]})));
  Value output = keep(slice(b, loc, getOutput(), {block.first, offsets[1]}, {block.rows, sizes[1]}));
  Type result = isa<TensorType>(output.getType()) ? output.getType() : Type();
  auto tile = LinearOp::create(b, loc, result, input, scales, sums, outliers, weights, extras, output,
                               getFormat(), getColumnsAttr());
  IRMapping mapping;
  getEpilogue().cloneInto(&tile.getEpilogue(), mapping);
  SmallVector<Operation *> generated =
      llvm::map_to_vector(slices, [](Value value) { return value.getDefiningOp(); });
  return TilingResult{{tile}, SmallVector<Value>(tile->getResults()), generated};
}

LogicalResult GroupedLinearOp::getResultTilePosition(OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
                                                     ArrayRef<OpFoldResult> sizes, Parts &resultOffsets,
                                                     Parts &resultSizes) {
  RowBlock block = RowBlock::load(b, getLoc(), getBlocks(), offsets[0]);
  resultOffsets = {block.first, offsets[1]};
  resultSizes = {block.rows, sizes[1]};
  return success();
}

//===------------------------------- route --------------------------------===//

SmallVector<utils::IteratorType> RouteOp::getLoopIteratorTypes() { return parallel(1); }

SmallVector<Range> RouteOp::getIterationDomain(OpBuilder &b) {
  return ranges(b, getLoc(), {dimension(b, getLoc(), getLogits(), 0)});
}

FailureOr<TilingResult> RouteOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                        ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> operands, slices;
  for (Value operand : getOperands()) {
    if (operand == getCorrectionBias()) {
      operands.push_back(operand);
      continue;
    }
    slices.push_back(slice(b, getLoc(), operand, Parts(offsets), Parts(sizes)));
    operands.push_back(slices.back());
  }
  return cloneOn(b, *this, operands, slices);
}

LogicalResult RouteOp::getResultTilePosition(OpBuilder &b, unsigned index, ArrayRef<OpFoldResult> offsets,
                                             ArrayRef<OpFoldResult> sizes, Parts &resultOffsets,
                                             Parts &resultSizes) {
  wholeRows(b, getLoc(), getDpsInits()[index], offsets[0], sizes[0], resultOffsets, resultSizes);
  return success();
}

//===-------------------------------- embed -------------------------------===//

SmallVector<utils::IteratorType> EmbedOp::getLoopIteratorTypes() { return parallel(1); }

SmallVector<Range> EmbedOp::getIterationDomain(OpBuilder &b) {
  return ranges(b, getLoc(), {dimension(b, getLoc(), getIds(), 0)});
}

/// Any token may need any row of the table: it stays whole.
FailureOr<TilingResult> EmbedOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                        ArrayRef<OpFoldResult> sizes) {
  auto rowsOf = [&](Value value) { return slice(b, getLoc(), value, Parts(offsets), Parts(sizes)); };
  Value ids = rowsOf(getIds()), output = rowsOf(getOutput());
  return cloneOn(b, *this, {ids, getTable(), output}, {ids, output});
}

LogicalResult EmbedOp::getResultTilePosition(OpBuilder &b, unsigned index, ArrayRef<OpFoldResult> offsets,
                                             ArrayRef<OpFoldResult> sizes, Parts &resultOffsets,
                                             Parts &resultSizes) {
  wholeRows(b, getLoc(), getDpsInits()[index], offsets[0], sizes[0], resultOffsets, resultSizes);
  return success();
}

//===---------------------------- cache update ----------------------------===//

SmallVector<utils::IteratorType> CacheUpdateOp::getLoopIteratorTypes() { return parallel(1); }

SmallVector<Range> CacheUpdateOp::getIterationDomain(OpBuilder &b) {
  return ranges(b, getLoc(), {dimension(b, getLoc(), getKeys(), 0)});
}

/// A token's row says where its keys and values go: the cache stays whole.
FailureOr<TilingResult> CacheUpdateOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                              ArrayRef<OpFoldResult> sizes) {
  auto rowsOf = [&](Value value) { return slice(b, getLoc(), value, Parts(offsets), Parts(sizes)); };
  Value keys = rowsOf(getKeys()), values = rowsOf(getValues()), batch = rowsOf(getBatch());
  auto tile = CacheUpdateOp::create(b, getLoc(), keys, values, batch, getKeyMemory(), getValueMemory(),
                                    getKeyScales(), getValueScales());
  return TilingResult{{tile}, {}, {keys.getDefiningOp(), values.getDefiningOp(), batch.getDefiningOp()}};
}

LogicalResult CacheUpdateOp::getResultTilePosition(OpBuilder &, unsigned, ArrayRef<OpFoldResult>,
                                                   ArrayRef<OpFoldResult>, Parts &, Parts &) {
  return failure(); // there are no results
}

//===----------------------------- attention ------------------------------===//

SmallVector<utils::IteratorType> AttentionOp::getLoopIteratorTypes() { return parallel(2); }

SmallVector<Range> AttentionOp::getIterationDomain(OpBuilder &b) {
  return ranges(b, getLoc(),
                {dimension(b, getLoc(), getQueries(), 0), dimension(b, getLoc(), getKeyMemory(), 1)});
}

FailureOr<TilingResult> AttentionOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                            ArrayRef<OpFoldResult> sizes) {
  Location loc = getLoc();
  if (getPartials())
    return emitOpError() << "has partials, which are of all heads";
  int64_t group = cast<ShapedType>(getQueries().getType()).getDimSize(1) /
                  cast<ShapedType>(getKeyMemory().getType()).getDimSize(1);
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  OpFoldResult head = composed(b, loc, s0 * group, {offsets[1]}),
               heads = composed(b, loc, s0 * group, {sizes[1]});
  OpFoldResult zero = b.getIndexAttr(0);
  auto cacheSlice = [&](Value memory) {
    return slice(b, loc, memory, {zero, offsets[1]}, {dimension(b, loc, memory, 0), sizes[1]});
  };
  SmallVector<Value> operands{slice(b, loc, getQueries(), {offsets[0], head}, {sizes[0], heads}),
                              slice(b, loc, getBatch(), {offsets[0]}, {sizes[0]}), cacheSlice(getKeyMemory()),
                              cacheSlice(getValueMemory())};
  if (getKeyScales())
    operands.append({cacheSlice(getKeyScales()), cacheSlice(getValueScales())});
  if (getSinks())
    operands.push_back(slice(b, loc, getSinks(), {head}, {heads}));
  if (getBias())
    operands.push_back(slice(b, loc, getBias(), {head}, {heads}));
  operands.push_back(slice(b, loc, getOutput(), {offsets[0], head}, {sizes[0], heads}));
  return cloneOn(b, *this, operands, operands);
}

LogicalResult AttentionOp::getResultTilePosition(OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
                                                 ArrayRef<OpFoldResult> sizes, Parts &resultOffsets,
                                                 Parts &resultSizes) {
  int64_t group = cast<ShapedType>(getQueries().getType()).getDimSize(1) /
                  cast<ShapedType>(getKeyMemory().getType()).getDimSize(1);
  AffineExpr s0 = b.getAffineSymbolExpr(0);
  resultOffsets = {offsets[0], composed(b, getLoc(), s0 * group, {offsets[1]}), b.getIndexAttr(0)};
  resultSizes = {sizes[0], composed(b, getLoc(), s0 * group, {sizes[1]}),
                 dimension(b, getLoc(), getOutput(), 2)};
  return success();
}
