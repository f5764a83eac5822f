// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Upstream operations on the shapes of tensors.

#include "dialect/reference/Interpreter.h"
#include "dialect/reference/Semantics.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

/// Sizes, offsets or strides that are partly constants, partly operands.
static SmallVector<int64_t> valuesOf(ArrayRef<OpFoldResult> mixed, Frame &frame) {
  return llvm::map_to_vector(mixed, [&](OpFoldResult entry) {
    if (auto value = dyn_cast<mlir::Value>(entry))
      return frame.index(value);
    return cast<IntegerAttr>(cast<Attribute>(entry)).getInt();
  });
}

static llvm::Error evaluateDim(tensor::DimOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSource());
  int64_t dim = frame.index(op.getIndex());
  if (llvm::Error error = expectIndex("dimension", dim, source.rank(), "the tensor's rank"))
    return error;
  return frame.set(op.getResult(), Tensor::scalar(source.dim(dim), ElementKind::integer));
}

static llvm::Error evaluateCast(tensor::CastOp op, Frame &frame) {
  return frame.set(op.getResult(), frame.values(op.getSource()).front());
}

/// The dimensions of `shape` multiplied in groups.
static SmallVector<int64_t> grouped(ArrayRef<int64_t> shape, ArrayRef<ReassociationIndices> groups) {
  return llvm::map_to_vector(groups, [&](ArrayRef<int64_t> group) {
    int64_t size = 1;
    for (int64_t dim : group)
      size *= shape[dim];
    return size;
  });
}

static llvm::Error evaluateExpandShape(tensor::ExpandShapeOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSrc());
  SmallVector<int64_t> shape =
      valuesOf(getMixedValues(op.getStaticOutputShape(), op.getOutputShape(), op->getContext()), frame);
  if (llvm::Expected<Tensor> sized = Tensor::zeros(shape);
      !sized) // negative, or so large that products overflow
    return sized.takeError();
  if (ArrayRef<int64_t>(grouped(shape, op.getReassociationIndices())) != source.shape())
    return llvm::createStringError("gives a shape of another size");
  return frame.set(op.getResult(), source.reshaped(shape));
}

static llvm::Error evaluateCollapseShape(tensor::CollapseShapeOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getSrc());
  return frame.set(op.getResult(), source.reshaped(grouped(source.shape(), op.getReassociationIndices())));
}

/// The index that follows `index` in row-major order; false after the last.
static bool advance(MutableArrayRef<int64_t> index, ArrayRef<int64_t> sizes) {
  for (size_t dim = index.size(); dim-- > 0; index[dim] = 0)
    if (++index[dim] < sizes[dim])
      return true;
  return false;
}

static llvm::Expected<Tensor> slice(const Tensor &source, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                                    ArrayRef<int64_t> strides) {
  llvm::Expected<Tensor> result = Tensor::zeros(sizes, source.kind());
  if (!result || result->size() == 0)
    return result;
  for (auto [dim, size] : llvm::enumerate(sizes))
    for (int64_t end : {offsets[dim], offsets[dim] + (size - 1) * strides[dim]})
      if (llvm::Error error = expectIndex("a slice's index", end, source.dim(dim), "the tensor's dimension"))
        return error;
  SmallVector<int64_t> index(sizes.size(), 0);
  int64_t next = 0;
  do {
    int64_t flat = 0;
    for (auto [dim, i] : llvm::enumerate(index))
      flat = flat * source.dim(dim) + offsets[dim] + i * strides[dim];
    result->data()[next++] = source.data()[flat];
  } while (advance(index, sizes));
  return result;
}

static llvm::Error evaluateExtractSlice(tensor::ExtractSliceOp op, Frame &frame) {
  SmallVector<int64_t> sizes = valuesOf(op.getMixedSizes(), frame);
  llvm::Expected<Tensor> result = slice(frame.tensor(op.getSource()), valuesOf(op.getMixedOffsets(), frame),
                                        sizes, valuesOf(op.getMixedStrides(), frame));
  if (!result)
    return result.takeError();
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (!dropped.test(dim))
      shape.push_back(size);
  return frame.set(op.getResult(), result->reshaped(shape));
}

static llvm::Error evaluateConcat(tensor::ConcatOp op, Frame &frame) {
  const Tensor &first = frame.tensor(op.getInputs().front());
  int64_t dim = op.getDim(), outer = 1, total = 0;
  for (int64_t size : first.shape().take_front(dim))
    outer *= size;
  SmallVector<int64_t> shape(first.shape());
  for (mlir::Value input : op.getInputs()) {
    const Tensor &tensor = frame.tensor(input);
    for (int64_t other = 0; other < tensor.rank(); ++other)
      if (other != dim)
        if (llvm::Error error =
                expectSize("an input", tensor.dim(other), first.dim(other), "the first input"))
          return error;
    total += tensor.dim(dim);
  }
  shape[dim] = total;
  llvm::Expected<Tensor> result = Tensor::zeros(shape, first.kind());
  if (!result)
    return result.takeError();
  // Rows of all inputs, one after the other, for each index of the outer dimensions.
  int64_t next = 0;
  for (int64_t i = 0; i < outer; ++i)
    for (mlir::Value input : op.getInputs()) {
      const Tensor &tensor = frame.tensor(input);
      int64_t inner = tensor.size() / outer;
      llvm::copy(tensor.data().slice(i * inner, inner), result->data().begin() + next);
      next += inner;
    }
  return frame.set(op.getResult(), std::move(result));
}

static llvm::Error evaluateExtract(tensor::ExtractOp op, Frame &frame) {
  const Tensor &source = frame.tensor(op.getTensor());
  int64_t flat = 0;
  for (auto [dim, operand] : llvm::enumerate(op.getIndices())) {
    int64_t index = frame.index(operand);
    if (llvm::Error error = expectIndex("index", index, source.dim(dim), "the tensor's dimension"))
      return error;
    flat = flat * source.dim(dim) + index;
  }
  return frame.set(op.getResult(), Tensor::scalar(source.data()[flat], source.kind()));
}

static llvm::Error evaluateFromElements(tensor::FromElementsOp op, Frame &frame) {
  RankedTensorType type = op.getType();
  llvm::Expected<Tensor> result = Tensor::zeros(
      type.getShape(), type.getElementType().isIntOrIndex() ? ElementKind::integer : ElementKind::real);
  if (!result)
    return result.takeError();
  for (auto [element, operand] : llvm::zip_equal(result->data(), op.getElements()))
    element = frame.tensor(operand)();
  return frame.set(op.getResult(), std::move(result));
}

void reference::addTensorEvaluators(Evaluators &table) {
  table.add(evaluateDim);
  table.add(evaluateCast);
  table.add(evaluateExpandShape);
  table.add(evaluateCollapseShape);
  table.add(evaluateExtractSlice);
  table.add(evaluateConcat);
  table.add(evaluateExtract);
  table.add(evaluateFromElements);
}
