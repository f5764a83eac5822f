// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Classes of characters and normal forms, as tokenizers use them. Data: utf8proc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attune::tokenizer {

enum class NormalForm { C, D, KC, KD };

// Requires valid UTF-8.
std::string normalForm(std::string_view text, NormalForm form);

bool isWhiteSpace(uint32_t c);       // Unicode's White_Space
bool isNumeric(uint32_t c);          // Nd, Nl, No
bool isPunctuation(uint32_t c);      // ASCII punctuation and symbols, P*
bool isWordCharacter(uint32_t c);    // what \w stands for
bool isMark(uint32_t c);             // Mn, Mc, Me
bool isNonSpacingMark(uint32_t c);   // Mn
bool isControl(uint32_t c);          // Cc, Cf, Co
bool isChineseCharacter(uint32_t c); // the CJK blocks that BERT sets apart

// One character's lower case, appended; context (a final sigma) is not looked at.
void appendLowercase(std::string &out, uint32_t c);

// The length in bytes of the first user-perceived character. Requires valid, non-empty UTF-8.
size_t graphemeLength(std::string_view text);

} // namespace attune::tokenizer
