// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From token texts back to text, token by token: each stage passes on what later tokens cannot change any
// more.
#pragma once

#include "runtime/tokenizer/Blob.h"

#include <string>

namespace attune::tokenizer {

class Decoder {
public:
  // Throws attune::Error for steps that are no decoders or lack a parameter.
  explicit Decoder(const std::vector<Step> &steps);

  struct State {
    struct Stage {
      size_t tokens = 0;     // seen so far
      std::string pending;   // held back
      bool stripping = true; // still at the beginning, where characters are stripped
      size_t stripped = 0;   // how many have been
    };
    std::vector<Stage> stages;
  };

  State start() const;
  // Appends the text that is certain after this token.
  void push(std::string_view token, State &state, std::string &out) const;
  // Appends the rest.
  void finish(State &state, std::string &out) const;

private:
  void feed(size_t index, std::string_view text, State &state, std::string &out) const;
  void end(size_t index, State &state, std::string &out) const;

  void feedByteFallback(size_t index, std::string_view token, State &state, std::string &out) const;
  void feedStrip(size_t index, std::string_view text, State &state, std::string &out) const;
  void feedReplace(size_t index, std::string_view text, State &state, std::string &out) const;
  void feedOutput(std::string_view text, State &state, std::string &out) const;

  struct Compiled {
    Step step;
    bool fused;         // everything that comes in is one token
    bool splits = true; // may pass on the characters of one token one by one
  };
  std::vector<Compiled> steps;
};

} // namespace attune::tokenizer
