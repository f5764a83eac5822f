// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune::jinja {

struct Token {
  enum Kind : uint8_t {
    Text,
    BlockBegin,
    BlockEnd,
    OutputBegin,
    OutputEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End
  };
  Kind kind;
  uint32_t offset;
  std::string text; ///< of strings: what they stand for

  bool is(Kind wanted, std::string_view wantedText) const { return kind == wanted && text == wantedText; }
  bool isOperator(std::string_view sign) const { return is(Operator, sign); }
  bool isName(std::string_view name) const { return is(Name, name); }
};

/// An error at a place in the source.
struct SourceProblem {
  uint32_t offset;
  std::string message;
};

/// Makes all line ends \n and drops one at the end of the text, as Jinja does before anything else.
std::string normalizeSource(std::string_view source);

/// Splits a normalised source into tokens, ending with End. White space around tags is dropped as
/// transformers has it: trim_blocks (the newline after a block tag or comment) and lstrip_blocks (blanks
/// before one that begins a line), and as - and + in the tags say. Throws SourceProblem.
std::vector<Token> tokenize(std::string_view source);

} // namespace attune::jinja
