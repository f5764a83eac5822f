// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GGUF: the reader, the description of the model and the tokenizer in its metadata.
#include "InputFile.h"
#include "frontend/gguf/GgufDescription.h"
#include "frontend/tokenizer/TokenizerImport.h"
#include "frontend/weights/Gguf.h"

using namespace attune;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::InputFile file(data, size);
  llvm::Expected<GgufModel> model = openGguf(file.path());
  if (!model) {
    llvm::consumeError(model.takeError());
    return 0;
  }
  llvm::consumeError(gguf::describeGguf(model->metadata, model->weights).takeError());
  llvm::consumeError(importTokenizerGguf(model->metadata).takeError());
  return 0;
}
