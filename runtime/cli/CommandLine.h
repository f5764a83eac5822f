// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace attune::cli {

/// The command line of a compiled program. Returns the exit code: 0, 1 (bad input, with a message on stderr),
/// 2 (usage).
int runCommandLine(int argc, const char *const *argv);

} // namespace attune::cli
