// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace attune {

// A tokenizer's regular expression, which is written in Oniguruma's syntax, as PCRE2 spells one with the same
// matches (for the options that runtime/tokenizer/Regex.h names). What has no such spelling is an error that
// says where: numbered and named references, callouts, absent operators, text segments, and among letters of
// either case what would match several characters at once.
llvm::Expected<std::string> translateExpression(llvm::StringRef expression);

} // namespace attune
