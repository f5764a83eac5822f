// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The printable characters that stand for bytes in the vocabularies of byte-level tokenizers: printable
// Latin-1 characters for themselves, the others from U+0100 on in their order.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace attune::tokenizer {

// The character of each byte.
const std::array<uint32_t, 256> &byteAlphabet();

std::string mapBytes(std::string_view bytes);

// Appends the bytes that a token stands for; a token with a character outside of the alphabet stands for
// itself.
void appendMappedBytes(std::string &out, std::string_view token);

} // namespace attune::tokenizer
