// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/WeightStore.h"
#include "frontend/weights/MappedFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace attune;

int64_t TensorInfo::elementCount() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::string attune::shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (int64_t size : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

static llvm::Error shapeError(llvm::ArrayRef<int64_t> shape, const llvm::Twine &problem) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "shape " + shapeText(shape) + " " + problem);
}

llvm::Expected<int64_t> attune::tensorBytes(StorageType type, llvm::ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0)
      return shapeError(shape, "has a negative dimension");
    if (llvm::MulOverflow(count, size, count))
      return shapeError(shape, "has more elements than 2^63 - 1");
  }
  int64_t last = shape.empty() ? 1 : shape.back();
  if (last % blockSize(type) != 0)
    return shapeError(
        shape,
        llvm::formatv("has a last dimension of {0}, expected a multiple of {1} (the block size of {2})", last,
                      blockSize(type), storageTypeName(type))
            .str());
  int64_t bytes;
  if (llvm::MulOverflow(count / blockSize(type), blockBytes(type), bytes))
    return shapeError(shape, "has more bytes than 2^63 - 1");
  return bytes;
}

const TensorInfo *WeightStore::find(llvm::StringRef name) const {
  auto found = indexOf.find(name);
  return found == indexOf.end() ? nullptr : &list[found->second];
}

llvm::Error WeightStore::add(TensorInfo tensor) {
  auto [entry, added] = indexOf.try_emplace(tensor.name, list.size());
  if (!added)
    return fileError(tensor.file, "tensor " + quoted(tensor.name) + " exists twice; the first is in " +
                                      list[entry->second].file);
  list.push_back(std::move(tensor));
  return llvm::Error::success();
}

void WeightStore::filter(llvm::function_ref<bool(const TensorInfo &)> stays) {
  llvm::erase_if(list, [&](const TensorInfo &tensor) { return !stays(tensor); });
  indexOf.clear();
  for (size_t index = 0; index < list.size(); ++index)
    indexOf[list[index].name] = index;
}
