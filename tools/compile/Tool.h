// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Programs that the compiler runs: linkers and assemblers.

#ifndef ATTUNE_TOOLS_COMPILE_TOOL_H
#define ATTUNE_TOOLS_COMPILE_TOOL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace attune {

/// The path of a linker of LLVM's ("ld.lld", "clang++-22").
llvm::Expected<std::string> findLinker(llvm::StringRef name);

/// Runs the program at `path`. If it fails, what it says is the error.
llvm::Error runTool(const std::string &path, llvm::ArrayRef<llvm::StringRef> arguments);

/// What a program that is run as PATH before... INPUT -o OUTPUT makes of bytes. `suffix` is the input's.
llvm::Expected<std::string> filterThrough(const std::string &path, llvm::ArrayRef<llvm::StringRef> before,
                                          llvm::StringRef bytes, llvm::StringRef suffix);

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_TOOL_H
