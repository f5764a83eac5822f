// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What importers of tokenizers give, put to use.
#pragma once

#include "runtime/Error.h"
#include "runtime/tokenizer/Tokenizer.h"

#include "llvm/Support/Error.h"

#include <cstring>

namespace attune::fuzz {

inline void useTokenizer(llvm::Expected<std::string> blob) {
  if (!blob)
    return llvm::consumeError(blob.takeError());
  // Aligned to 8 bytes.
  std::vector<uint64_t> memory((blob->size() + 7) / 8);
  std::memcpy(memory.data(), blob->data(), blob->size());
  try {
    Tokenizer tokenizer = Tokenizer::load(std::as_bytes(std::span(memory)).first(blob->size()));
    tokenizer.decode(tokenizer.encode("Zwei  Boxkämpfer jagen 12 Eva's <s>\xff日本\n"), true);
  } catch (const Error &) {
  }
}

} // namespace attune::fuzz
