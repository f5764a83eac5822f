// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a tokenizer.json around its model. All of them may be null; unknown types are reported by
// name.
#pragma once

#include "frontend/tokenizer/JsonField.h"
#include "frontend/tokenizer/TokenizerBlob.h"

namespace attune {

// The expression that byte-level tokenizers split with unless they bring their own.
extern const char *const Gpt2Expression;

void importNormalizer(const JsonField &field, std::vector<TokenizerStep> &steps);
void importPreTokenizer(const JsonField &field, std::vector<TokenizerStep> &steps);
void importDecoder(const JsonField &field, std::vector<TokenizerStep> &steps);
void importPostProcessor(const JsonField &field, TokenizerDescription &description);

} // namespace attune
