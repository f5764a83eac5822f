// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/MappedFile.h"
#include "frontend/weights/Packing.h"
#include "llvm/Support/FormatVariadic.h"

using namespace attune;

static llvm::Error tensorError(const TensorInfo &tensor, const std::string &problem) {
  return fileError(tensor.file, "tensor " + quoted(tensor.name) + " " + problem);
}

llvm::Expected<PackSource> PackSource::of(const TensorInfo &tensor, int64_t index) {
  llvm::ArrayRef<int64_t> shape = tensor.shape;
  if (shape.size() != 2 && shape.size() != 3)
    return tensorError(tensor,
                       "has shape " + shapeText(shape) + ", expected a matrix or a stack of matrices");
  if (!isWeightType(tensor.type))
    return tensorError(
        tensor, llvm::formatv("is stored as {0}, which holds no weights", storageTypeName(tensor.type)));
  int64_t matrices = shape.size() == 3 ? shape[0] : 1;
  if (index < 0 || index >= matrices)
    return tensorError(tensor, llvm::formatv("of shape {0} has no matrix {1}", shapeText(shape), index));
  auto part = [&](llvm::ArrayRef<uint8_t> whole) {
    size_t bytes = whole.size() / matrices;
    return whole.slice(index * bytes, bytes);
  };
  PackSource source{tensor.name, tensor.type, part(tensor.data), shape[shape.size() - 2], shape.back()};
  source.scales = part(tensor.scales);
  return source;
}

llvm::Expected<PackSource> PackSource::ofTransposed(const TensorInfo &tensor, int64_t index) {
  llvm::Expected<PackSource> source = of(tensor, index);
  if (!source)
    return source;
  if (isBlockQuantized(tensor.type))
    return tensorError(
        tensor, llvm::formatv("is stored as {0}, but one that is to be transposed must hold plain numbers",
                              storageTypeName(tensor.type)));
  std::swap(source->storedRows, source->columns);
  source->transposed = true;
  return source;
}

std::vector<int64_t> attune::halfSplitRowOrder(int64_t heads, int64_t headSize) {
  int64_t half = headSize / 2;
  std::vector<int64_t> order;
  order.reserve(heads * headSize);
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t side = 0; side < 2; ++side)
      for (int64_t i = 0; i < half; ++i)
        order.push_back(head * headSize + 2 * i + side);
  return order;
}
