// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/weights/MappedFile.h"
#include "frontend/weights/Safetensors.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace attune;

static constexpr llvm::StringLiteral blocksEnding = "_blocks", scalesEnding = "_scales";

/// Whether a tensor has the form of blocks: 16 bytes for 32 elements.
static bool holdsBlocks(const TensorInfo &tensor) {
  return llvm::StringRef(tensor.name).ends_with(blocksEnding) && tensor.type == StorageType::U8 &&
         tensor.shape.size() == 4 && tensor.shape[3] == 16;
}

static llvm::Expected<TensorInfo> joined(const TensorInfo &blocks, const WeightStore &store) {
  std::string name = llvm::StringRef(blocks.name).drop_back(blocksEnding.size()).str();
  std::string scalesName = name + scalesEnding.str();
  const TensorInfo *scales = store.find(scalesName);
  llvm::ArrayRef<int64_t> shape = llvm::ArrayRef(blocks.shape).drop_back();
  if (!scales)
    return fileError(blocks.file,
                     llvm::formatv("tensor {0} holds blocks of MXFP4, but tensor {1} is missing; expected it "
                                   "as u8 {2}",
                                   quoted(blocks.name), quoted(scalesName), shapeText(shape)));
  if (scales->type != StorageType::U8 || llvm::ArrayRef<int64_t>(scales->shape) != shape)
    return fileError(scales->file,
                     llvm::formatv("tensor {0} is {1} {2}, expected u8 {3}: a scale for each "
                                   "block of tensor {4}",
                                   quoted(scalesName), storageTypeName(scales->type),
                                   shapeText(scales->shape), shapeText(shape), quoted(blocks.name)));
  TensorInfo tensor{name, blocks.shape, StorageType::MXFP4, blocks.data, blocks.file, scales->data};
  tensor.shape.pop_back();
  tensor.shape.back() *= blockSize(StorageType::MXFP4); // no overflow: the file has half as many bytes
  return tensor;
}

llvm::Error attune::joinMxfp4(WeightStore &store) {
  std::vector<TensorInfo> found;
  for (const TensorInfo &tensor : store.tensors())
    if (holdsBlocks(tensor)) {
      llvm::Expected<TensorInfo> whole = joined(tensor, store);
      if (!whole)
        return whole.takeError();
      found.push_back(std::move(*whole));
    }
  if (found.empty())
    return llvm::Error::success();
  llvm::StringSet<> parts;
  for (const TensorInfo &tensor : found)
    for (llvm::StringRef ending : {blocksEnding, scalesEnding})
      parts.insert(tensor.name + ending.str());
  store.filter([&](const TensorInfo &tensor) { return !parts.contains(tensor.name); });
  for (TensorInfo &tensor : found)
    if (llvm::Error error = store.add(std::move(tensor)))
      return error;
  return llvm::Error::success();
}
