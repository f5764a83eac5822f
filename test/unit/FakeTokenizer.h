// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <vector>

namespace attune::test {

/// The tables of a tokenizer for the fake model's 50 ids: 0 unknown, 1 <s> (begins every text), 2 </s>, from
/// 3 on a to z, space, full stop, line feed, A to R; a character is a token.
std::vector<std::byte> fakeTokenizer();

} // namespace attune::test
