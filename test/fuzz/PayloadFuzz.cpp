// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Payloads: what is appended to a program, its metadata and its tokenizer.
#include "FakeModel.h"
#include "runtime/Error.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <cstring>

using namespace attune;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // Aligned as a mapped file is.
  std::vector<uint64_t> memory((size + 7) / 8);
  if (size)
    std::memcpy(memory.data(), data, size);
  try {
    Program program(std::as_bytes(std::span(memory)).first(size), test::decoderEntries, "fuzz");
    std::span<const std::byte> blob = program.tokenizer();
    if (blob.empty() || reinterpret_cast<uintptr_t>(blob.data()) % 8 != 0)
      return 0;
    Tokenizer tokenizer = Tokenizer::load(blob);
    tokenizer.decode(tokenizer.encode("a test, 12 of them"), true);
  } catch (const Error &) {
  }
  return 0;
}
