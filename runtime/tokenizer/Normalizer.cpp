// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Normalizer.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/CharacterMap.h"
#include "runtime/tokenizer/Unicode.h"
#include "runtime/tokenizer/Utf8.h"

#include <fmt/format.h>

namespace attune::tokenizer {

// The characters for which `keep(codePoint)` holds.
template <typename Keep> static std::string filter(std::string_view text, Keep keep) {
  std::string out;
  out.reserve(text.size());
  forEachCharacter(text, [&](uint32_t c, size_t position, size_t length) {
    if (keep(c))
      out += text.substr(position, length);
  });
  return out;
}

static std::string lowercase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  forEachCharacter(text, [&](uint32_t c, size_t, size_t) { appendLowercase(out, c); });
  return out;
}

static std::string stripSpace(std::string_view text, uint32_t sides) {
  size_t begin = text.size(), end = 0;
  forEachCharacter(text, [&](uint32_t c, size_t position, size_t length) {
    if (isWhiteSpace(c))
      return;
    begin = std::min(begin, position);
    end = position + length;
  });
  if (!(sides & SideFlag::Left))
    begin = 0;
  if (!(sides & SideFlag::Right))
    end = text.size();
  return begin < end ? std::string(text.substr(begin, end - begin)) : std::string();
}

static std::string replaceString(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  out.reserve(text.size());
  size_t position = 0;
  for (size_t found; (found = text.find(what, position)) != std::string_view::npos;
       position = found + what.size()) {
    out += text.substr(position, found - position);
    out += by;
  }
  out += text.substr(position);
  return out;
}

static std::string replaceRegex(std::string_view text, const Regex &what, std::string_view by) {
  if (text.empty())
    return {}; // even if the expression matches nothing
  std::string out;
  size_t position = 0;
  what.forEachMatch(text, [&](size_t begin, size_t end) {
    out += text.substr(position, begin - position);
    out += by;
    position = end;
  });
  out += text.substr(position);
  return out;
}

// SentencePiece's "nmt" rules: control characters vanish, many kinds of space become a space.
static std::string applyNmt(std::string_view text) {
  std::string out;
  forEachCharacter(text, [&](uint32_t c, size_t position, size_t length) {
    bool dropped =
        (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
    bool space = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                 (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
                 c == 0xFFFD;
    if (space)
      out += ' ';
    else if (!dropped)
      out += text.substr(position, length);
  });
  return out;
}

static std::string cleanForBert(std::string_view text) {
  std::string out;
  forEachCharacter(text, [&](uint32_t c, size_t position, size_t length) {
    if (isWhiteSpace(c) && (c == '\t' || c == '\n' || c == '\r' || !isControl(c)))
      out += ' ';
    else if (c != 0xFFFD && !isControl(c))
      out += text.substr(position, length);
  });
  return out;
}

static std::string setChineseApart(std::string_view text) {
  std::string out;
  forEachCharacter(text, [&](uint32_t c, size_t position, size_t length) {
    bool chinese = isChineseCharacter(c);
    if (chinese)
      out += ' ';
    out += text.substr(position, length);
    if (chinese)
      out += ' ';
  });
  return out;
}

static std::string applyBert(std::string text, uint32_t flags) {
  if (flags & BertFlag::Clean)
    text = cleanForBert(text);
  if (flags & BertFlag::Chinese)
    text = setChineseApart(text);
  if (flags & BertFlag::StripAccents)
    text = filter(normalForm(text, NormalForm::D), [](uint32_t c) { return !isNonSpacingMark(c); });
  if (flags & BertFlag::Lowercase)
    text = lowercase(text);
  return text;
}

Normalizer::Normalizer(const std::vector<Step> &list) {
  for (const Step &step : list) {
    Compiled compiled{step, nullptr};
    switch (step.kind) {
    case StepKind::Prepend:
      step.string(0);
      break;
    case StepKind::ReplaceString:
      if (step.string(0).empty())
        throw Error("tokenizer: a normaliser that replaces an empty text");
      step.string(1);
      break;
    case StepKind::ReplaceRegex:
      compiled.regex = std::make_shared<Regex>(step.string(0));
      step.string(1);
      break;
    case StepKind::Precompiled:
      CharacterMap(step.string(0)); // checks it
      break;
    case StepKind::Nfc:
    case StepKind::Nfd:
    case StepKind::Nfkc:
    case StepKind::Nfkd:
    case StepKind::Lowercase:
    case StepKind::StripAccents:
    case StepKind::StripSpace:
    case StepKind::Nmt:
    case StepKind::Bert:
    case StepKind::MapBytes:
      break;
    default:
      throw Error(fmt::format("tokenizer: step {} is no normaliser", static_cast<uint32_t>(step.kind)));
    }
    steps.push_back(std::move(compiled));
  }
}

static std::string applyStep(const Step &step, const Regex *regex, std::string text) {
  switch (step.kind) {
  case StepKind::Nfc:
    return normalForm(text, NormalForm::C);
  case StepKind::Nfd:
    return normalForm(text, NormalForm::D);
  case StepKind::Nfkc:
    return normalForm(text, NormalForm::KC);
  case StepKind::Nfkd:
    return normalForm(text, NormalForm::KD);
  case StepKind::Lowercase:
    return lowercase(text);
  case StepKind::StripAccents:
    return filter(text, [](uint32_t c) { return !isMark(c); });
  case StepKind::StripSpace:
    return stripSpace(text, step.flags);
  case StepKind::Prepend:
    return text.empty() ? text : std::string(step.string(0)) + text;
  case StepKind::ReplaceString:
    return replaceString(text, step.string(0), step.string(1));
  case StepKind::ReplaceRegex:
    return replaceRegex(text, *regex, step.string(1));
  case StepKind::Precompiled:
    if (step.flags & PrecompiledFlag::Longest)
      return CharacterMap(step.string(0)).applyLongest(text);
    return CharacterMap(step.string(0)).apply(text);
  case StepKind::Nmt:
    return applyNmt(text);
  case StepKind::Bert:
    return applyBert(std::move(text), step.flags);
  case StepKind::MapBytes:
    return mapBytes(text);
  default:
    return text;
  }
}

std::string Normalizer::apply(std::string_view text) const {
  std::string result(text);
  for (const Compiled &compiled : steps)
    result = applyStep(compiled.step, compiled.regex.get(), std::move(result));
  return result;
}

} // namespace attune::tokenizer
