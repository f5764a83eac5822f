// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the names in a GGUF's tokenizer.ggml.pre stand for.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace attune {

struct GgufPreTokenizer {
  llvm::ArrayRef<const char *> names;
  llvm::ArrayRef<const char *> expressions; // each splits what the ones before left, and isolates its matches
  bool wholeWords = false;                  // a piece that is a token is not merged step by step
  bool addBegin = false, addEnd = false;    // unless the file says otherwise
  bool composes = false;                    // texts are brought to NFC first
};

// Null for a name that is not known.
const GgufPreTokenizer *findGgufPreTokenizer(llvm::StringRef name);

// All known names, for messages.
std::string ggufPreTokenizerNames();

} // namespace attune
