// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parsing JSON that nobody has checked yet.

#ifndef ATTUNE_FRONTEND_WEIGHTS_JSONTEXT_H
#define ATTUNE_FRONTEND_WEIGHTS_JSONTEXT_H

#include "llvm/Support/JSON.h"

namespace attune {

/// Parses JSON text of any origin. Beyond what llvm::json::parse refuses, it fails on nesting deeper than 256
/// (which would overflow the parser's stack) and on a key that stands twice in one object (of which one would
/// be lost), and it gets escaped surrogate pairs right (see JsonEscapes.h). Errors read "FILE: ...".
llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text, llvm::StringRef file);

} // namespace attune

#endif
