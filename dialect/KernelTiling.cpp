// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// TilingInterface of the kernel operations: over tokens, and over what is parallel beside them.

#include "dialect/Kernel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

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

//===---------------------------------------------------- quantize
//--------------------------------------------------===//

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
  Value init = getDpsInits()[index];
  resultOffsets = {offsets[0], b.getIndexAttr(0)};
  resultSizes = {sizes[0], dimension(b, getLoc(), init, 1)};
  return success();
}

//===----------------------------------------------------- linear
//---------------------------------------------------===//

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

//===---------------------------------------------------- attention
//-------------------------------------------------===//

SmallVector<utils::IteratorType> AttentionOp::getLoopIteratorTypes() { return parallel(2); }

SmallVector<Range> AttentionOp::getIterationDomain(OpBuilder &b) {
  return ranges(b, getLoc(),
                {dimension(b, getLoc(), getQueries(), 0), dimension(b, getLoc(), getKeyMemory(), 1)});
}

FailureOr<TilingResult> AttentionOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                            ArrayRef<OpFoldResult> sizes) {
  Location loc = getLoc();
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
