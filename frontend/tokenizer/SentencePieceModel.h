// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SentencePiece's model files (source.spm, spiece.model, tokenizer.model): a protocol buffer `ModelProto`
// (google/sentencepiece, src/sentencepiece_model.proto) of pieces with scores, of which this reads what
// decides how a text is cut.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace attune {

struct SentencePieceModel {
  enum class Kind { Unigram = 1, Bpe = 2 };
  enum class PieceType { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::Normal;
  };

  std::vector<Piece> pieces; // by id; no two with one spelling
  int32_t unknown = -1;      // the only piece of that type
  Kind kind = Kind::Unigram;
  bool byteFallback = false;          // unknown characters become pieces of type Byte
  bool addsPrefix = true;             // a space in front of a text
  bool removesExtraWhitespace = true; // around a text, and of several spaces all but one
  std::string characterMap;           // of the normaliser; may be empty

  // Reads a file. What is no such message, or what asks for another way of cutting, is an error that names
  // the file, the field and the place or value.
  static llvm::Expected<SentencePieceModel> open(llvm::StringRef path);
};

} // namespace attune
