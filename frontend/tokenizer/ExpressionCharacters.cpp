// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Escapes and brackets.
#include "frontend/tokenizer/ExpressionTranslator.h"

#include "runtime/tokenizer/Unicode.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

namespace attune {

using llvm::StringRef;
using llvm::Twine;

// Oniguruma folds case by Unicode's full rules: "ss" matches one sharp s too. Where that could happen, an
// expression is refused; within ASCII only these pairs come from one character.
void ExpressionTranslator::checkIgnoredCase(uint32_t character) {
  static constexpr StringRef Pairs[] = {"ss", "ff", "fi", "fl", "st"};
  if (character >= 0x80) {
    if (tokenizer::isMark(character) || tokenizer::isWordCharacter(character))
      fail("found a letter or mark beyond ASCII where case is ignored, which is not supported");
    return;
  }
  char pair[] = {llvm::toLower(static_cast<char>(previous)), llvm::toLower(static_cast<char>(character))};
  if (llvm::is_contained(Pairs, StringRef(pair, 2)))
    fail("found '" + Twine(StringRef(pair, 2)) + "' where case is ignored, which is not supported");
  previous = character;
}

std::optional<CharacterSet> ExpressionTranslator::escapedSet(bool inBrackets) {
  if (accept("p"))
    return property(false);
  if (accept("P"))
    return property(true);
  if (rest.empty())
    return std::nullopt;
  std::optional<CharacterSet> set = shorthandSet(rest.front(), inBrackets);
  if (set)
    take();
  return set;
}

CharacterSet ExpressionTranslator::property(bool negated) {
  size_t end = rest.find('}');
  if (!rest.starts_with("{") || end == StringRef::npos) {
    fail("expected a property's name in braces");
    return {};
  }
  StringRef name = rest.slice(1, end);
  if (name.consume_front("^"))
    negated = !negated;
  std::optional<CharacterSet> set = propertySet(name);
  if (!set) {
    fail("no property of characters is called '" + name + "', or it is not supported");
    return {};
  }
  rest = rest.drop_front(end + 1);
  return negated ? set->complement() : *set;
}

uint32_t ExpressionTranslator::hexadecimal(StringRef digits) {
  uint32_t value;
  if (digits.getAsInteger(16, value) || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
    fail("'" + digits + "' is no character's number");
    return 0;
  }
  return value;
}

uint32_t ExpressionTranslator::escapedCharacter() {
  StringRef simple = "tnrfvae", meanings = "\t\n\r\f\v\a\x1b";
  size_t index = simple.find(rest.front());
  if (index != StringRef::npos) {
    take();
    return static_cast<unsigned char>(meanings[index]);
  }
  if (accept("u")) {
    uint32_t value = rest.size() < 4 ? hexadecimal(rest) : hexadecimal(rest.take_front(4));
    rest = rest.drop_front(std::min<size_t>(4, rest.size()));
    return value;
  }
  if (accept("x{")) {
    StringRef digits = rest.take_until([](char c) { return c == '}'; });
    uint32_t value = hexadecimal(digits);
    rest = rest.drop_front(std::min(digits.size() + 1, rest.size()));
    return value;
  }
  if (accept("x")) {
    StringRef digits = rest.take_while(llvm::isHexDigit).take_front(2);
    uint32_t value = hexadecimal(digits);
    if (value >= 0x80) // that is a byte and may be a part of a character
      fail("found '\\x" + digits + "', expected braces around a number beyond 7f");
    rest = rest.drop_front(std::min(digits.size(), rest.size()));
    return value;
  }
  // Some letters have no meaning and stand for themselves.
  char c = rest.front();
  if (llvm::isDigit(c) || StringRef("GKRXyYkgcCMo").contains(c)) {
    fail("'\\" + Twine(c) + "' is not supported");
    return 0;
  }
  return takeCharacter();
}

// The rest of [...].
CharacterSet ExpressionTranslator::brackets() {
  if (++depth > Deepest)
    fail("brackets are nested deeper than " + Twine(Deepest));
  llvm::scope_exit restore([&] { --depth; });
  bool negated = accept("^");
  std::vector<CharacterSet> sets(1);
  if (rest.starts_with("]")) { // text if another one follows
    if (!rest.drop_front().contains(']'))
      fail("the brackets are empty");
    bracketElement(sets.back());
  }
  while (!accept("]")) {
    if (rest.empty()) {
      fail("brackets are not closed");
      return {};
    }
    if (accept("&&"))
      sets.emplace_back();
    else
      bracketElement(sets.back());
  }
  CharacterSet result = CharacterSet::intersection(sets);
  return negated ? result.complement() : result;
}

// A character, a range or a set.
void ExpressionTranslator::bracketElement(CharacterSet &set) {
  auto single = [&]() -> uint32_t {
    if (accept("\\")) {
      if (accept("b"))
        return '\b';
      if (!rest.empty())
        return escapedCharacter();
      fail("found nothing behind a backslash");
    }
    return rest.empty() ? 0 : takeCharacter();
  };
  auto isSet = [&] {
    return rest.starts_with("[") ||
           (rest.starts_with("\\") && rest.size() > 1 && StringRef("pPsSwWdDhH").contains(rest[1]));
  };
  if (isSet()) {
    CharacterSet inner;
    bool isNarrow = false;
    if (accept("[:")) {
      inner = posixBracket();
    } else if (accept("[")) {
      inner = brackets();
      isNarrow = !inner.negated && inner.atoms.empty();
    } else {
      take();
      isNarrow = StringRef("sdh").contains(rest.front());
      inner = *escapedSet(true);
    }
    if (options.ignoreCase && !isNarrow)
      fail("found a wide set of characters in brackets where case is ignored, which is not supported");
    set.add(inner);
    if (accept("-")) // no range begins with a set
      set.add('-');
    return;
  }
  uint32_t first = single();
  if (options.ignoreCase) {
    previous = 0;
    checkIgnoredCase(first);
  }
  if (!rest.starts_with("-") || rest.starts_with("-]") || rest.starts_with("-&&")) {
    set.add(first);
    return;
  }
  accept("-");
  if (isSet())
    return fail("a range of characters ends in a set");
  uint32_t last = single();
  if (last < first)
    return fail("a range of characters ends before it begins");
  if (options.ignoreCase && last >= 0x80)
    return fail("found a range beyond ASCII where case is ignored, which is not supported");
  set.addRange(first, last);
}

// After "[:", which may also be text.
CharacterSet ExpressionTranslator::posixBracket() {
  bool negated = accept("^");
  StringRef name = rest.take_while(llvm::isAlpha);
  std::optional<CharacterSet> set = posixSet(name);
  rest = rest.drop_front(name.size());
  if (!set || !accept(":]")) {
    fail("'[:' begins no POSIX bracket");
    return {};
  }
  return negated ? set->complement() : *set;
}

} // namespace attune
