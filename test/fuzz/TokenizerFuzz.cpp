// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tokenizer.json: JSON, the import, and the runtime on what the import gives.
#include "InputFile.h"
#include "TokenizerBytes.h"
#include "frontend/tokenizer/TokenizerImport.h"

using namespace attune;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::InputFile file(data, size);
  fuzz::useTokenizer(importTokenizerJson(file.path()));
  return 0;
}
