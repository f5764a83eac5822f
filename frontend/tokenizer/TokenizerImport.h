// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokenizer files to the blob that compiled programs carry (runtime/tokenizer/TokenizerFormat.h). What a file
// asks for and this does not know is refused by name; errors tell file, field, what was found and what was
// expected.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>

namespace attune {

class GgufMetadata;

// A tokenizer.json of Hugging Face's tokenizers: BPE, WordPiece, Unigram. Its truncation and padding are left
// aside. `rows` are those of the model's embedding: ids of the vocabulary must be below. (Not those of added
// tokens: Gemma 3's tokenizer has one for pictures, for which its text models have no row.)
llvm::Expected<std::string> importTokenizerJson(llvm::StringRef path,
                                                std::optional<int64_t> rows = std::nullopt);

// Marian's source.spm, with the numbers of its pieces in the vocab.json beside it: ids as transformers'
// MarianTokenizer gives them.
llvm::Expected<std::string> importTokenizerMarian(llvm::StringRef path);

// A spiece.model of T5 or a tokenizer.model of Llama (Unigram or BPE), with the settings that a
// tokenizer_config.json and an added_tokens.json beside it may hold.
llvm::Expected<std::string> importTokenizerSentencePiece(llvm::StringRef path);

// The keys tokenizer.ggml.* of a GGUF file whose model is gpt2 (byte-level BPE), llama (SentencePiece's BPE),
// t5 (Unigram) or bert (WordPiece).
llvm::Expected<std::string> importTokenizerGguf(const GgufMetadata &metadata);

} // namespace attune
