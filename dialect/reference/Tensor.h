// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What the reference interpreter computes with: dense tensors of doubles and the key/value cache.

#ifndef ATTUNE_DIALECT_REFERENCE_TENSOR_H
#define ATTUNE_DIALECT_REFERENCE_TENSOR_H

#include "dialect/Transformer.h"

#include "llvm/Support/Error.h"

#include <memory>
#include <variant>

namespace mlir::transformer::reference {

enum class ElementKind { real, integer };

/// A dense row-major tensor. Scalars (`index`, `i32`, `f32`) are tensors of rank 0. Elements are doubles;
/// integers are exact up to 2^53.
class Tensor {
public:
  /// A tensor of zeros. An error if a dimension is negative or there are more than `maxElements` elements.
  static llvm::Expected<Tensor> zeros(llvm::ArrayRef<int64_t> shape, ElementKind kind = ElementKind::real);
  static Tensor scalar(double value, ElementKind kind);
  /// A tensor with the given elements, whose number must be the shape's.
  static Tensor of(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> data,
                   ElementKind kind = ElementKind::real);

  llvm::ArrayRef<int64_t> shape() const { return dims; }
  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  int64_t dim(int64_t i) const { return dims[i]; }
  int64_t size() const { return static_cast<int64_t>(elements.size()); }
  ElementKind kind() const { return elementKind; }
  llvm::ArrayRef<double> data() const { return elements; }
  llvm::MutableArrayRef<double> data() { return elements; }

  /// The element at an index of as many numbers as the rank. Indices are not checked beyond an assertion.
  template <typename... Index> double &operator()(Index... index) { return elements[flat(index...)]; }
  template <typename... Index> double operator()(Index... index) const { return elements[flat(index...)]; }

  /// The same elements under another shape of the same size.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) const;

  static constexpr int64_t maxElements = int64_t{1} << 30;

private:
  Tensor(llvm::ArrayRef<int64_t> shape, size_t size, ElementKind kind);

  template <typename... Index> size_t flat(Index... index) const {
    assert(sizeof...(index) == dims.size() && "an index for each dimension");
    size_t offset = 0, i = 0;
    ((offset = offset * dims[i++] + static_cast<size_t>(index)), ...);
    assert(offset < elements.size() && "index inside the tensor");
    return offset;
  }

  llvm::SmallVector<int64_t, 4> dims;
  std::vector<double> elements;
  ElementKind elementKind;
};

/// `value` rounded to nearest even in `type`: f16, bf16 or f32; other types leave it.
double roundTo(mlir::Type type, double value);

/// The state behind a `!transformer.cache`: `rows x heads x size` keys and values for each layer. Elements
/// are rounded to the cache's element type. Rows that nothing was written to hold NaN, so that reading one
/// shows.
class CacheValue {
public:
  /// An error if the tables of a layer are too large for a tensor.
  static llvm::Expected<std::shared_ptr<CacheValue>> create(CacheType type, int64_t rows);

  CacheType type() const { return cacheType; }
  int64_t rows() const { return rowCount; }
  const Tensor &keys(int64_t layer) const { return keyTables[layer]; }
  const Tensor &values(int64_t layer) const { return valueTables[layer]; }
  /// Stores keys and values of one token: row `token` of `keys` and `values` goes to row `row` of the layer's
  /// tables.
  void store(int64_t layer, int64_t row, const Tensor &keys, const Tensor &values, int64_t token);

private:
  CacheValue(CacheType type, int64_t rows) : cacheType(type), rowCount(rows) {}

  CacheType cacheType;
  int64_t rowCount;
  std::vector<Tensor> keyTables, valueTables;
};

/// A value while a program runs. Tensors are shared and never change; a cache is state.
using RuntimeValue = std::variant<std::shared_ptr<const Tensor>, std::shared_ptr<CacheValue>>;

RuntimeValue runtimeValue(Tensor tensor);

/// Prints `tensor<2x3xf32> [[1, 2, 3], [4, 5, 6]]`: six significant digits, the element type that of `type`.
void print(llvm::raw_ostream &os, const Tensor &tensor, mlir::Type type);

} // namespace mlir::transformer::reference

#endif // ATTUNE_DIALECT_REFERENCE_TENSOR_H
