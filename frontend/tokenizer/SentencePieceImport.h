// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What importers of SentencePiece's model files share.
#pragma once

#include "frontend/tokenizer/JsonField.h"
#include "frontend/tokenizer/SentencePieceModel.h"
#include "frontend/tokenizer/TokenizerBlob.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace attune {

// Adds the model's pieces under the ids that `idOf` gives them, with scores for the model to choose by.
// Tokens that are there already keep what they have. Only normal pieces are ever chosen.
void addPieces(const SentencePieceModel &model, llvm::function_ref<int32_t(size_t)> idOf,
               TokenizerDescription &description);

// What is done to a text, and back: SentencePiece's normalisation and the model, whose flags are left. A
// space is put in front of each stretch of text between special tokens, or (`prefixesAll` false) of the first
// alone.
void setSteps(const SentencePieceModel &model, int32_t unknown, bool prefixesAll,
              TokenizerDescription &description);

// The JSON file `name` in the folder of `path`. One that need not be there is an empty object then.
llvm::Expected<llvm::json::Value> readBeside(llvm::StringRef path, llvm::StringRef name, bool needed);

} // namespace attune
