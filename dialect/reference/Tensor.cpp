// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/reference/Tensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

static int64_t product(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

Tensor::Tensor(ArrayRef<int64_t> shape, ElementKind kind)
    : dims(shape.begin(), shape.end()), elements(product(shape)), elementKind(kind) {}

Tensor Tensor::scalar(double value, ElementKind kind) { return of({}, value, kind); }

Tensor Tensor::of(ArrayRef<int64_t> shape, ArrayRef<double> data, ElementKind kind) {
  Tensor tensor(shape, kind);
  assert(tensor.elements.size() == data.size() && "as many elements as the shape has");
  llvm::copy(data, tensor.elements.begin());
  return tensor;
}

Tensor Tensor::reshaped(ArrayRef<int64_t> shape) const { return of(shape, elements, elementKind); }

llvm::Expected<int64_t> reference::checkSize(ArrayRef<int64_t> shape, int64_t limit) {
  int64_t size = 1;
  for (int64_t dim : shape) {
    if (dim < 0)
      return llvm::createStringError("a dimension has size %lld", static_cast<long long>(dim));
    if (dim != 0 && size > limit / dim)
      return llvm::createStringError("a tensor has more than %lld elements", static_cast<long long>(limit));
    size *= dim;
  }
  return size;
}

double reference::roundTo(Type type, double value) {
  auto floatType = dyn_cast<FloatType>(type);
  if (!floatType || floatType.isF64())
    return value;
  if (floatType.isF32())
    return static_cast<float>(value);
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(floatType.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

//===----------------------------------------------------- cache ----------------------------------------------------===//

CacheValue::CacheValue(CacheType type, int64_t rows) : cacheType(type), rowCount(rows) {
  auto table = [&](int64_t size) {
    Tensor tensor({rows, type.getHeads(), size});
    llvm::fill(tensor.data(), std::numeric_limits<double>::quiet_NaN());
    return tensor;
  };
  keyTables.assign(type.getLayers(), table(type.getKeySize()));
  valueTables.assign(type.getLayers(), table(type.getValueSize()));
}

void CacheValue::store(int64_t layer, int64_t row, const Tensor &keys, const Tensor &values, int64_t token) {
  auto copyRow = [&](const Tensor &from, Tensor &to) {
    int64_t size = to.dim(1) * to.dim(2);
    for (int64_t i = 0; i < size; ++i)
      to.data()[row * size + i] = roundTo(cacheType.getElementType(), from.data()[token * size + i]);
  };
  copyRow(keys, keyTables[layer]);
  copyRow(values, valueTables[layer]);
}

RuntimeValue reference::runtimeValue(Tensor tensor) { return std::make_shared<const Tensor>(std::move(tensor)); }

//===---------------------------------------------------- printing --------------------------------------------------===//

static void printNumber(llvm::raw_ostream &os, double value, ElementKind kind) {
  if (std::isnan(value))
    os << "nan"; // without the sign, which is not portable
  else if (kind == ElementKind::integer)
    os << static_cast<int64_t>(value);
  else
    os << llvm::format("%.6g", value);
}

static void printElements(llvm::raw_ostream &os, const Tensor &tensor, int64_t dim, int64_t &next) {
  if (dim == tensor.rank())
    return printNumber(os, tensor.data()[next++], tensor.kind());
  os << '[';
  for (int64_t i = 0; i < tensor.dim(dim); ++i) {
    os << (i ? ", " : "");
    printElements(os, tensor, dim + 1, next);
  }
  os << ']';
}

void reference::print(llvm::raw_ostream &os, const Tensor &tensor, Type type) {
  if (isa<RankedTensorType>(type))
    type = RankedTensorType::get(tensor.shape(), getElementTypeOrSelf(type));
  os << type << ' ';
  int64_t next = 0;
  printElements(os, tensor, 0, next);
}
