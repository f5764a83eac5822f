// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/JsonPipeline.h"
#include "frontend/tokenizer/TokenizerImport.h"
#include "frontend/weights/JsonText.h"
#include "frontend/weights/MappedFile.h"
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

namespace attune {

using namespace tokenizer;
using llvm::StringRef;
using llvm::Twine;

namespace {

class JsonImporter {
public:
  JsonImporter(const llvm::json::Value &root, StringRef file) : errors(file), root(&root, "", errors) {}

  llvm::Expected<std::string> run(std::optional<int64_t> rows);

private:
  void importModel(const JsonField &model);
  void importBpe(const JsonField &model);
  void importWordPiece(const JsonField &model);
  void importUnigram(const JsonField &model);
  void importVocabularyObject(const JsonField &vocabulary);
  void importMerges(const JsonField &merges, StringRef continuingPrefix);
  void importAdded(const JsonField &list);
  void addModelToken(StringRef spelling, int32_t id, const JsonField &where);
  void useByteAlphabet();
  void useByteTokens();
  void checkFits(int64_t rows);
  void checkSurroundings();

  // The id of a model's token, or -1.
  int32_t idOf(StringRef spelling) const {
    auto found = ids.find(spelling);
    return found == ids.end() ? -1 : found->second;
  }

  JsonErrors errors;
  JsonField root;
  TokenizerDescription description;
  llvm::StringMap<int32_t> ids;
};

} // namespace

// Files of old carry no type; the members tell it.
static std::string typeOfModel(const JsonField &model) {
  if (model["type"].present())
    return model["type"].string();
  if (model["merges"].present())
    return "BPE";
  if (model["vocab"].isArray())
    return "Unigram";
  return model["max_input_chars_per_word"].present() ? "WordPiece" : "WordLevel";
}

void JsonImporter::importModel(const JsonField &model) {
  if (!model.present())
    return model.expected("an object");
  std::string type = typeOfModel(model);
  if (type == "BPE")
    importBpe(model);
  else if (type == "WordPiece")
    importWordPiece(model);
  else if (type == "Unigram")
    importUnigram(model);
  else
    model["type"].report("found " + type + ", expected BPE, WordPiece or Unigram");
}

void JsonImporter::addModelToken(StringRef spelling, int32_t id, const JsonField &where) {
  TokenizerDescription::Token &token = description.at(id);
  if (token.flags)
    where.report("id " + Twine(id) + " belongs to " + quoted(token.text) + " and to " + quoted(spelling));
  token = {spelling.str(), TokenFlag::InModel | TokenFlag::Present};
  ids[spelling] = id;
}

void JsonImporter::importVocabularyObject(const JsonField &vocabulary) {
  const llvm::json::Object *object = vocabulary.object();
  if (!object)
    return;
  for (const auto &[key, value] : *object) {
    std::optional<int64_t> id = value.getAsInteger();
    if (!id || *id < 0 || *id >= TokenizerDescription::MaxTokens) {
      vocabulary[key].expected("an id from 0 to " + Twine(TokenizerDescription::MaxTokens - 1));
      return;
    }
    addModelToken(key, static_cast<int32_t>(*id), vocabulary);
  }
  if (object->empty())
    vocabulary.expected("tokens");
}

// The two halves of a merge: ["a", "b"], or "a b" in older files.
static std::optional<std::pair<StringRef, StringRef>> halvesOf(const llvm::json::Value &merge) {
  if (std::optional<StringRef> text = merge.getAsString()) {
    auto [left, right] = text->split(' ');
    if (left.empty() || right.empty() || right.contains(' '))
      return std::nullopt;
    return std::pair(left, right);
  }
  const llvm::json::Array *pair = merge.getAsArray();
  if (!pair || pair->size() != 2)
    return std::nullopt;
  std::optional<StringRef> left = (*pair)[0].getAsString(), right = (*pair)[1].getAsString();
  if (!left || !right)
    return std::nullopt;
  return std::pair(*left, *right);
}

void JsonImporter::importMerges(const JsonField &field, StringRef continuingPrefix) {
  const llvm::json::Array *list = field.array();
  if (!list)
    return;
  llvm::DenseMap<std::pair<int32_t, int32_t>, size_t> places;
  for (size_t i = 0; i < list->size() && !errors.any(); ++i) {
    auto element = [&] { return field.elements()[i]; };
    std::optional<StringRef> text = (*list)[i].getAsString();
    if (text && text->starts_with("#version"))
      continue;
    auto halves = halvesOf((*list)[i]);
    if (!halves)
      return element().expected("two tokens");
    auto [left, right] = *halves;
    StringRef rest = right;
    rest.consume_front(continuingPrefix);
    std::string joined = (left + rest).str();
    for (StringRef token : {left, right, StringRef(joined)})
      if (idOf(token) < 0)
        return element().report("token " + quoted(token) + " is not in the vocabulary");
    MergeSlot merge{idOf(left), idOf(right), static_cast<uint32_t>(description.merges.size()), idOf(joined)};
    // Of two merges with one pair the later one counts.
    auto [place, isNew] = places.try_emplace({merge.left, merge.right}, description.merges.size());
    if (isNew)
      description.merges.push_back(merge);
    else
      description.merges[place->second].rank = merge.rank;
  }
}

// The alphabet of a byte-level BPE, whose pieces need not be spelled out then.
void JsonImporter::useByteAlphabet() {
  description.byteIds.clear();
  for (uint32_t character : byteAlphabet()) {
    std::string spelling;
    appendCharacter(spelling, character);
    description.byteIds.push_back(idOf(spelling));
  }
}

void JsonImporter::useByteTokens() {
  description.byteIds = byteTokens([&](StringRef spelling) { return idOf(spelling); });
}

void JsonImporter::importBpe(const JsonField &model) {
  if (model["dropout"].present() && model["dropout"].number() != 0)
    model["dropout"].expected("null: merges left out at random are for training");
  importVocabularyObject(model["vocab"]);
  std::string prefix = model["continuing_subword_prefix"].stringOr("");
  std::string suffix = model["end_of_word_suffix"].stringOr("");
  importMerges(model["merges"], prefix);

  TokenizerStep step{StepKind::Bpe, 0, {-1}, {prefix, suffix}};
  std::vector<TokenizerStep> &before = description.preTokenizers;
  useByteAlphabet();
  bool fallsBack = model["byte_fallback"].booleanOr(false);
  bool complete = llvm::none_of(description.byteIds, [](int32_t id) { return id < 0; });
  bool isBytes = prefix.empty() && suffix.empty() && !before.empty() &&
                 before.back().kind == StepKind::MapBytesOfPieces && (complete || !fallsBack);
  if (model["fuse_unk"].booleanOr(false))
    step.flags |= BpeFlag::FuseUnknown;
  if (model["ignore_merges"].booleanOr(false))
    step.flags |= BpeFlag::WholeWords;
  if (isBytes) {
    step.flags |= BpeFlag::Bytes;
    before.pop_back();
  } else if (fallsBack) {
    step.flags |= BpeFlag::ByteFallback;
    useByteTokens();
  }
  if (model["unk_token"].present()) {
    step.integers[0] = idOf(model["unk_token"].string());
    if (step.integers[0] < 0 && !isBytes)
      model["unk_token"].expected("a token of the vocabulary");
  }
  description.model = std::move(step);
}

void JsonImporter::importWordPiece(const JsonField &model) {
  importVocabularyObject(model["vocab"]);
  int32_t unknown = idOf(model["unk_token"].string());
  if (unknown < 0)
    model["unk_token"].expected("a token of the vocabulary");
  JsonField longest = model["max_input_chars_per_word"];
  int64_t limit = longest.present() ? longest.integer(0, INT32_MAX) : 100;
  description.needsTrie = true;
  description.model = {StepKind::WordPiece,
                       0,
                       {unknown, static_cast<int32_t>(limit)},
                       {model["continuing_subword_prefix"].stringOr("##")}};
}

void JsonImporter::importUnigram(const JsonField &model) {
  const llvm::json::Array *list = model["vocab"].array();
  if (!list)
    return;
  if (list->empty() || list->size() > TokenizerDescription::MaxTokens)
    return model["vocab"].expected("1 to " + Twine(TokenizerDescription::MaxTokens) + " tokens");
  double lowest = 0;
  for (size_t id = 0; id < list->size(); ++id) {
    const llvm::json::Array *pair = (*list)[id].getAsArray();
    std::optional<StringRef> text = pair && pair->size() == 2 ? (*pair)[0].getAsString() : std::nullopt;
    std::optional<double> score = text ? (*pair)[1].getAsNumber() : std::nullopt;
    if (!score)
      return model["vocab"].elements()[id].expected("a token and its score");
    // Of two tokens with one spelling the model only ever gives the later one.
    if (int32_t earlier = idOf(*text); earlier >= 0)
      description.at(earlier).flags &= ~TokenFlag::InModel;
    addModelToken(*text, static_cast<int32_t>(id), model["vocab"]);
    description.scores.push_back(*score);
    lowest = id == 0 ? *score : std::min(lowest, *score);
  }
  constexpr double UnknownPenalty = 10; // below the worst token
  description.scores.push_back(lowest - UnknownPenalty);
  bool byteFallback = model["byte_fallback"].booleanOr(false);
  if (byteFallback)
    useByteTokens();
  int32_t unknown = -1;
  if (model["unk_id"].present())
    unknown = static_cast<int32_t>(model["unk_id"].integer(0, static_cast<int64_t>(list->size()) - 1));
  description.needsTrie = true;
  description.model = {StepKind::Unigram, byteFallback, {unknown}, {}};
}

void JsonImporter::importAdded(const JsonField &list) {
  if (!list.present())
    return;
  for (const JsonField &entry : list.elements()) {
    std::string spelling = entry["content"].string();
    auto id = static_cast<int32_t>(entry["id"].integer(0, TokenizerDescription::MaxTokens - 1));
    if (spelling.empty() || errors.any())
      continue;
    if (idOf(spelling) >= 0)
      id = idOf(spelling); // the model's own number counts
    TokenizerDescription::Token &token = description.at(id);
    if (token.flags && token.text != spelling)
      entry["id"].report("id " + Twine(id) + " belongs to " + quoted(token.text) + " and to " +
                         quoted(spelling));
    bool special = entry["special"].booleanOr(false);
    token.text = spelling;
    token.flags |= TokenFlag::Present | (special ? TokenFlag::Special : 0);
    uint32_t flags = special ? AddedFlag::Control : 0;
    if (entry["single_word"].booleanOr(false))
      flags |= AddedFlag::SingleWord;
    if (entry["lstrip"].booleanOr(false))
      flags |= AddedFlag::LeftStrip;
    if (entry["rstrip"].booleanOr(false))
      flags |= AddedFlag::RightStrip;
    if (entry["normalized"].booleanOr(!special))
      flags |= AddedFlag::Normalized;
    description.added.push_back({id, flags});
  }
  // Of tokens whose spellings come to be the same in normalised text, special ones count first.
  std::vector<AddedToken> ordered;
  for (bool special : {true, false})
    llvm::copy_if(description.added, std::back_inserter(ordered),
                  [&](const AddedToken &token) { return bool(token.flags & AddedFlag::Control) == special; });
  description.added = std::move(ordered);
}

void JsonImporter::checkSurroundings() {
  for (const std::vector<int32_t> *list : {&description.before, &description.after})
    for (int32_t id : *list)
      if (static_cast<size_t>(id) >= description.tokens.size() ||
          !description.tokens[static_cast<size_t>(id)].flags)
        root["post_processor"].report("id " + Twine(id) + " is no token");
}

void JsonImporter::checkFits(int64_t rows) {
  auto size = static_cast<int64_t>(description.tokens.size());
  if (size > rows)
    root["model"]["vocab"].report("has the id " + Twine(size - 1) + " (" +
                                  quoted(description.tokens.back().text) +
                                  "), but the model's embedding has " + Twine(rows) + " rows");
}

llvm::Expected<std::string> JsonImporter::run(std::optional<int64_t> rows) {
  importNormalizer(root["normalizer"], description.normalizers);
  importPreTokenizer(root["pre_tokenizer"], description.preTokenizers);
  importModel(root["model"]);
  if (rows)
    checkFits(*rows);
  importAdded(root["added_tokens"]);
  importPostProcessor(root["post_processor"], description);
  importDecoder(root["decoder"], description.decoders);
  if (!root["decoder"].present())
    description.decoders.push_back({StepKind::DecodeJoin, 0, {}, {}});
  checkSurroundings();
  if (errors.any())
    return errors.take();
  // Added tokens may number beyond the model's: they have scores too, which nothing reads.
  if (!description.scores.empty())
    description.scores.insert(description.scores.end() - 1,
                              description.tokens.size() + 1 - description.scores.size(), 0);
  return writeTokenizerBlob(description, errors.fileName());
}

llvm::Expected<std::string> importTokenizerJson(StringRef path, std::optional<int64_t> rows) {
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> buffer = mapFile(path);
  if (!buffer)
    return buffer.takeError();
  llvm::Expected<llvm::json::Value> value = parseJson((*buffer)->getBuffer(), path);
  if (!value)
    return value.takeError();
  return JsonImporter(*value, path).run(rows);
}

} // namespace attune
