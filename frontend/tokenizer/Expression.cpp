// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/Expression.h"

#include "frontend/tokenizer/ExpressionTranslator.h"
#include "runtime/tokenizer/Regex.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

namespace attune {

using llvm::StringRef;
using llvm::Twine;

llvm::Expected<std::string> ExpressionTranslator::translate() {
  if (!tokenizer::isValidUtf8(whole))
    fail("found bytes that are no UTF-8");
  std::string result = alternatives();
  if (!rest.empty())
    fail("')' closes nothing");
  if (!problem.empty())
    return llvm::createStringError(problem);
  if (auto refused = tokenizer::Regex::problemOf(result))
    return llvm::createStringError(*refused);
  return result;
}

std::string ExpressionTranslator::alternatives() {
  std::string out = sequence();
  while (accept("|"))
    out += "|" + sequence();
  return out;
}

std::string ExpressionTranslator::sequence() {
  std::string out;
  previous = 0;
  for (skipComments(); !rest.empty() && rest.front() != '|' && rest.front() != ')'; skipComments())
    out += quantified(atom());
  return out;
}

void ExpressionTranslator::skipComments() {
  while (rest.starts_with("(?#")) {
    size_t end = 3;
    while (end < rest.size() && rest[end] != ')')
      end += rest[end] == '\\' ? 2 : 1;
    if (end >= rest.size())
      return fail("the comment is not closed");
    rest = rest.drop_front(end + 1);
  }
}

ExpressionTranslator::Atom ExpressionTranslator::atom() {
  switch (rest.front()) {
  case '(':
    take();
    return group();
  case '[':
    take();
    previous = 0;
    return {brackets().spelling()};
  case '.':
    take();
    previous = 0;
    return {options.dotAll ? "(?s:.)" : "."};
  case '^':
    take();
    return {"(?m:^)", false};
  case '$':
    take();
    return {"(?m:$)", false};
  case '\\':
    take();
    return escape();
  case '*':
  case '+':
  case '?':
    fail("found a quantifier behind nothing");
    return {};
  case '{':
    if (interval())
      fail("found a quantifier behind nothing");
    break;
  default:
    break;
  }
  return rest.empty() ? Atom{} : literal(takeCharacter());
}

// {n} {n,} {n,m} {,m}; anything else in braces is text.
std::optional<ExpressionTranslator::Interval> ExpressionTranslator::interval() const {
  StringRef text = rest;
  if (!text.consume_front("{"))
    return std::nullopt;
  Interval result{0, 0, true, 0};
  bool hasLow = !text.consumeInteger(10, result.low);
  if (text.consume_front(",")) {
    result.bounded = !text.consumeInteger(10, result.high);
    if (!hasLow && !result.bounded)
      return std::nullopt;
  } else if (hasLow) {
    result.high = result.low;
  } else {
    return std::nullopt;
  }
  if (!text.consume_front("}"))
    return std::nullopt;
  result.length = rest.size() - text.size();
  return result;
}

std::string ExpressionTranslator::quantified(Atom atom) {
  std::string out = std::move(atom.text);
  bool first = true;
  for (skipComments(); !rest.empty(); skipComments()) {
    std::string quantifier;
    std::optional<Interval> range = interval();
    bool isInterval = range.has_value();
    if (isInterval) {
      bool swapped = range->bounded && range->low > range->high; // that is how a possessive one is written
      if (swapped)
        std::swap(range->low, range->high);
      if (std::max(range->low, range->high) > MostRepeats)
        fail("at most " + Twine(MostRepeats) + " repeats are supported");
      quantifier =
          ("{" + Twine(range->low) + "," + (range->bounded ? Twine(range->high) : Twine()) + "}").str();
      rest = rest.drop_front(std::min(range->length, rest.size()));
      bool isExact = range->bounded && range->low == range->high;
      if (swapped)
        quantifier += "+";
      else if (!isExact && accept("?"))
        quantifier += "?";
    } else if (rest.front() == '*' || rest.front() == '+' || rest.front() == '?') {
      quantifier = take();
      if (accept("?"))
        quantifier += "?";
      else if (accept("+"))
        quantifier += "+";
    } else {
      break;
    }
    if (!atom.repeatable)
      fail("found a quantifier behind what matches no text");
    out = (first ? out : "(?:" + out + ")") + quantifier;
    first = false;
  }
  return out;
}

ExpressionTranslator::Atom ExpressionTranslator::literal(uint32_t character) {
  if (options.ignoreCase)
    checkIgnoredCase(character);
  return {spellCharacter(character)};
}

ExpressionTranslator::Atom ExpressionTranslator::escape() {
  if (rest.empty()) {
    fail("found nothing behind a backslash");
    return {};
  }
  // Not PCRE2's own \b: it takes other characters for parts of words.
  std::string word = shorthandSet('w', false)->spelling();
  std::string begins = "(?<!" + word + ")(?=" + word + ")", ends = "(?<=" + word + ")(?!" + word + ")";
  std::string inside = "(?<=" + word + ")(?=" + word + ")", outside = "(?<!" + word + ")(?!" + word + ")";
  switch (rest.front()) {
  case 'b':
    take();
    return {"(?:" + begins + "|" + ends + ")", false};
  case 'B':
    take();
    return {"(?:" + inside + "|" + outside + ")", false};
  case 'A':
  case 'Z':
  case 'z':
    return {std::string("\\") + take(), false};
  case 'N':
    take();
    return {"[^\\n]"};
  case 'O':
    take();
    return {"(?s:.)"};
  default:
    break;
  }
  if (std::optional<CharacterSet> set = escapedSet(false)) {
    previous = 0;
    return {set->spelling()};
  }
  return rest.empty() && !problem.empty() ? Atom{} : literal(escapedCharacter());
}

ExpressionTranslator::Atom ExpressionTranslator::closeGroup(StringRef opening, bool repeatable) {
  std::string inside = alternatives();
  previous = 0;
  if (!accept(")"))
    fail("a group is not closed");
  return {(opening + inside + ")").str(), repeatable};
}

ExpressionTranslator::Atom ExpressionTranslator::group() {
  previous = 0;
  if (++depth > Deepest)
    fail("groups are nested deeper than " + Twine(Deepest));
  Options outer = options;
  llvm::scope_exit restore([&] {
    options = outer;
    --depth;
  });
  if (rest.starts_with("*")) {
    fail("callouts '(*' are not supported");
    return {};
  }
  if (!accept("?"))
    return closeGroup("(?:");
  for (StringRef look : {"=", "!", "<=", "<!"})
    if (accept(look))
      return closeGroup(("(?" + look).str(), false);
  if (accept(":"))
    return closeGroup("(?:");
  if (accept(">"))
    return closeGroup("(?>");
  // What a group is called matters only to references, which are refused.
  for (char quote : {'<', '\''}) {
    if (!accept(StringRef(&quote, 1)))
      continue;
    size_t end = rest.find(quote == '<' ? '>' : '\'');
    if (end == 0 || end == StringRef::npos ||
        !llvm::all_of(
            rest.take_front(end),
            [](char c) { return llvm::isAlnum(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }) ||
        llvm::isDigit(rest.front())) {
      fail("expected a group's name");
      return {};
    }
    rest = rest.drop_front(end + 1);
    return closeGroup("(?:");
  }
  return groupWithOptions();
}

// (?im-im:...), or (?im-im), which holds to the end of the group around it.
ExpressionTranslator::Atom ExpressionTranslator::groupWithOptions() {
  Options changed = options;
  for (bool on = true; !rest.empty(); take()) {
    switch (rest.front()) {
    case '-':
      on = false;
      continue;
    case 'i':
      changed.ignoreCase = on;
      continue;
    case 'm':
      changed.dotAll = on;
      continue;
    case ':':
      take();
      options = changed;
      return closeGroup(changed.ignoreCase ? "(?i:" : "(?-i:");
    case ')':
      take();
      options = changed;
      return {(changed.ignoreCase ? "(?i:" : "(?-i:") + alternatives() + ")", false};
    default:
      fail("'(?" + Twine(rest.front()) + "' is not supported");
      return {};
    }
  }
  fail("a group is not closed");
  return {};
}

llvm::Expected<std::string> translateExpression(StringRef expression) {
  auto translated = ExpressionTranslator(expression).translate();
  if (!translated)
    return llvm::createStringError("regular expression '" + expression +
                                   "': " + llvm::toString(translated.takeError()));
  return translated;
}

} // namespace attune
