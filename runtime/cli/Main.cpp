// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/CommandLine.h"

int main(int argc, char **argv) { return attune::cli::runCommandLine(argc, argv); }
