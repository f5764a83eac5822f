// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Short ways to build linalg operations on tensors of f32 whose leading dimension is the tokens.

#ifndef ATTUNE_PASSES_LOWER_LINALGBUILDER_H
#define ATTUNE_PASSES_LOWER_LINALGBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::transformer {

/// Builds `linalg.generic` with a body given as a function of its block arguments.
class LinalgBuilder {
public:
  LinalgBuilder(OpBuilder &builder, Location loc) : b(builder), loc(loc) {}
  OpBuilder &b;
  Location loc;

  using Body = function_ref<Value(ValueRange)>;

  Value f32(double value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(static_cast<float>(value)));
  }
  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value loopIndex(int64_t dim) { return linalg::IndexOp::create(b, loc, dim); }
  Value dim(Value tensor, int64_t dimension) { return tensor::DimOp::create(b, loc, tensor, dimension); }

  Value empty(RankedTensorType type, ArrayRef<Value> dynamicSizes) {
    return tensor::EmptyOp::create(b, loc, type.getShape(), type.getElementType(), ValueRange(dynamicSizes));
  }
  Value filled(Value tensor, double value) {
    return linalg::FillOp::create(b, loc, f32(value), tensor).getResult(0);
  }

  /// A map that keeps the first `kept` of `rank` loops, or the loops in `dims`.
  AffineMap dims(unsigned rank, ArrayRef<unsigned> dims) {
    SmallVector<AffineExpr> exprs;
    for (unsigned dim : dims)
      exprs.push_back(b.getAffineDimExpr(dim));
    return AffineMap::get(rank, 0, exprs, b.getContext());
  }
  AffineMap leading(unsigned rank, unsigned kept) {
    SmallVector<unsigned> list;
    for (unsigned i = 0; i < kept; ++i)
      list.push_back(i);
    return dims(rank, list);
  }
  AffineMap identity(unsigned rank) { return b.getMultiDimIdentityMap(rank); }

  /// Elementwise over `output`, whose old elements the body does not use (they are its last argument all the
  /// same).
  Value map(ValueRange inputs, ArrayRef<AffineMap> maps, Value output, Body body) {
    unsigned rank = cast<RankedTensorType>(output.getType()).getRank();
    SmallVector<AffineMap> all(maps);
    all.push_back(identity(rank));
    return generic(inputs, all, output, SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
                   body);
  }

  /// Reduces the last loop into `output`, which holds the neutral element; the body's last argument is the
  /// accumulator.
  Value reduceLast(ValueRange inputs, ArrayRef<AffineMap> maps, Value output, Body body) {
    return reduce(cast<RankedTensorType>(output.getType()).getRank(), inputs, maps, output, body);
  }

  /// The same for loop `reduced`.
  Value reduce(unsigned reduced, ValueRange inputs, ArrayRef<AffineMap> maps, Value output, Body body) {
    unsigned rank = cast<RankedTensorType>(output.getType()).getRank() + 1;
    SmallVector<AffineMap> all(maps);
    all.push_back(identity(rank).dropResult(reduced));
    SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
    iterators[reduced] = utils::IteratorType::reduction;
    return generic(inputs, all, output, iterators, body);
  }

private:
  Value generic(ValueRange inputs, ArrayRef<AffineMap> maps, Value output,
                ArrayRef<utils::IteratorType> iterators, Body body) {
    auto op =
        linalg::GenericOp::create(b, loc, output.getType(), inputs, output, maps, iterators,
                                  [&](OpBuilder &inner, Location at, ValueRange arguments) {
                                    OpBuilder::InsertionGuard guard(b);
                                    b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
                                    linalg::YieldOp::create(b, at, body(arguments));
                                  });
    return op.getResult(0);
  }
};

} // namespace mlir::transformer

#endif // ATTUNE_PASSES_LOWER_LINALGBUILDER_H
