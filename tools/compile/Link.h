// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Linking a product from generated code and the runtime that is shipped with the compiler.

#ifndef ATTUNE_TOOLS_COMPILE_LINK_H
#define ATTUNE_TOOLS_COMPILE_LINK_H

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace attune {

enum class Product { executable, library };

/// Fails if the compiler came without the runtime for `machine` ("aarch64-linux-gnu").
llvm::Error checkRuntime(const std::string &machine);

/// Links `objects` with the runtime of `lib/attune/<machine>` beside the compiler's own folder. With
/// `sanitize` the compiler driver links, since the sanitizer's runtime is its own.
llvm::Error linkProduct(const std::vector<std::string> &objects, const std::string &machine,
                        const std::string &output, Product product, bool sanitize);

/// The C interface of libraries, as it is shipped with the compiler.
std::string runtimeHeader();

} // namespace attune

#endif // ATTUNE_TOOLS_COMPILE_LINK_H
