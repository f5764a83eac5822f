// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <stdexcept>

namespace attune {

/// What the runtime throws on bad input. The text is shown to users as it stands: it names the file, tensor,
/// field or option, what was found and what was expected. Never crosses the C ABI.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

} // namespace attune
