// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expressions in Oniguruma's syntax: what they match, as that library has it, and what is refused.
#include "frontend/tokenizer/Expression.h"
#include "frontend/tokenizer/GgufPreTokenizers.h"
#include "runtime/Error.h"
#include "runtime/tokenizer/Regex.h"
#include "test/unit/WeightFiles.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

namespace attune::test {

using tokenizer::Regex;

// "begin-end begin-end ..."
static std::string matchesOf(const Regex &regex, std::string_view text) {
  std::vector<std::string> matches;
  regex.forEachMatch(text, [&](size_t begin, size_t end) {
    matches.push_back(std::to_string(begin) + "-" + std::to_string(end));
  });
  return llvm::join(matches, " ");
}

struct Case {
  const char *expression, *text, *matches;
};

TEST(Expression, MatchesAsOnigurumaDoes) {
  static const Case Cases[] = {
      // Letters that mean something else to PCRE2, or a little more or less.
      {R"(\h+)", "fade G0g \u00a0", "0-4 6-7"},
      {R"(\H+)", "fade G0g \u00a0", "4-6 7-11"},
      {R"(\v)", "\x0b\n\r\f", "0-1"},
      {R"(\s+)", " \u180e\u0085\u2028\t", "0-1 4-10"},
      {R"(\w+)", "a\u0301\u203f_\u00b2 \u00bd.", "0-9 10-12"},
      {R"([\w]+)", "a\u0301\u203f_\u00b2 \u00bd.", "0-7"},
      {R"(\bcat\b)", "cat concat cat\u00b2", "0-3"},
      {R"(\u4e2d|\x{e9}|\x41)", "\u4e2d\u00e9A", "0-3 3-5 5-6"},
      {R"(\i\_\E)", "i_E", "0-3"},
      // Brackets.
      {R"([^\W\d_]+)", "ab1_\u00e9\u4e2d.", "0-2 4-9"},
      {R"([\w&&[^a-c]]+)", "abcdcba", "3-4"},
      {R"([[:alpha:]\d]+)", "ab1 \u00e9", "0-3 4-6"},
      {R"([^[:^digit:]3]+)", "12345", "0-2 3-5"},
      {R"([a-c-e]+)", "abd-ec", "0-2 3-6"},
      {R"([]a]+)", "a]b", "0-2"},
      {R"([\[\]\-\\^]+)", "[]-\\^", "0-5"},
      {R"(\p{^L}+)", "ab 1c", "2-4"},
      {R"(\p{Han}+)", "\u4e2d\u30fc\u3042", "0-3"},
      {R"(\p{Uppercase_Letter})", "aB", "1-2"},
      // Quantifiers.
      {"a{,2}", "aaaa", "0-2 2-4"},
      {"a{2}+", "aaaaa", "0-4"},
      {"a{2,1}a", "aaa aaaa", "0-3 4-7"},
      {"a{b}{,}]", "a{b}{,}]", "0-8"},
      {R"(x(?#any \) thing)+)", "xxx", "0-3"},
      {"a?", "ba", "0-0 1-2"},
      {R"(\p{N}{1,3}(?=(?:\p{N}{3})*+(?!\p{N})))", "1234567", "0-1 1-4 4-7"},
      // Groups, lines and options.
      {"(?i:'s|'ll)", "'S 'lL '\u017f 's", "0-2 3-6 7-10 11-13"},
      {"(?i)k(?-i)K|x", "kK KK \u212aK kk X x", "0-2 3-5 6-10"},
      {"a(?i)b|c", "aB aC C", "0-2 3-5"},
      {"(?m:.)+", "a\nb", "0-3"},
      {".+", "a\rb\nc", "0-3 4-5"},
      {"^.|.$", "ab\ncd\n", "0-1 1-2 3-4 4-5"},
      {R"((a)(?<name>b)|(?'other'c))", "abc", "0-2 2-3"},
      {"(?<=a|bc)d", "ad bcd cd", "1-2 5-6"},
  };
  for (const Case &c : Cases) {
    llvm::Expected<std::string> translated = translateExpression(c.expression);
    if (!translated) {
      ADD_FAILURE() << llvm::toString(translated.takeError());
      continue;
    }
    EXPECT_EQ(matchesOf(Regex(*translated), c.text), c.matches) << c.expression << " -> " << *translated;
  }
}

TEST(Expression, WhatHasNoTranslationIsRefused) {
  static const struct {
    const char *expression, *says;
  } Cases[] = {
      {"a(b", "at byte 3: a group is not closed"},
      {"a)", "closes nothing"},
      {"[ab", "not closed"},
      {"[]", "empty"},
      {"a|*b", "quantifier behind nothing"},
      {"(?=a)+", "matches no text"},
      {"[b-a]", "ends before it begins"},
      {R"((a)\1)", R"('\1' is not supported)"},
      {R"((?<x>a)\k<x>)", R"('\k' is not supported)"},
      {R"(\R)", "not supported"},
      {R"(\xe9)", "expected braces"},
      {R"(\ud800)", "no character's number"},
      {R"(\p{Klingon})", "Klingon"},
      {"(*FAIL)", "callouts"},
      {"(*UTF)", "callouts"},
      {"(?~a)", "'(?~' is not supported"},
      {"(?x: a)", "'(?x' is not supported"},
      {"(?i:straße)", "case is ignored"},
      {"(?i:[\\p{Lu}])", "case is ignored"},
      {"(?i:\u00e9)", "case is ignored"},
      {"a{70000}", "65535"},
      {"(?<=a+)b", "lookbehind"},
      {"\\", "behind a backslash"},
      {"a\xff", "UTF-8"},
  };
  for (const auto &c : Cases)
    expectError(translateExpression(c.expression), {"regular expression '", c.says});
  expectError(translateExpression(std::string(1000000, '(')), {"nested deeper"});
  expectError(translateExpression(std::string(1000000, '[')), {"nested deeper"});
}

TEST(Expression, LongTextsNeedNoDeepStack) {
  // The group makes a step of the stack of each character.
  Regex regex(llvm::cantFail(translateExpression(R"((?:a|[^\W\d])+)")));
  std::string text(1 << 20, 'b');
  EXPECT_EQ(matchesOf(regex, text), "0-" + std::to_string(text.size()));
}

TEST(Expression, EndlessTriesAreAnError) {
  Regex regex("^(?:(?:a|a)+b?)+$");
  EXPECT_THROW(matchesOf(regex, std::string(60, 'a') + "!"), Error);
  EXPECT_EQ(matchesOf(regex, "aab"), "0-3");
}

TEST(Expression, TextThatIsNoUtf8IsAnError) {
  EXPECT_THROW(matchesOf(Regex("."), "a\xff"), Error);
  EXPECT_EQ(matchesOf(Regex("a*"), {}), "0-0");
}

TEST(Expression, EveryGgufExpressionTranslates) {
  std::string names = ggufPreTokenizerNames();
  llvm::SmallVector<llvm::StringRef> list;
  llvm::StringRef(names).split(list, ", ");
  EXPECT_GT(list.size(), 40u);
  for (llvm::StringRef name : list)
    for (const char *expression : findGgufPreTokenizer(name)->expressions)
      EXPECT_TRUE(static_cast<bool>(llvm::expectedToOptional(translateExpression(expression)))) << expression;
}

} // namespace attune::test
