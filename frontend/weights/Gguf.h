// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading GGUF, versions 2 and 3, in one file or split.

#ifndef ATTUNE_FRONTEND_WEIGHTS_GGUF_H
#define ATTUNE_FRONTEND_WEIGHTS_GGUF_H

#include "frontend/weights/GgufMetadata.h"
#include "frontend/weights/WeightStore.h"

namespace attune {

struct GgufModel {
  GgufMetadata metadata; ///< Of the first file.
  WeightStore weights;   ///< Of all files; owns the mappings that both point into.
};

/// Opens a GGUF file, mapped, not read. If it is one of several ("NAME-00002-of-00003.gguf", with split.count
/// in its metadata), whichever, all of them are opened. Whatever the format does not allow is an error that
/// names the file, the key or tensor, what was found and what was expected.
llvm::Expected<GgufModel> openGguf(llvm::StringRef path);

} // namespace attune

#endif
