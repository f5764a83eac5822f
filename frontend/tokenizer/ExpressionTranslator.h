// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "frontend/tokenizer/CharacterSet.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace attune {

// Recursive descent over the expression; each function returns the translation of what it has read. The first
// problem ends the text for all of them.
class ExpressionTranslator {
public:
  explicit ExpressionTranslator(llvm::StringRef expression) : whole(expression), rest(expression) {}

  llvm::Expected<std::string> translate();

private:
  struct Atom {
    std::string text;
    bool repeatable = true;
  };
  struct Options {
    bool ignoreCase = false, dotAll = false;
  };
  struct Interval {
    uint32_t low, high;
    bool bounded;
    size_t length;
  };

  std::string alternatives();
  std::string sequence();
  Atom atom();
  std::string quantified(Atom atom);
  Atom escape();
  Atom group();
  Atom groupWithOptions();
  Atom closeGroup(llvm::StringRef opening, bool repeatable = true);

  CharacterSet brackets();
  void bracketElement(CharacterSet &set);
  CharacterSet posixBracket();
  // After a backslash: a set, or the character.
  std::optional<CharacterSet> escapedSet(bool inBrackets);
  CharacterSet property(bool negated);
  uint32_t escapedCharacter();
  uint32_t hexadecimal(llvm::StringRef digits);

  Atom literal(uint32_t character);
  void checkIgnoredCase(uint32_t character);
  std::optional<Interval> interval() const;

  bool accept(llvm::StringRef what) { return rest.consume_front(what); }
  void skipComments();
  char take() {
    char c = rest.front();
    rest = rest.drop_front();
    return c;
  }
  uint32_t takeCharacter() {
    auto character = tokenizer::firstCharacter(rest);
    rest = rest.drop_front(character.length);
    return character.codePoint;
  }
  void fail(const llvm::Twine &text) {
    if (problem.empty())
      problem = ("at byte " + llvm::Twine(whole.size() - rest.size()) + ": " + text).str();
    rest = {};
  }

  static constexpr unsigned Deepest = 100;
  static constexpr uint32_t MostRepeats = 65535; // PCRE2's limit
  llvm::StringRef whole, rest;
  std::string problem;
  Options options;
  unsigned depth = 0;
  uint32_t previous = 0; // the character before, if letters of both cases match
};

} // namespace attune
