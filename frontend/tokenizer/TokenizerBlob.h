// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tokenizer as the importers gather it, and the blob that is made of it
// (runtime/tokenizer/TokenizerFormat.h).
#pragma once

#include "runtime/tokenizer/TokenizerFormat.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace attune {

struct TokenizerStep {
  tokenizer::StepKind kind;
  uint32_t flags = 0;
  std::vector<int32_t> integers;
  std::vector<std::string> strings;
};

struct TokenizerDescription {
  struct Token {
    std::string text;
    uint8_t flags = 0; // tokenizer::TokenFlag; 0: a hole in the numbering
  };
  std::vector<Token> tokens; // by id
  std::vector<tokenizer::AddedToken> added;

  std::vector<TokenizerStep> normalizers, preTokenizers, decoders;
  TokenizerStep model{};
  std::vector<int32_t> before, after; // ids around a text
  bool plainControl = false;          // control tokens in a text are not parsed unless asked for

  std::vector<tokenizer::MergeSlot> merges; // no two with the same pair
  std::vector<double> scores;               // as in the blob, or empty
  std::vector<int32_t> byteIds;             // 256 or none
  bool needsTrie = false;                   // for WordPiece and Unigram

  // Makes room for the id. Ids are below MaxTokens.
  Token &at(int32_t id);
  static constexpr int32_t MaxTokens = (1 << tokenizer::SlotIdBits) - 1;
};

// The tokens of bytes, "<0x00>" to "<0xFF>", by their spelling; `idOf` gives -1 where there is none.
std::vector<int32_t> byteTokens(llvm::function_ref<int32_t(llvm::StringRef)> idOf);

// Fails, naming the file, if the runtime could not load what comes out. Numbers in the blob are as this
// machine has them; its size is a multiple of 8.
llvm::Expected<std::string> writeTokenizerBlob(const TokenizerDescription &description, llvm::StringRef file);

} // namespace attune
