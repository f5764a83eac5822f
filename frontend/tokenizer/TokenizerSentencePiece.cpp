// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// T5's spiece.model and Llama's tokenizer.model, whose pieces have the model's own numbers, with the settings
// of Hugging Face's files beside them.
#include "frontend/tokenizer/SentencePieceImport.h"
#include "frontend/tokenizer/TokenizerImport.h"
#include "frontend/weights/MappedFile.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"

namespace attune {

using namespace tokenizer;
using llvm::StringRef;
using llvm::Twine;
using PieceType = SentencePieceModel::PieceType;

namespace {

class SentencePieceImporter {
public:
  SentencePieceImporter(StringRef path, const SentencePieceModel &model, const llvm::json::Value &config,
                        const llvm::json::Value &added)
      : path(path), model(model), folder(llvm::sys::path::parent_path(path).str()),
        errors(folder + "/tokenizer_config.json"), settings(&config, "", errors),
        addedErrors(folder + "/added_tokens.json"), addedTokens(&added, "", addedErrors) {}

  llvm::Expected<std::string> run();

private:
  void addModelTokens();
  void addExtraIds(int64_t count);
  void addToken(StringRef spelling, int32_t id, bool special, uint32_t flags, const JsonField &where);
  void addListedTokens();
  void addOlderTokens();
  void surround(StringRef flag, bool preset, StringRef key, StringRef usual, std::vector<int32_t> &list);

  StringRef path;
  const SentencePieceModel &model;
  std::string folder;
  JsonErrors errors;
  JsonField settings;
  JsonErrors addedErrors;
  JsonField addedTokens;
  TokenizerDescription description;
  llvm::StringMap<int32_t> ids;
};

} // namespace

// The pieces; those that stand for no text are looked for in texts as they are spelled.
void SentencePieceImporter::addModelTokens() {
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    auto id = static_cast<int32_t>(i);
    PieceType type = model.pieces[i].type;
    description.at(id) = {model.pieces[i].text, TokenFlag::Present};
    ids[model.pieces[i].text] = id;
    if (type == PieceType::Control || type == PieceType::Unknown) {
      description.tokens[i].flags |= TokenFlag::Special;
      description.added.push_back({id, AddedFlag::Control});
    } else if (type == PieceType::UserDefined) {
      description.added.push_back({id, AddedFlag::Normalized | AddedFlag::AsSpelled});
    }
  }
  addPieces(model, [](size_t piece) { return static_cast<int32_t>(piece); }, description);
}

void SentencePieceImporter::addToken(StringRef spelling, int32_t id, bool special, uint32_t flags,
                                     const JsonField &where) {
  if (spelling.empty())
    return where.report("a token without a spelling");
  if (auto known = ids.find(spelling); known != ids.end())
    id = known->second; // the model's own number counts
  TokenizerDescription::Token &token = description.at(id);
  if (token.flags && token.text != spelling)
    return where.report("id " + Twine(id) + " belongs to " + quoted(token.text) + " and to " +
                        quoted(spelling));
  token.text = spelling.str();
  token.flags |= TokenFlag::Present | (special ? TokenFlag::Special : 0);
  ids[spelling] = id;
  llvm::erase_if(description.added, [&](const AddedToken &earlier) { return earlier.id == id; });
  description.added.push_back({id, flags | (special ? AddedFlag::Control : 0)});
}

// T5's tokens that mark gaps, numbered backwards.
void SentencePieceImporter::addExtraIds(int64_t count) {
  auto first = static_cast<int32_t>(description.tokens.size());
  for (int64_t i = 0; i < count; ++i)
    addToken("<extra_id_" + std::to_string(count - 1 - i) + ">", first + static_cast<int32_t>(i),
             /*special=*/true, 0, settings["extra_ids"]);
}

// `added_tokens_decoder`: numbers to tokens.
void SentencePieceImporter::addListedTokens() {
  JsonField list = settings["added_tokens_decoder"];
  const llvm::json::Object *tokens = list.present() ? list.object() : nullptr;
  for (const auto &[key, value] : tokens ? *tokens : llvm::json::Object()) {
    JsonField token = list[key];
    int32_t id = -1;
    if (StringRef(key).getAsInteger(10, id) || id < 0 || id >= TokenizerDescription::MaxTokens)
      return token.report("its key is no number from 0 to " + Twine(TokenizerDescription::MaxTokens - 1));
    uint32_t flags = 0;
    for (auto [name, flag] : {std::pair("single_word", AddedFlag::SingleWord),
                              {"lstrip", AddedFlag::LeftStrip},
                              {"rstrip", AddedFlag::RightStrip}})
      if (token[name].booleanOr(false))
        flags |= flag;
    addToken(token["content"].string(), id, token["special"].booleanOr(false), flags, token);
  }
}

// added_tokens.json of older folders: tokens to numbers.
void SentencePieceImporter::addOlderTokens() {
  const llvm::json::Object *tokens = addedTokens.object();
  for (const auto &[key, value] : tokens ? *tokens : llvm::json::Object())
    addToken(key, static_cast<int32_t>(addedTokens[key].integer(0, TokenizerDescription::MaxTokens - 1)),
             /*special=*/false, 0, addedTokens[key]);
}

// Puts the token that `key` names on the list, if the flag asks for one.
void SentencePieceImporter::surround(StringRef flag, bool preset, StringRef key, StringRef usual,
                                     std::vector<int32_t> &list) {
  if (!settings[flag].booleanOr(preset))
    return;
  JsonField token = settings[key];
  std::string spelling = token["content"].present() ? token["content"].string() : token.stringOr(usual);
  auto found = ids.find(spelling);
  if (found == ids.end())
    token.report("is " + quoted(spelling) + ", expected a token of " + llvm::sys::path::filename(path) +
                 " (added to each text)");
  else
    list.push_back(found->second);
}

llvm::Expected<std::string> SentencePieceImporter::run() {
  bool isT5 = llvm::sys::path::filename(path) == "spiece.model";
  addModelTokens();
  if (isT5)
    addExtraIds(settings["extra_ids"].present() ? settings["extra_ids"].integer(0, 10000) : 100);
  addListedTokens();
  addOlderTokens();
  surround("add_bos_token", !isT5, "bos_token", "<s>", description.before);
  surround("add_eos_token", isT5, "eos_token", "</s>", description.after);
  setSteps(model, model.unknown, settings["legacy"].booleanOr(true), description);
  for (JsonErrors *list : {&errors, &addedErrors})
    if (list->any())
      return list->take();
  // Tokens that were added after the pieces have scores too, which nothing reads.
  description.scores.insert(description.scores.end() - 1,
                            description.tokens.size() + 1 - description.scores.size(), 0);
  return writeTokenizerBlob(description, path);
}

llvm::Expected<std::string> importTokenizerSentencePiece(StringRef path) {
  llvm::Expected<SentencePieceModel> model = SentencePieceModel::open(path);
  if (!model)
    return model.takeError();
  auto settings = readBeside(path, "tokenizer_config.json", /*needed=*/false);
  if (!settings)
    return settings.takeError();
  auto added = readBeside(path, "added_tokens.json", /*needed=*/false);
  if (!added)
    return added.takeError();
  return SentencePieceImporter(path, *model, *settings, *added).run();
}

} // namespace attune
