// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Marian's folders (OPUS-MT): source.spm cuts a text, vocab.json numbers the pieces of both languages. A
// piece without a number is unknown, and an unknown text that has one is not. target.spm is not needed: the
// way back is to join pieces.
#include "frontend/tokenizer/SentencePieceImport.h"
#include "frontend/tokenizer/TokenizerImport.h"
#include "frontend/weights/MappedFile.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Path.h"

namespace attune {

using namespace tokenizer;
using llvm::StringRef;
using llvm::Twine;

namespace {

class MarianImporter {
public:
  MarianImporter(StringRef path, const SentencePieceModel &model, const llvm::json::Value &vocabulary)
      : path(path), model(model), errors((llvm::sys::path::parent_path(path) + "/vocab.json").str()),
        root(&vocabulary, "", errors) {}

  llvm::Expected<std::string> run();

private:
  void addVocabulary();
  int32_t special(StringRef spelling);
  void addPiecesBeyond();

  StringRef path;
  const SentencePieceModel &model;
  JsonErrors errors;
  JsonField root;
  TokenizerDescription description;
  llvm::StringMap<int32_t> ids;
};

} // namespace

void MarianImporter::addVocabulary() {
  const llvm::json::Object *object = root.object();
  for (const auto &[key, value] : object ? *object : llvm::json::Object()) {
    JsonField field = root[key];
    auto id = static_cast<int32_t>(field.integer(0, TokenizerDescription::MaxTokens - 1));
    TokenizerDescription::Token &token = description.at(id);
    if (token.flags)
      field.report("id " + Twine(id) + " belongs to " + quoted(token.text) + " and to " + quoted(key));
    token = {StringRef(key).str(), TokenFlag::Present};
    ids[key] = id;
    // The language to translate into: ">>fra<< A text".
    if (StringRef(key).starts_with(">>") && StringRef(key).ends_with("<<"))
      description.added.push_back({id, AddedFlag::AtStart});
    if (errors.any())
      return;
  }
}

int32_t MarianImporter::special(StringRef spelling) {
  auto found = ids.find(spelling);
  if (found == ids.end()) {
    root[spelling].expected("a token of that name");
    return 0;
  }
  description.at(found->second).flags |= TokenFlag::Special;
  description.added.push_back({found->second, AddedFlag::Control});
  return found->second;
}

llvm::Expected<std::string> MarianImporter::run() {
  addVocabulary();
  int32_t end = special("</s>"), unknown = special("<unk>");
  special("<pad>");
  if (errors.any())
    return errors.take();
  auto numbered = static_cast<int32_t>(description.tokens.size()), next = numbered;
  if (model.pieces.size() > static_cast<size_t>(TokenizerDescription::MaxTokens - numbered))
    return fileError(path, "has " + Twine(model.pieces.size()) + " pieces beside " + Twine(numbered) +
                               " tokens of vocab.json, expected fewer than " +
                               Twine(TokenizerDescription::MaxTokens) + " together");
  addPieces(
      model,
      [&](size_t piece) {
        auto found = ids.find(model.pieces[piece].text);
        return found == ids.end() ? next++ : found->second;
      },
      description);
  setSteps(model, unknown, /*prefixesAll=*/true, description);
  if (description.model.kind != StepKind::Unigram)
    return fileError(path, "is a model of kind bpe, expected unigram");
  description.model.flags |= UnigramFlag::AnyToken;
  description.model.integers.push_back(numbered);
  description.after = {end};
  description.decoders.push_back({StepKind::DecodeStrip, 0, {INT32_MAX, INT32_MAX}, {" "}});
  return writeTokenizerBlob(description, path);
}

llvm::Expected<std::string> importTokenizerMarian(StringRef path) {
  llvm::Expected<SentencePieceModel> model = SentencePieceModel::open(path);
  if (!model)
    return model.takeError();
  llvm::Expected<llvm::json::Value> vocabulary = readBeside(path, "vocab.json", /*needed=*/true);
  if (!vocabulary)
    return vocabulary.takeError();
  return MarianImporter(path, *model, *vocabulary).run();
}

} // namespace attune
