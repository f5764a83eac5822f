// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filters that make text.
#include "runtime/template/Filters.h"
#include "runtime/template/Operators.h"
#include "runtime/template/Strings.h"

#include <fmt/format.h>

namespace attune::jinja {

namespace {

Value upperFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("upper");
  return Value(upper(toText(input)));
}

Value lowerFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("lower");
  return Value(lower(toText(input)));
}

Value capitalizeFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("capitalize");
  return Value(capitalize(toText(input)));
}

/// Not str.title(): words begin after white space, hyphens and opening brackets alone.
Value titleFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("title");
  std::string text = toText(input), result;
  bool atBeginning = true;
  for (std::string_view character : splitCodePoints(text)) {
    result += atBeginning ? upper(character) : lower(character);
    size_t offset = 0;
    atBeginning = isSpace(decodeAt(character, offset)) ||
                  std::string_view("-({[<").find(character) != std::string_view::npos;
  }
  return Value(std::move(result));
}

Value trimFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [characters] = arguments.bind("trim", {"chars"});
  std::string text = toText(input);
  if (!characters || characters->is(Kind::None))
    return Value(strip(text, true, true));
  return Value(strip(text, textArgument(characters, "", "chars"), true, true));
}

Value replaceFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [from, to, count] = arguments.bind("replace", {"old", "new", "count"});
  if (!from || !to)
    throw Problem("replace() needs two arguments, 'old' and 'new'");
  bool all = count && count->is(Kind::None);
  return Value(
      replace(toText(input), toText(*from), toText(*to), all ? -1 : integerArgument(count, -1, "count")));
}

Value joinFilter(Evaluator &evaluator, const Value &input, const Arguments &arguments) {
  auto [separator, attribute] = arguments.bind("join", {"d", "attribute"});
  std::string between = separator ? toText(*separator) : "";
  TextBuilder text;
  bool first = true;
  for (const Value &item : evaluator.iterate(input)) {
    if (!std::exchange(first, false))
      text.append(between);
    text.append(toText(attribute ? attributeOf(evaluator, item, *attribute) : item));
  }
  return Value(text.take());
}

Value stringFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("string");
  return input.is(Kind::String) ? input : Value(toText(input));
}

Value indentFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [width, first, blank] = arguments.bind("indent", {"width", "first", "blank"});
  std::string indention =
      width && width->is(Kind::String)
          ? width->asText()
          : TextBuilder()
                .append(static_cast<size_t>(std::max<int64_t>(integerArgument(width, 4, "width"), 0)), ' ')
                .take();
  std::string text = textArgument(&input, "", "the input of indent") + "\n";
  TextBuilder result;
  bool isFirst = true;
  for (std::string_view line : splitLines(text, false)) {
    if (!isFirst)
      result.append("\n");
    if (isFirst ? truthArgument(first, false) : truthArgument(blank, false) || !line.empty())
      result.append(indention);
    result.append(line);
    isFirst = false;
  }
  return Value(result.take());
}

Value centerFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [width] = arguments.bind("center", {"width"});
  std::string text = toText(input);
  int64_t wanted = integerArgument(width, 80, "width"),
          missing = wanted - static_cast<int64_t>(countCodePoints(text));
  if (missing <= 0)
    return Value(std::move(text));
  auto left = static_cast<size_t>(missing / 2 + (missing & wanted & 1));
  return Value(
      TextBuilder().append(left, ' ').append(text).append(static_cast<size_t>(missing) - left, ' ').take());
}

Value truncateFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  auto [length, killWords, end, leeway] =
      arguments.bind("truncate", {"length", "killwords", "end", "leeway"});
  int64_t most = integerArgument(length, 255, "length"), extra = 5;
  if (leeway && !leeway->is(Kind::None))
    extra = integerArgument(leeway, 5, "leeway");
  std::string ending = textArgument(end, "...", "end");
  auto endingLength = static_cast<int64_t>(countCodePoints(ending));
  if (most < endingLength || extra < 0)
    throw Problem(fmt::format("truncate: length {} with leeway {}, expected at least {} and 0", most, extra,
                              endingLength));
  if (lengthOf(input) - extra <= most)
    return input;
  std::string text = textArgument(&input, "", "the input of truncate");
  std::string_view kept =
      std::string_view(text).substr(0, offsetOf(text, static_cast<size_t>(most - endingLength)));
  if (!truthArgument(killWords, false))
    kept = kept.substr(0, kept.rfind(' '));
  return Value(std::string(kept) + ending);
}

Value wordcountFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("wordcount");
  int64_t words = 0;
  bool inWord = false;
  std::string text = toText(input);
  for (std::string_view character : splitCodePoints(text)) {
    bool isWord = isAlphanumeric(character) || character == "_";
    words += isWord && !inWord;
    inWord = isWord;
  }
  return Value(words);
}

Value escapeFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  arguments.bindNone("escape");
  TextBuilder result;
  for (char c : toText(input)) {
    switch (c) {
    case '&':
      result.append("&amp;");
      break;
    case '<':
      result.append("&lt;");
      break;
    case '>':
      result.append("&gt;");
      break;
    case '\'':
      result.append("&#39;");
      break;
    case '"':
      result.append("&#34;");
      break;
    default:
      result.append(1, c);
    }
  }
  return Value(result.take());
}

Value formatFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    throw Problem("can't handle positional and keyword arguments at the same time");
  if (arguments.named.empty())
    return Value(formatPercent(toText(input), Value::tuple(arguments.positional)));
  std::vector<std::pair<Value, Value>> named;
  for (const auto &[name, value] : arguments.named)
    named.emplace_back(Value(name), value);
  return Value(formatPercent(toText(input), Value::dict(std::move(named))));
}

JsonStyle jsonStyle(const Arguments &arguments) {
  auto [ascii, indent, separators, sortKeys] =
      arguments.bind("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.asciiOnly = truthArgument(ascii, false);
  style.sortKeys = truthArgument(sortKeys, false);
  if (indent && !indent->is(Kind::None)) {
    style.multiline = true;
    style.itemSeparator = ",";
    int64_t width = indent->is(Kind::String) ? 0 : integerArgument(indent, 0, "indent");
    if (width > 1000)
      throw Problem(fmt::format("tojson: an indent of {}, expected at most 1000", width));
    style.indentUnit = indent->is(Kind::String)
                           ? indent->asText()
                           : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  if (separators && !separators->is(Kind::None)) {
    if (!(separators->is(Kind::Tuple) || separators->is(Kind::List)) || separators->items().size() != 2)
      throw Problem("tojson: separators must be two texts");
    style.itemSeparator = textArgument(&separators->items()[0], "", "separators");
    style.keySeparator = textArgument(&separators->items()[1], "", "separators");
  }
  return style;
}

Value tojsonFilter(Evaluator &, const Value &input, const Arguments &arguments) {
  return Value(toJson(input, jsonStyle(arguments)));
}

} // namespace

const FilterTable &textFilters() {
  static const FilterTable table = {
      {"upper", upperFilter},         {"lower", lowerFilter},   {"capitalize", capitalizeFilter},
      {"title", titleFilter},         {"trim", trimFilter},     {"replace", replaceFilter},
      {"join", joinFilter},           {"string", stringFilter}, {"safe", stringFilter},
      {"indent", indentFilter},       {"center", centerFilter}, {"truncate", truncateFilter},
      {"wordcount", wordcountFilter}, {"e", escapeFilter},      {"escape", escapeFilter},
      {"forceescape", escapeFilter},  {"format", formatFilter}, {"tojson", tojsonFilter},
  };
  return table;
}

} // namespace attune::jinja
