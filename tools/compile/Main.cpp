// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// attune-compile: a model goes in, a native program comes out.

#include "tools/compile/Compiler.h"
#include "tools/compile/Options.h"

#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  attune::CompileOptions options = attune::parseOptions(argc, argv);
  if (llvm::Error error = attune::compile(options)) {
    llvm::errs() << "attune-compile: error: " << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
