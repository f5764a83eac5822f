// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/layout/Products.h"

#include "passes/layout/Formats.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

std::optional<Weight> Weight::of(Value logical) {
  Value memory = physicalOf(logical);
  if (!memory)
    return std::nullopt;
  auto type = cast<RankedTensorType>(logical.getType());
  ArrayRef<int64_t> matrix = type.getShape().take_back(2);
  return Weight{memory, packedFor(type.getContext(), storageOf(type)), matrix[0], matrix[1]};
}

Activations Products::prepare(Value input, kernel::PackedAttr format) {
  int64_t rows = cast<RankedTensorType>(input.getType()).getDimSize(0);
  return prepare(input, format, [&](int64_t columns, Type element) {
    return emptyLike(builder, loc, RankedTensorType::get({rows, columns}, element), input);
  });
}

Activations Products::prepare(Value input, kernel::PackedAttr format, EmptyRows empty) {
  if (!quantization.activations || !format.isQuantized())
    return {input, {}, {}, {}};
  attune::PackedFormat packed = format.getFormat();
  int64_t columns = cast<RankedTensorType>(input.getType()).getDimSize(1);
  int64_t blocks = attune::PackedFormat::blocks(columns);
  bool byRow = quantization.byRow || packed.isRowScaled();
  int64_t scaleCount = byRow ? 1 : attune::PackedFormat::activationScales(columns);
  Value codes = empty(blocks * 32, builder.getI8Type()), scales = empty(scaleCount, builder.getF32Type());
  Value sums = empty(packed.activationSums(columns, scaleCount), builder.getF32Type());
  SmallVector<Type> types{codes.getType(), scales.getType(), sums.getType()};
  Value outliers;
  if (quantization.outliers) {
    outliers = empty(2 * quantization.outliers, builder.getF32Type());
    types.push_back(outliers.getType());
  }
  auto op = kernel::QuantizeOp::create(builder, loc, types, input, codes, scales, sums, outliers);
  return {op.getResult(0), op.getResult(1), op.getResult(2), outliers ? op.getResult(3) : Value()};
}

void transformer::emitEpilogue(OpBuilder &builder, Region &region, unsigned arguments, Epilogue epilogue) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = region.getLoc();
  SmallVector<Type> types(arguments, builder.getF32Type());
  Block *body = builder.createBlock(&region, {}, types, SmallVector<Location>(arguments, loc));
  kernel::YieldOp::create(builder, loc, epilogue(builder, loc, body->getArguments()));
}

Value Products::emit(Value input, ArrayRef<Weight> weights, ValueRange extras, Epilogue epilogue) {
  const Weight &first = weights.front();
  auto type = RankedTensorType::get({cast<RankedTensorType>(input.getType()).getDimSize(0), first.rows},
                                    builder.getF32Type());
  Value output = emptyLike(builder, loc, type, input);
  auto [values, scales, sums, outliers] = prepare(input, first.format);
  SmallVector<Value> memories =
      llvm::map_to_vector(weights, [](const Weight &weight) { return weight.memory; });
  auto product =
      kernel::LinearOp::create(builder, loc, type, values, scales, sums, outliers, memories, extras, output,
                               first.format, builder.getI64IntegerAttr(first.columns));
  emitEpilogue(builder, product.getEpilogue(), weights.size() + extras.size(), epilogue);
  return product.getResult();
}

Value Products::linear(Value input, const Weight &weight, Value bias) {
  return emit(input, weight, bias ? ValueRange(bias) : ValueRange(),
              [](OpBuilder &b, Location at, ValueRange values) -> Value {
                return values.size() == 1 ? values[0] : arith::AddFOp::create(b, at, values[0], values[1]);
              });
}
