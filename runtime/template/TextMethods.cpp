// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Methods of Python's str.
#include "runtime/template/Filters.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Strings.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

template <std::string (*function)(std::string_view)>
Value mapped(Evaluator &, const Value &self, const Arguments &arguments) {
  arguments.bindNone("str method");
  return Value(function(self.asText()));
}

template <bool (*function)(std::string_view)>
Value asked(Evaluator &, const Value &self, const Arguments &arguments) {
  arguments.bindNone("str method");
  return Value(function(self.asText()));
}

template <bool left, bool right> Value stripped(Evaluator &, const Value &self, const Arguments &arguments) {
  auto [characters] = arguments.bindPositional("strip", {"chars"});
  if (!characters || characters->is(Kind::None))
    return Value(strip(self.asText(), left, right));
  return Value(strip(self.asText(), textArgument(characters, "", "strip arg"), left, right));
}

Value listOf(Evaluator &evaluator, const std::vector<std::string_view> &parts) {
  evaluator.spend(parts.size());
  std::vector<Value> items(parts.begin(), parts.end());
  return Value::list(std::move(items));
}

template <bool fromRight> Value split(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  auto [separator, most] = arguments.bind("split", {"sep", "maxsplit"});
  int64_t count = integerArgument(most, -1, "maxsplit");
  const std::string &text = self.asText();
  if (!separator || separator->is(Kind::None))
    return listOf(evaluator, fromRight ? splitAtSpaceFromRight(text, count) : splitAtSpace(text, count));
  std::string between = textArgument(separator, "", "sep");
  if (between.empty())
    throw Problem("empty separator");
  return listOf(evaluator,
                fromRight ? splitAtFromRight(text, between, count) : splitAt(text, between, count));
}

Value splitlines(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  auto [keepEnds] = arguments.bind("splitlines", {"keepends"});
  return listOf(evaluator, splitLines(self.asText(), truthArgument(keepEnds, false)));
}

template <bool fromRight> Value partition(Evaluator &, const Value &self, const Arguments &arguments) {
  std::string separator = textArgument(&arguments.only("partition"), "", "sep");
  if (separator.empty())
    throw Problem("empty separator");
  const std::string &text = self.asText();
  size_t at = fromRight ? text.rfind(separator) : text.find(separator);
  if (at == std::string::npos)
    return fromRight ? Value::tuple({Value(""), Value(""), self})
                     : Value::tuple({self, Value(""), Value("")});
  return Value::tuple(
      {Value(text.substr(0, at)), Value(separator), Value(text.substr(at + separator.size()))});
}

/// Bytes of the part [start, end) in code points, and whether there is such a part (start may lie past the
/// text).
struct Range {
  size_t begin = 0, end = 0;
  bool exists = true;
};

Range rangeOf(const Text &text, const Value *start, const Value *end) {
  auto length = static_cast<int64_t>(text.length);
  auto bound = [&](const Value *value, int64_t otherwise, const char *what) {
    int64_t position = value && !value->is(Kind::None) ? integerArgument(value, otherwise, what) : otherwise;
    return position < 0 ? std::max<int64_t>(position + length, 0) : position;
  };
  int64_t from = bound(start, 0, "start"), to = std::min(bound(end, length, "end"), length);
  if (from > to)
    return {0, 0, false};
  auto offset = [&](int64_t position) {
    return text.isAscii() ? static_cast<size_t>(position)
                          : offsetOf(text.bytes, static_cast<size_t>(position));
  };
  return {offset(from), offset(to), true};
}

template <bool atEnd> Value hasAffix(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  auto [affix, start, end] =
      arguments.bindPositional(atEnd ? "endswith" : "startswith", {"prefix", "start", "end"});
  if (!affix)
    throw Problem("startswith() and endswith() take at least 1 argument");
  Range range = rangeOf(self.text(), start, end);
  std::string_view part = std::string_view(self.asText()).substr(range.begin, range.end - range.begin);
  auto matches = [&](const Value &value) {
    std::string text = textArgument(&value, "", "the argument of startswith or endswith");
    return range.exists && (atEnd ? part.ends_with(text) : part.starts_with(text));
  };
  if (!affix->is(Kind::Tuple))
    return Value(matches(*affix));
  std::vector<Value> affixes = evaluator.iterate(*affix);
  return Value(std::any_of(affixes.begin(), affixes.end(), matches));
}

/// The position of a part in code points, -1 if it does not occur.
int64_t positionOf(const Value &self, const Arguments &arguments, bool fromRight) {
  auto [wanted, start, end] = arguments.bindPositional("find", {"sub", "start", "end"});
  if (!wanted)
    throw Problem("find() takes at least 1 argument");
  std::string part = textArgument(wanted, "", "the text to find");
  Range range = rangeOf(self.text(), start, end);
  std::string_view inside = std::string_view(self.asText()).substr(range.begin, range.end - range.begin);
  size_t at = fromRight ? inside.rfind(part) : inside.find(part);
  if (!range.exists || at == inside.npos)
    return -1;
  return static_cast<int64_t>(countCodePoints(std::string_view(self.asText()).substr(0, range.begin + at)));
}

template <bool fromRight> Value find(Evaluator &, const Value &self, const Arguments &arguments) {
  return Value(positionOf(self, arguments, fromRight));
}

template <bool fromRight> Value index(Evaluator &, const Value &self, const Arguments &arguments) {
  int64_t position = positionOf(self, arguments, fromRight);
  if (position < 0)
    throw Problem("substring not found");
  return Value(position);
}

Value count(Evaluator &, const Value &self, const Arguments &arguments) {
  auto [wanted, start, end] = arguments.bindPositional("count", {"sub", "start", "end"});
  if (!wanted)
    throw Problem("count() takes at least 1 argument");
  std::string part = textArgument(wanted, "", "the text to count");
  Range range = rangeOf(self.text(), start, end);
  if (!range.exists)
    return Value(0);
  std::string_view inside = std::string_view(self.asText()).substr(range.begin, range.end - range.begin);
  if (part.empty())
    return Value(static_cast<int64_t>(countCodePoints(inside)) + 1);
  return Value(static_cast<int64_t>(splitAt(inside, part, -1).size()) - 1);
}

Value replaceMethod(Evaluator &, const Value &self, const Arguments &arguments) {
  auto [from, to, most] = arguments.bindPositional("replace", {"old", "new", "count"});
  if (!from || !to)
    throw Problem("replace expected at least 2 arguments");
  return Value(replace(self.asText(), textArgument(from, "", "replace() argument 1"),
                       textArgument(to, "", "replace() argument 2"), integerArgument(most, -1, "count")));
}

Value join(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  TextBuilder text;
  size_t number = 0;
  for (const Value &item : evaluator.iterate(arguments.only("join"))) {
    if (!item.is(Kind::String))
      throw Problem(
          fmt::format("sequence item {}: expected str instance, {} found", number, item.typeName()));
    if (number++ > 0)
      text.append(self.asText());
    text.append(item.asText());
  }
  return Value(text.take());
}

template <bool atEnd> Value removeAffix(Evaluator &, const Value &self, const Arguments &arguments) {
  std::string affix =
      textArgument(&arguments.only(atEnd ? "removesuffix" : "removeprefix"), "", "the argument");
  std::string_view text = self.asText();
  if (atEnd && text.ends_with(affix))
    text.remove_suffix(affix.size());
  else if (!atEnd && text.starts_with(affix))
    text.remove_prefix(affix.size());
  return Value(text);
}

enum class Side { Left, Right, Both };

template <Side textAt> Value pad(Evaluator &, const Value &self, const Arguments &arguments) {
  auto [width, fill] = arguments.bindPositional("justify", {"width", "fillchar"});
  std::string filling = textArgument(fill, " ", "the fill character");
  if (countCodePoints(filling) != 1)
    throw Problem("The fill character must be exactly one character long");
  int64_t wanted = integerArgument(width, 0, "width"),
          missing = wanted - static_cast<int64_t>(self.text().length);
  if (missing <= 0)
    return self;
  int64_t left = textAt == Side::Left    ? 0
                 : textAt == Side::Right ? missing
                                         : missing / 2 + (missing & wanted & 1);
  TextBuilder text;
  for (int64_t i = 0; i < left; ++i)
    text.append(filling);
  text.append(self.asText());
  for (int64_t i = left; i < missing; ++i)
    text.append(filling);
  return Value(text.take());
}

Value zfill(Evaluator &, const Value &self, const Arguments &arguments) {
  int64_t missing =
      integerArgument(&arguments.only("zfill"), 0, "width") - static_cast<int64_t>(self.text().length);
  if (missing <= 0)
    return self;
  std::string_view text = self.asText();
  size_t sign = text.starts_with('-') || text.starts_with('+');
  TextBuilder result;
  return Value(result.append(text.substr(0, sign))
                   .append(static_cast<size_t>(missing), '0')
                   .append(text.substr(sign))
                   .take());
}

Value formatMethod(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  return Value(formatBraces(evaluator, self.asText(), arguments));
}

} // namespace

const MethodTable &textMethods() {
  static const MethodTable table = {
      {"upper", mapped<upper>},
      {"lower", mapped<lower>},
      {"casefold", mapped<lower>},
      {"title", mapped<title>},
      {"capitalize", mapped<capitalize>},
      {"swapcase", mapped<swapCase>},
      {"isalpha", asked<isAlpha>},
      {"isalnum", asked<isAlphanumeric>},
      {"isdigit", asked<isDigit>},
      {"isdecimal", asked<isDigit>},
      {"isnumeric", asked<isDigit>},
      {"isspace", asked<isSpaceText>},
      {"isupper", asked<isUpper>},
      {"islower", asked<isLower>},
      {"strip", stripped<true, true>},
      {"lstrip", stripped<true, false>},
      {"rstrip", stripped<false, true>},
      {"split", split<false>},
      {"rsplit", split<true>},
      {"splitlines", splitlines},
      {"partition", partition<false>},
      {"rpartition", partition<true>},
      {"startswith", hasAffix<false>},
      {"endswith", hasAffix<true>},
      {"find", find<false>},
      {"rfind", find<true>},
      {"index", index<false>},
      {"rindex", index<true>},
      {"count", count},
      {"replace", replaceMethod},
      {"join", join},
      {"removeprefix", removeAffix<false>},
      {"removesuffix", removeAffix<true>},
      {"ljust", pad<Side::Left>},
      {"rjust", pad<Side::Right>},
      {"center", pad<Side::Both>},
      {"zfill", zfill},
      {"format", formatMethod},
  };
  return table;
}

} // namespace attune::jinja
