// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts a normalised text into the pieces that the model sees one by one.
#pragma once

#include "runtime/tokenizer/Blob.h"
#include "runtime/tokenizer/Regex.h"

#include <deque>
#include <string>

namespace attune::tokenizer {

struct Piece {
  std::string_view text; // never empty
  bool atStart;          // begins where the whole text begins
};

// Owns the texts that pre-tokenizers made anew.
using Arena = std::deque<std::string>;

class PreTokenizer {
public:
  // Throws attune::Error for steps that are no pre-tokenizers or lack a parameter.
  explicit PreTokenizer(const std::vector<Step> &steps);

  // Requires valid UTF-8. The pieces point into the text or the arena.
  std::vector<Piece> apply(Piece whole, Arena &arena) const;

private:
  struct Compiled {
    Step step;
    std::shared_ptr<const Regex> regex;
  };
  static void applyStep(const Compiled &compiled, Piece piece, Arena &arena, std::vector<Piece> &out);

  std::vector<Compiled> steps;
};

} // namespace attune::tokenizer
