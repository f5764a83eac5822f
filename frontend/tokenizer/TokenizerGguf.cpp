// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/Expression.h"
#include "frontend/tokenizer/GgufPreTokenizers.h"
#include "frontend/tokenizer/TokenizerBlob.h"
#include "frontend/tokenizer/TokenizerImport.h"
#include "frontend/weights/GgufMetadata.h"
#include "frontend/weights/MappedFile.h"
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>

namespace attune {

using namespace tokenizer;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace {

enum class TokenType : int64_t { Undefined, Normal, Unknown, Control, UserDefined, Unused, Byte };

constexpr const char *Block = "\u2581"; // stands for a space

// Reads the keys tokenizer.ggml.*. Reading stops at the first error.
class GgufImporter {
public:
  explicit GgufImporter(const GgufMetadata &metadata) : metadata(metadata) {}

  Expected<std::string> run();

private:
  Error importByteLevel();
  Error importSentencePiece();
  Error importUnigram();
  Error importBert();

  Error readTokens();
  Error readScores();
  Error readMerges();
  Error readSurroundings(bool addBegin, bool addEnd, StringRef endKey);
  void addTokens(bool userDefinedInNormalized);
  void useByteTokens();
  struct SentencePiece {
    bool hasPrefix; // a space before the text
    int32_t unknown;
  };
  Expected<SentencePiece> readPieces(int32_t usualUnknown);
  void undoPhantomSpaces();

  Expected<bool> flag(StringRef name, bool other);
  Expected<int32_t> id(StringRef name, int32_t other);
  static std::string key(StringRef name) { return ("tokenizer.ggml." + name).str(); }
  Error problem(StringRef name, const Twine &text) const {
    return fileError(metadata.filePath(), key(name) + ": " + text);
  }

  TokenType typeOf(size_t token) const { return types[token]; }
  int32_t idOf(StringRef spelling) const {
    auto found = ids.find(spelling);
    return found == ids.end() ? -1 : found->second;
  }

  const GgufMetadata &metadata;
  TokenizerDescription description;
  std::vector<TokenType> types;
  llvm::StringMap<int32_t> ids; // of the tokens that the model may produce
};

} // namespace

Expected<bool> GgufImporter::flag(StringRef name, bool other) {
  Expected<std::optional<bool>> value = metadata.getOptionalBool(key(name));
  if (!value)
    return value.takeError();
  return value->value_or(other);
}

Expected<int32_t> GgufImporter::id(StringRef name, int32_t other) {
  Expected<std::optional<int64_t>> value = metadata.getOptionalInt(key(name));
  if (!value)
    return value.takeError();
  if (!*value)
    return other;
  if (**value < 0 || **value >= static_cast<int64_t>(description.tokens.size()))
    return problem(name,
                   "found " + Twine(**value) + ", expected an id below " + Twine(description.tokens.size()));
  return static_cast<int32_t>(**value);
}

Error GgufImporter::readTokens() {
  Expected<std::vector<StringRef>> tokens = metadata.getStrings(key("tokens"));
  if (!tokens)
    return tokens.takeError();
  if (tokens->empty() || tokens->size() > TokenizerDescription::MaxTokens)
    return problem("tokens", "found " + Twine(tokens->size()) + " tokens, expected 1 to " +
                                 Twine(TokenizerDescription::MaxTokens));
  Expected<std::optional<std::vector<int64_t>>> numbers = metadata.getOptionalInts(key("token_type"));
  if (!numbers)
    return numbers.takeError();
  if (*numbers && (*numbers)->size() != tokens->size())
    return problem("token_type",
                   "found " + Twine((*numbers)->size()) + " types for " + Twine(tokens->size()) + " tokens");
  types.assign(tokens->size(), TokenType::Normal);
  for (size_t i = 0; i < tokens->size(); ++i) {
    if (*numbers)
      types[i] = static_cast<TokenType>((**numbers)[i]);
    description.at(static_cast<int32_t>(i)) = {(*tokens)[i].str(), TokenFlag::Present};
  }
  return Error::success();
}

// Converters write the spaces of user-defined tokens as spaces, those of other tokens as "▁".
static void spellOutSpaces(std::string &text) {
  for (size_t at = 0; (at = text.find(' ', at)) != std::string::npos;)
    text.replace(at, 1, Block);
}

// Control tokens are looked for in the text as it came, user-defined ones there too or in the normalised
// text.
void GgufImporter::addTokens(bool userDefinedInNormalized) {
  for (size_t i = 0; i < description.tokens.size(); ++i) {
    TokenizerDescription::Token &token = description.tokens[i];
    auto number = static_cast<int32_t>(i);
    switch (typeOf(i)) {
    case TokenType::Control:
    case TokenType::Unknown:
      token.flags |= TokenFlag::Special;
      description.added.push_back({number, AddedFlag::Control});
      break;
    case TokenType::UserDefined:
      if (userDefinedInNormalized)
        spellOutSpaces(token.text);
      description.added.push_back(
          {number, userDefinedInNormalized ? AddedFlag::Normalized | AddedFlag::AsSpelled : 0});
      break;
    case TokenType::Byte:
      break;
    default:
      // Of several tokens with one spelling the model produces the first.
      if (ids.try_emplace(token.text, number).second)
        token.flags |= TokenFlag::InModel;
    }
  }
}

Error GgufImporter::readScores() {
  Expected<std::vector<double>> scores = metadata.getFloats(key("scores"));
  if (!scores)
    return scores.takeError();
  if (scores->size() != description.tokens.size())
    return problem("scores", "found " + Twine(scores->size()) + " scores for " +
                                 Twine(description.tokens.size()) + " tokens");
  double lowest = 0;
  for (size_t i = 0; i < scores->size(); ++i) {
    if (!std::isfinite((*scores)[i]))
      return problem("scores", "the score of token " + Twine(i) + " is not a finite number");
    lowest = std::min(lowest, (*scores)[i]);
  }
  description.scores = std::move(*scores);
  constexpr double UnknownPenalty = 10; // below the worst token
  description.scores.push_back(lowest - UnknownPenalty);
  return Error::success();
}

Error GgufImporter::readMerges() {
  Expected<std::vector<StringRef>> merges = metadata.getStrings(key("merges"));
  if (!merges)
    return merges.takeError();
  llvm::DenseSet<std::pair<int32_t, int32_t>> seen;
  for (size_t i = 0; i < merges->size(); ++i) {
    StringRef merge = (*merges)[i];
    size_t space = merge.find(' ', 1); // a token may begin with a space, not the other way round
    if (space == StringRef::npos)
      return problem("merges", "merge " + Twine(i) + ": found " + quoted(merge) + ", expected two tokens");
    StringRef left = merge.take_front(space), right = merge.drop_front(space + 1);
    std::string joined = (left + right).str();
    for (StringRef token : {left, right, StringRef(joined)})
      if (idOf(token) < 0)
        return problem("merges",
                       "merge " + Twine(i) + ": token " + quoted(token) + " is not in the vocabulary");
    if (seen.insert({idOf(left), idOf(right)}).second)
      description.merges.push_back({idOf(left), idOf(right), static_cast<uint32_t>(i), idOf(joined)});
  }
  return Error::success();
}

// The ids around a text: beginning and end as the file has them, or as its kind of tokenizer does.
Error GgufImporter::readSurroundings(bool addBegin, bool addEnd, StringRef endKey) {
  Expected<bool> begins = flag("add_bos_token", addBegin);
  if (!begins)
    return begins.takeError();
  Expected<bool> ends = flag(endKey == "eos_token_id" ? "add_eos_token" : "add_sep_token", addEnd);
  if (!ends)
    return ends.takeError();
  // BERT's file names its first token cls or bos.
  StringRef beginKey = metadata.has(key("cls_token_id")) && !metadata.has(key("bos_token_id"))
                           ? "cls_token_id"
                           : "bos_token_id";
  for (auto [wanted, name, list] :
       {std::tuple(*begins, beginKey, &description.before), std::tuple(*ends, endKey, &description.after)}) {
    if (!wanted)
      continue;
    Expected<int32_t> number = id(name, -1);
    if (!number)
      return number.takeError();
    if (*number < 0)
      return problem(name, "found nothing, expected the token that is added to each text");
    list->push_back(*number);
  }
  return Error::success();
}

void GgufImporter::useByteTokens() {
  llvm::StringMap<int32_t> bytes;
  for (size_t i = 0; i < description.tokens.size(); ++i)
    if (typeOf(i) == TokenType::Byte)
      bytes.try_emplace(description.tokens[i].text, static_cast<int32_t>(i));
  description.byteIds = byteTokens([&](StringRef spelling) {
    auto found = bytes.find(spelling);
    return found == bytes.end() ? -1 : found->second;
  });
}

Error GgufImporter::importByteLevel() {
  Expected<std::optional<StringRef>> name = metadata.getOptionalString(key("pre"));
  if (!name)
    return name.takeError();
  const GgufPreTokenizer *pre = findGgufPreTokenizer(name->value_or("default"));
  if (!pre)
    return problem("pre", "found " + quoted(**name) + ", expected one of " + ggufPreTokenizerNames());

  addTokens(false);
  // Some files list ordinary tokens as user-defined or control tokens that merges go through.
  for (size_t i = 0; i < description.tokens.size(); ++i)
    if (ids.try_emplace(description.tokens[i].text, static_cast<int32_t>(i)).second)
      description.tokens[i].flags |= TokenFlag::InModel;
  if (Error error = readMerges())
    return error;
  if (pre->composes)
    description.normalizers.push_back({StepKind::Nfc, 0, {}, {}});
  constexpr auto Isolated = static_cast<int32_t>(SplitBehavior::Isolated);
  for (const char *expression : pre->expressions)
    description.preTokenizers.push_back(
        {StepKind::SplitRegex, 0, {Isolated}, {llvm::cantFail(translateExpression(expression))}});
  for (uint32_t character : byteAlphabet()) {
    std::string spelling;
    appendCharacter(spelling, character);
    description.byteIds.push_back(idOf(spelling));
  }
  uint32_t flags = BpeFlag::Bytes | (pre->wholeWords ? BpeFlag::WholeWords : 0);
  description.model = {StepKind::Bpe, flags, {-1}, {"", ""}};
  description.decoders.push_back({StepKind::DecodeByteLevel, 0, {}, {}});
  return readSurroundings(pre->addBegin, pre->addEnd, "eos_token_id");
}

// What SentencePiece's two models have in common: scores, byte tokens, and the way back to text.
Expected<GgufImporter::SentencePiece> GgufImporter::readPieces(int32_t usualUnknown) {
  useByteTokens();
  if (Error error = readScores())
    return std::move(error);
  Expected<bool> prefix = flag("add_space_prefix", true);
  if (!prefix)
    return prefix.takeError();
  Expected<int32_t> unknown = id("unknown_token_id", usualUnknown);
  if (!unknown)
    return unknown.takeError();
  description.decoders = {{StepKind::DecodeReplace, 0, {}, {Block, " "}},
                          {StepKind::DecodeByteFallback, 0, {}, {}},
                          {StepKind::DecodeFuse, 0, {}, {}}};
  if (*prefix)
    description.decoders.push_back({StepKind::DecodeStrip, 0, {1, 0}, {" "}});
  return SentencePiece{*prefix, *unknown};
}

// SentencePiece's BPE: of all pairs that join to a token the one with the best score is joined first.
Error GgufImporter::importSentencePiece() {
  addTokens(true);
  Expected<SentencePiece> pieces = readPieces(-1);
  if (!pieces)
    return pieces.takeError();

  if (pieces->hasPrefix)
    description.normalizers.push_back({StepKind::Prepend, 0, {}, {Block}});
  description.normalizers.push_back({StepKind::ReplaceString, 0, {}, {" ", Block}});
  description.model = {StepKind::Bpe,
                       BpeFlag::ByScore | BpeFlag::FuseUnknown | BpeFlag::ByteFallback,
                       {pieces->unknown},
                       {"", ""}};
  // SentencePiece never reads control tokens in a text.
  description.plainControl = true;
  return readSurroundings(true, false, "eos_token_id");
}

Error GgufImporter::importUnigram() {
  addTokens(false);
  Expected<SentencePiece> pieces = readPieces(2);
  if (!pieces)
    return pieces.takeError();
  Expected<bool> removes = flag("remove_extra_whitespaces", true);
  if (!removes)
    return removes.takeError();
  Expected<std::optional<std::vector<int64_t>>> map = metadata.getOptionalInts(key("precompiled_charsmap"));
  if (!map)
    return map.takeError();

  if (*map && !(*map)->empty()) {
    std::string bytes;
    for (int64_t byte : **map)
      bytes += static_cast<char>(byte);
    description.normalizers.push_back({StepKind::Precompiled, 0, {}, {std::move(bytes)}});
  }
  if (*removes) {
    description.normalizers.push_back({StepKind::StripSpace, SideFlag::Left | SideFlag::Right, {}, {}});
    description.normalizers.push_back({StepKind::ReplaceRegex, 0, {}, {" {2,}", " "}});
  }
  auto scheme = static_cast<int32_t>(pieces->hasPrefix ? PrependScheme::Always : PrependScheme::Never);
  description.preTokenizers.push_back({StepKind::Metaspace, 1, {scheme}, {Block}});
  bool hasBytes = llvm::none_of(description.byteIds, [](int32_t id) { return id < 0; });
  description.model = {StepKind::Unigram, hasBytes, {pieces->unknown}, {}};
  description.needsTrie = true;
  return readSurroundings(false, true, "eos_token_id");
}

// In these files "▁" marks the tokens that begin a word and nothing those that go on; BERT's own way is the
// opposite.
void GgufImporter::undoPhantomSpaces() {
  for (size_t i = 0; i < description.tokens.size(); ++i) {
    if (typeOf(i) == TokenType::Control || typeOf(i) == TokenType::Unknown)
      continue;
    StringRef text = description.tokens[i].text;
    description.tokens[i].text = text.consume_front(Block) ? text.str() : ("##" + text).str();
  }
}

Error GgufImporter::importBert() {
  undoPhantomSpaces();
  addTokens(false);
  // Vocabularies for lower-case text have no capitals.
  bool hasCapitals =
      llvm::any_of(ids, [](const auto &entry) { return llvm::any_of(entry.getKey(), llvm::isUpper); });
  Expected<bool> lowercase = flag("normalizer.lowercase", !hasCapitals);
  if (!lowercase)
    return lowercase.takeError();
  Expected<bool> strips = flag("normalizer.strip_accents", *lowercase);
  if (!strips)
    return strips.takeError();
  Expected<int32_t> unknown = id("unknown_token_id", 100);
  if (!unknown)
    return unknown.takeError();

  uint32_t flags = BertFlag::Clean | BertFlag::Chinese | (*strips ? BertFlag::StripAccents : 0) |
                   (*lowercase ? BertFlag::Lowercase : 0);
  description.normalizers.push_back({StepKind::Bert, flags, {}, {}});
  description.preTokenizers = {
      {StepKind::SplitSpace, 0, {static_cast<int32_t>(SplitBehavior::Removed)}, {}},
      {StepKind::SplitPunctuation, 0, {static_cast<int32_t>(SplitBehavior::Isolated)}, {}}};
  constexpr int32_t LongestWord = 100;
  description.model = {StepKind::WordPiece, 0, {*unknown, LongestWord}, {"##"}};
  description.needsTrie = true;
  description.decoders.push_back({StepKind::DecodeWordPiece, 1, {}, {"##"}});
  // Old files spell the separator's key with a slip of the pen.
  StringRef separator = metadata.has(key("seperator_token_id")) ? "seperator_token_id" : "separator_token_id";
  return readSurroundings(true, true, separator);
}

Expected<std::string> GgufImporter::run() {
  if (Error error = readTokens())
    return error;
  Expected<StringRef> model = metadata.getString(key("model"));
  if (!model)
    return model.takeError();
  Error error = *model == "gpt2"    ? importByteLevel()
                : *model == "llama" ? importSentencePiece()
                : *model == "t5"    ? importUnigram()
                : *model == "bert"
                    ? importBert()
                    : problem("model", "found " + quoted(*model) + ", expected gpt2, llama, t5 or bert");
  if (error)
    return error;
  return writeTokenizerBlob(description, metadata.filePath());
}

Expected<std::string> importTokenizerGguf(const GgufMetadata &metadata) {
  return GgufImporter(metadata).run();
}

} // namespace attune
