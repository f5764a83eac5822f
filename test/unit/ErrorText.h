// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/Error.h"

#include <string>

namespace attune::test {

/// The message of the attune::Error that `use` throws, "no error" if it throws none.
template <typename Use> std::string errorOf(Use use) {
  try {
    use();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

} // namespace attune::test
