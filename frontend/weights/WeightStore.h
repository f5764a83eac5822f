// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tensors of a model, whatever files they come from.

#ifndef ATTUNE_FRONTEND_WEIGHTS_WEIGHTSTORE_H
#define ATTUNE_FRONTEND_WEIGHTS_WEIGHTSTORE_H

#include "frontend/weights/BlockFormat.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>
#include <vector>

namespace attune {

struct TensorInfo {
  std::string name;
  llvm::SmallVector<int64_t, 4> shape; ///< Row-major, outermost first; empty for a single number.
  StorageType type = StorageType::F32;
  llvm::ArrayRef<uint8_t> data; ///< Inside a mapped file, of any alignment.
  std::string file;             ///< Path, for messages.
  /// Of MXFP4 whose blocks are cut in two: a byte for each. `data` holds their 16 bytes of codes then, which
  /// are those of neighbouring elements.
  llvm::ArrayRef<uint8_t> scales = {};

  int64_t elementCount() const;
};

/// A shape as messages write it: "[576, 1536]".
std::string shapeText(llvm::ArrayRef<int64_t> shape);

/// Bytes of a tensor. Fails, without naming the tensor, if a dimension is negative, the count overflows, or
/// the last dimension is not made of whole blocks.
llvm::Expected<int64_t> tensorBytes(StorageType type, llvm::ArrayRef<int64_t> shape);

/// Owns the mappings that its tensors point into; both live as long as the store. Moving it moves no tensor.
class WeightStore {
public:
  llvm::ArrayRef<TensorInfo> tensors() const { return list; }

  /// The tensor of that name, or null.
  const TensorInfo *find(llvm::StringRef name) const;

  /// Adds a tensor, whose data must lie in a mapping that the store keeps. Fails if the name is taken.
  llvm::Error add(TensorInfo tensor);

  /// Leaves out all tensors but those that are to stay.
  void filter(llvm::function_ref<bool(const TensorInfo &)> stays);

  /// Takes over a mapping.
  void keep(std::unique_ptr<llvm::MemoryBuffer> mapping) { mappings.push_back(std::move(mapping)); }

private:
  std::vector<TensorInfo> list;
  llvm::StringMap<size_t> indexOf;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> mappings;
};

} // namespace attune

#endif
