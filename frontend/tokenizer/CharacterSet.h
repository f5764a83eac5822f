// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sets of characters as expressions name them in Oniguruma's syntax, and their spelling for PCRE2.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attune {

// A union of what stands between brackets and of atoms that match one character each, or its complement.
struct CharacterSet {
  std::string items;
  std::vector<std::string> atoms;
  bool negated = false;

  // An atom that matches one character of the set.
  std::string spelling() const;
  CharacterSet complement() const { return {items, atoms, !negated}; }

  // Only for a set that is not negated.
  void add(uint32_t character);
  void addRange(uint32_t first, uint32_t last);
  void add(const CharacterSet &other);

  static CharacterSet intersection(const std::vector<CharacterSet> &sets);
};

// One character, in and out of brackets.
std::string spellCharacter(uint32_t character);

// What \s \w \d \h and their capitals stand for; nothing for other letters.
std::optional<CharacterSet> shorthandSet(char letter, bool inBrackets);

// [[:name:]].
std::optional<CharacterSet> posixSet(llvm::StringRef name);

// \p{name}: POSIX names, general categories, scripts, binary properties.
std::optional<CharacterSet> propertySet(llvm::StringRef name);

} // namespace attune
