// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Appends the payload to a linked product: a section that is not loaded, which `strip` keeps and the runtime
/// finds through the section headers (runtime/program/PayloadFormat.h). Appending works at every size, where
/// a section among the loaded ones does not.

#ifndef ATTUNE_TOOLS_COMPILE_PAYLOAD_H
#define ATTUNE_TOOLS_COMPILE_PAYLOAD_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace attune {

/// Writes `bytes` at `offset` of a blob.
using BlobWriter = llvm::function_ref<llvm::Error(int64_t offset, llvm::ArrayRef<uint8_t> bytes)>;

struct Blob {
  std::string name;
  int64_t bytes = 0;
  /// Fills the blob, whose bytes are 0 before.
  std::function<llvm::Error(BlobWriter)> fill;
};

/// A blob that holds a string.
Blob textBlob(std::string name, std::string text);

/// Adds the section to the ELF file at `path`.
llvm::Error appendPayload(const std::string &path, llvm::ArrayRef<Blob> blobs);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_PAYLOAD_H
