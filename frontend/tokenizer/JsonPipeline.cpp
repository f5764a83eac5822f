// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/JsonPipeline.h"

#include "frontend/tokenizer/Expression.h"
#include "runtime/tokenizer/CharacterMap.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Base64.h"

namespace attune {

using namespace tokenizer;
using llvm::StringRef;

const char *const Gpt2Expression =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// A text or an expression: {"String": "..."} or {"Regex": "..."}.
static TokenizerStep importPattern(const JsonField &pattern, StepKind forString, StepKind forRegex) {
  if (pattern["Regex"].present()) {
    llvm::Expected<std::string> expression = translateExpression(pattern["Regex"].string());
    if (expression)
      return {forRegex, 0, {}, {std::move(*expression)}};
    pattern["Regex"].report(llvm::toString(expression.takeError()));
    return {forRegex, 0, {}, {""}};
  }
  if (!pattern["String"].present())
    pattern.expected("an object with String or Regex");
  TokenizerStep step{forString, 0, {}, {pattern["String"].stringOr("")}};
  if (step.strings[0].empty())
    pattern["String"].expected("a text that is not empty");
  return step;
}

static TokenizerStep importBertNormalizer(const JsonField &field) {
  bool lowercase = field["lowercase"].booleanOr(true);
  uint32_t flags = 0;
  if (field["clean_text"].booleanOr(true))
    flags |= BertFlag::Clean;
  if (field["handle_chinese_chars"].booleanOr(true))
    flags |= BertFlag::Chinese;
  if (field["strip_accents"].booleanOr(lowercase))
    flags |= BertFlag::StripAccents;
  if (lowercase)
    flags |= BertFlag::Lowercase;
  return {StepKind::Bert, flags, {}, {}};
}

static void importPrecompiled(const JsonField &field, std::vector<TokenizerStep> &steps) {
  std::string text = field.stringOr("");
  if (text.empty())
    return;
  std::vector<char> bytes;
  if (llvm::Error error = llvm::decodeBase64(text, bytes))
    return field.report(llvm::toString(std::move(error)));
  std::string map(bytes.begin(), bytes.end());
  if (auto problem = CharacterMap::problemOf(map))
    return field.report(*problem);
  steps.push_back({StepKind::Precompiled, 0, {}, {std::move(map)}});
}

void importNormalizer(const JsonField &field, std::vector<TokenizerStep> &steps) {
  if (!field.present())
    return;
  std::string type = field["type"].string();
  auto plain = llvm::StringSwitch<std::optional<StepKind>>(type)
                   .Case("NFC", StepKind::Nfc)
                   .Case("NFD", StepKind::Nfd)
                   .Case("NFKC", StepKind::Nfkc)
                   .Case("NFKD", StepKind::Nfkd)
                   .Case("Lowercase", StepKind::Lowercase)
                   .Case("StripAccents", StepKind::StripAccents)
                   .Case("Nmt", StepKind::Nmt)
                   .Case("ByteLevel", StepKind::MapBytes)
                   .Default(std::nullopt);
  if (plain) {
    steps.push_back({*plain, 0, {}, {}});
  } else if (type == "Sequence") {
    for (const JsonField &part : field["normalizers"].elements())
      importNormalizer(part, steps);
  } else if (type == "Strip") {
    uint32_t left = field["strip_left"].booleanOr(true) ? SideFlag::Left : 0;
    uint32_t right = field["strip_right"].booleanOr(true) ? SideFlag::Right : 0;
    steps.push_back({StepKind::StripSpace, left | right, {}, {}});
  } else if (type == "Prepend") {
    steps.push_back({StepKind::Prepend, 0, {}, {field["prepend"].string()}});
  } else if (type == "Replace") {
    TokenizerStep step = importPattern(field["pattern"], StepKind::ReplaceString, StepKind::ReplaceRegex);
    step.strings.push_back(field["content"].string());
    steps.push_back(std::move(step));
  } else if (type == "Precompiled") {
    importPrecompiled(field["precompiled_charsmap"], steps);
  } else if (type == "BertNormalizer") {
    steps.push_back(importBertNormalizer(field));
  } else {
    field["type"].expected(
        "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, Precompiled, Nmt, "
        "BertNormalizer, ByteLevel or Sequence");
  }
}

static int32_t importBehavior(const JsonField &field, SplitBehavior other) {
  auto behavior = llvm::StringSwitch<std::optional<SplitBehavior>>(field.stringOr("Default"))
                      .Case("Default", other)
                      .Case("Removed", SplitBehavior::Removed)
                      .Case("Isolated", SplitBehavior::Isolated)
                      .Case("MergedWithPrevious", SplitBehavior::MergedWithPrevious)
                      .Case("MergedWithNext", SplitBehavior::MergedWithNext)
                      .Case("Contiguous", SplitBehavior::Contiguous)
                      .Default(std::nullopt);
  if (!behavior)
    field.expected("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  return static_cast<int32_t>(behavior.value_or(other));
}

// The scheme of a Metaspace, which older files tell by add_prefix_space.
static PrependScheme importScheme(const JsonField &field) {
  if (!field["add_prefix_space"].booleanOr(true))
    return PrependScheme::Never;
  auto scheme = llvm::StringSwitch<std::optional<PrependScheme>>(field["prepend_scheme"].stringOr("always"))
                    .Case("always", PrependScheme::Always)
                    .Case("first", PrependScheme::First)
                    .Case("never", PrependScheme::Never)
                    .Default(std::nullopt);
  if (!scheme)
    field["prepend_scheme"].expected("always, first or never");
  return scheme.value_or(PrependScheme::Always);
}

static std::string importReplacement(const JsonField &field) {
  std::string replacement = field.stringOr("\u2581");
  if (replacement.empty())
    field.expected("a character");
  return replacement;
}

static void importByteLevel(const JsonField &field, std::vector<TokenizerStep> &steps) {
  if (field["add_prefix_space"].booleanOr(true))
    steps.push_back({StepKind::PrefixSpace, 0, {}, {}});
  if (field["use_regex"].booleanOr(true))
    steps.push_back({StepKind::SplitRegex,
                     0,
                     {static_cast<int32_t>(SplitBehavior::Isolated)},
                     {llvm::cantFail(translateExpression(Gpt2Expression))}});
  steps.push_back({StepKind::MapBytesOfPieces, 0, {}, {}});
}

void importPreTokenizer(const JsonField &field, std::vector<TokenizerStep> &steps) {
  if (!field.present())
    return;
  constexpr auto Isolated = static_cast<int32_t>(SplitBehavior::Isolated);
  constexpr auto Removed = static_cast<int32_t>(SplitBehavior::Removed);
  constexpr auto Contiguous = static_cast<int32_t>(SplitBehavior::Contiguous);
  std::string type = field["type"].string();
  if (type == "Sequence") {
    for (const JsonField &part : field["pretokenizers"].elements())
      importPreTokenizer(part, steps);
  } else if (type == "ByteLevel") {
    importByteLevel(field, steps);
  } else if (type == "Split") {
    TokenizerStep step = importPattern(field["pattern"], StepKind::SplitString, StepKind::SplitRegex);
    step.integers = {importBehavior(field["behavior"], SplitBehavior::Isolated)};
    step.flags = field["invert"].booleanOr(false);
    steps.push_back(std::move(step));
  } else if (type == "Digits") {
    steps.push_back({StepKind::SplitDigits,
                     0,
                     {field["individual_digits"].booleanOr(false) ? Isolated : Contiguous},
                     {}});
  } else if (type == "Punctuation") {
    steps.push_back(
        {StepKind::SplitPunctuation, 0, {importBehavior(field["behavior"], SplitBehavior::Isolated)}, {}});
  } else if (type == "Whitespace") {
    steps.push_back({StepKind::SplitWords, 0, {}, {}});
  } else if (type == "WhitespaceSplit") {
    steps.push_back({StepKind::SplitSpace, 0, {Removed}, {}});
  } else if (type == "BertPreTokenizer") {
    steps.push_back({StepKind::SplitSpace, 0, {Removed}, {}});
    steps.push_back({StepKind::SplitPunctuation, 0, {Isolated}, {}});
  } else if (type == "CharDelimiterSplit") {
    std::string delimiter = field["delimiter"].string();
    if (delimiter.empty())
      field["delimiter"].expected("a character");
    steps.push_back({StepKind::SplitString, 0, {Removed}, {delimiter}});
  } else if (type == "Metaspace") {
    steps.push_back({StepKind::Metaspace,
                     field["split"].booleanOr(true),
                     {static_cast<int32_t>(importScheme(field))},
                     {importReplacement(field["replacement"])}});
  } else {
    field["type"].expected(
        "ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, "
        "CharDelimiterSplit, Metaspace or Sequence");
  }
}

// Whether a step looks at single tokens, which it cannot after they are joined.
static bool needsTokens(StepKind kind) {
  return kind == StepKind::DecodeWordPiece || kind == StepKind::DecodeMetaspace ||
         kind == StepKind::DecodeSuffix || kind == StepKind::DecodeByteFallback;
}

static TokenizerStep importReplaceDecoder(const JsonField &field) {
  if (field["pattern"]["Regex"].present())
    field["pattern"].expected("a String: a decoder that replaces an expression is not supported");
  return {
      StepKind::DecodeReplace, 0, {}, {field["pattern"]["String"].stringOr(" "), field["content"].string()}};
}

void importDecoder(const JsonField &field, std::vector<TokenizerStep> &steps) {
  if (!field.present())
    return;
  std::string type = field["type"].string();
  if (type == "Sequence") {
    for (const JsonField &part : field["decoders"].elements())
      importDecoder(part, steps);
    return;
  }
  bool joined = llvm::any_of(steps, [](const TokenizerStep &step) {
    return step.kind == StepKind::DecodeFuse || step.kind == StepKind::DecodeByteLevel;
  });
  if (type == "ByteLevel") {
    steps.push_back({StepKind::DecodeByteLevel, 0, {}, {}});
  } else if (type == "WordPiece") {
    steps.push_back(
        {StepKind::DecodeWordPiece, field["cleanup"].booleanOr(true), {}, {field["prefix"].stringOr("##")}});
  } else if (type == "Metaspace") {
    steps.push_back({StepKind::DecodeMetaspace,
                     importScheme(field) != PrependScheme::Never,
                     {},
                     {importReplacement(field["replacement"])}});
  } else if (type == "ByteFallback") {
    steps.push_back({StepKind::DecodeByteFallback, 0, {}, {}});
  } else if (type == "Fuse") {
    steps.push_back({StepKind::DecodeFuse, 0, {}, {}});
  } else if (type == "BPEDecoder") {
    steps.push_back({StepKind::DecodeSuffix, 0, {}, {field["suffix"].stringOr("</w>")}});
  } else if (type == "Strip") {
    auto count = [&](StringRef key) { return static_cast<int32_t>(field[key].integer(0, 1 << 20)); };
    steps.push_back({StepKind::DecodeStrip, 0, {count("start"), count("stop")}, {field["content"].string()}});
  } else if (type == "Replace") {
    steps.push_back(importReplaceDecoder(field));
  } else {
    field["type"].expected(
        "ByteLevel, WordPiece, Metaspace, ByteFallback, Fuse, Strip, Replace, BPEDecoder or Sequence");
    return;
  }
  if (joined && needsTokens(steps.back().kind))
    field["type"].report(type + " behind a decoder that joins all tokens is not supported");
  if (!steps.back().strings.empty() && steps.back().strings[0].empty())
    field.report("the text that it looks for is empty");
}

// [token, id]: the id.
static int32_t importTokenId(const JsonField &pair) {
  std::vector<JsonField> parts = pair.elements();
  if (parts.size() != 2) {
    pair.expected("a token and its id");
    return 0;
  }
  return static_cast<int32_t>(parts[1].integer(0, TokenizerDescription::MaxTokens - 1));
}

static void surround(const JsonField &field, TokenizerDescription &description, std::vector<int32_t> before,
                     std::vector<int32_t> after) {
  if (!description.before.empty() || !description.after.empty())
    field["type"].report("a second processor that puts tokens around a text is not supported");
  description.before = std::move(before);
  description.after = std::move(after);
}

static void importTemplate(const JsonField &field, TokenizerDescription &description) {
  std::vector<int32_t> before, after;
  int sequences = 0;
  for (const JsonField &part : field["single"].elements()) {
    if (part["Sequence"].present()) {
      ++sequences;
      continue;
    }
    std::string name = part["SpecialToken"]["id"].string();
    for (const JsonField &id : field["special_tokens"][name]["ids"].elements())
      (sequences ? after : before)
          .push_back(static_cast<int32_t>(id.integer(0, TokenizerDescription::MaxTokens - 1)));
  }
  if (sequences != 1)
    field["single"].report("found " + llvm::Twine(sequences) + " Sequence entries, expected 1");
  surround(field, description, std::move(before), std::move(after));
}

void importPostProcessor(const JsonField &field, TokenizerDescription &description) {
  if (!field.present())
    return;
  std::string type = field["type"].string();
  if (type == "Sequence") {
    for (const JsonField &part : field["processors"].elements())
      importPostProcessor(part, description);
  } else if (type == "TemplateProcessing") {
    importTemplate(field, description);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    surround(field, description, {importTokenId(field["cls"])}, {importTokenId(field["sep"])});
  } else if (type != "ByteLevel") { // ByteLevel changes offsets only
    field["type"].expected("TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or Sequence");
  }
}

} // namespace attune
