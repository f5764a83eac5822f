// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialect/reference/Tensor.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::reference;

Tensor::Tensor(ArrayRef<int64_t> shape, size_t size, ElementKind kind)
    : dims(shape.begin(), shape.end()), elements(size), elementKind(kind) {}

llvm::Expected<Tensor> Tensor::zeros(ArrayRef<int64_t> shape, ElementKind kind) {
  int64_t size = 1;
  for (int64_t dim : shape) {
    if (dim < 0)
      return llvm::createStringError("a dimension has size %lld", static_cast<long long>(dim));
    if (dim != 0 && size > maxElements / dim)
      return llvm::createStringError("a tensor has more than %lld elements",
                                     static_cast<long long>(maxElements));
    size *= dim;
  }
  return Tensor(shape, size, kind);
}

Tensor Tensor::scalar(double value, ElementKind kind) { return of({}, value, kind); }

Tensor Tensor::of(ArrayRef<int64_t> shape, ArrayRef<double> data, ElementKind kind) {
  Tensor tensor(shape, data.size(), kind);
  assert(static_cast<int64_t>(data.size()) == ShapedType::getNumElements(shape) &&
         "as many elements as the shape has");
  llvm::copy(data, tensor.elements.begin());
  return tensor;
}

Tensor Tensor::reshaped(ArrayRef<int64_t> shape) const { return of(shape, elements, elementKind); }

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

//===------------------------------- cache --------------------------------===//

llvm::Expected<std::shared_ptr<CacheValue>> CacheValue::create(CacheType type, int64_t rows) {
  std::shared_ptr<CacheValue> cache(new CacheValue(type, rows));
  for (auto [tables, size] :
       {std::pair{&cache->keyTables, type.getKeySize()}, {&cache->valueTables, type.getValueSize()}}) {
    llvm::Expected<Tensor> table = Tensor::zeros({rows, type.getHeads(), size});
    if (!table)
      return table.takeError();
    llvm::fill(table->data(), std::numeric_limits<double>::quiet_NaN());
    tables->assign(type.getLayers(), *table);
  }
  return cache;
}

/// To integers of 8 bits times a scale.
static void roundToCodes(llvm::MutableArrayRef<double> elements) {
  double largest = 0;
  for (double x : elements)
    largest = std::max(largest, std::abs(x));
  double scale = largest / 127;
  for (double &x : elements)
    x = scale == 0 ? x : std::nearbyint(x / scale) * scale;
}

void CacheValue::store(int64_t layer, int64_t row, const Tensor &keys, const Tensor &values, int64_t token) {
  auto copyRow = [&](const Tensor &from, Tensor &to) {
    int64_t size = to.dim(1) * to.dim(2);
    for (int64_t i = 0; i < size; ++i)
      to.data()[row * size + i] = roundTo(cacheType.getElementType(), from.data()[token * size + i]);
    for (int64_t head = 0; cacheType.isScaled() && head < to.dim(1); ++head)
      roundToCodes(llvm::MutableArrayRef(to.data()).slice(row * size + head * to.dim(2), to.dim(2)));
  };
  copyRow(keys, keyTables[layer]);
  copyRow(values, valueTables[layer]);
}

RuntimeValue reference::runtimeValue(Tensor tensor) {
  return std::make_shared<const Tensor>(std::move(tensor));
}

//===------------------------------ printing ------------------------------===//

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
