// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "llvm/ADT/StringRef.h"

#include <string>

namespace attune {

// JSON text with each escaped surrogate pair ("\ud842\udfb7") spelled out in UTF-8. LLVM's parser gets those
// beyond U+1FFFF wrong: it joins the halves with "or" where they are to be added.
std::string spellOutSurrogates(llvm::StringRef json);

} // namespace attune
