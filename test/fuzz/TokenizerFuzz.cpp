// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tokenizer.json: JSON, the import, and the runtime on what the import gives.
#include "InputFile.h"
#include "frontend/tokenizer/TokenizerImport.h"
#include "runtime/Error.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <cstring>

using namespace attune;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::InputFile file(data, size);
  llvm::Expected<std::string> blob = importTokenizerJson(file.path());
  if (!blob) {
    llvm::consumeError(blob.takeError());
    return 0;
  }
  // Aligned to 8 bytes.
  std::vector<uint64_t> memory((blob->size() + 7) / 8);
  std::memcpy(memory.data(), blob->data(), blob->size());
  try {
    Tokenizer tokenizer = Tokenizer::load(std::as_bytes(std::span(memory)).first(blob->size()));
    tokenizer.decode(tokenizer.encode("Zwei  Boxkämpfer jagen 12 Eva's <s>\xff日本\n"), true);
  } catch (const Error &) {
  }
  return 0;
}
