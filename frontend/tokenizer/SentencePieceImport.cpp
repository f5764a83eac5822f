// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/SentencePieceImport.h"

#include "frontend/weights/JsonText.h"
#include "frontend/weights/MappedFile.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace attune {

using namespace tokenizer;
using llvm::StringRef;
using Kind = SentencePieceModel::Kind;
using PieceType = SentencePieceModel::PieceType;

static constexpr const char *Block = "\u2581"; // stands for a space

llvm::Expected<llvm::json::Value> readBeside(StringRef path, StringRef name, bool needed) {
  llvm::SmallString<256> other(llvm::sys::path::parent_path(path));
  llvm::sys::path::append(other, name);
  if (!needed && !llvm::sys::fs::exists(other))
    return llvm::json::Value(llvm::json::Object());
  auto buffer = mapFile(other);
  if (!buffer)
    return buffer.takeError();
  return parseJson((*buffer)->getBuffer(), other);
}

void addPieces(const SentencePieceModel &model, llvm::function_ref<int32_t(size_t)> idOf,
               TokenizerDescription &description) {
  std::optional<float> lowest;
  std::vector<std::pair<int32_t, float>> scores;
  llvm::StringMap<int32_t> bytes;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const SentencePieceModel::Piece &piece = model.pieces[i];
    int32_t id = idOf(i);
    TokenizerDescription::Token &token = description.at(id);
    if (!token.flags)
      token.text = piece.text;
    scores.push_back({id, piece.score});
    if (piece.type == PieceType::Byte)
      bytes[piece.text] = id;
    if (piece.type != PieceType::Normal)
      continue;
    token.flags |= TokenFlag::InModel;
    lowest = std::min(lowest.value_or(piece.score), piece.score);
  }
  constexpr float UnknownPenalty = 10; // below the worst piece
  description.scores.assign(description.tokens.size() + 1, 0);
  for (auto [id, score] : scores)
    description.scores[static_cast<size_t>(id)] = score;
  description.scores.back() = lowest.value_or(0) - UnknownPenalty;
  description.byteIds = byteTokens([&](StringRef spelling) {
    auto found = bytes.find(spelling);
    return found == bytes.end() ? -1 : found->second;
  });
}

static void setNormalizers(const SentencePieceModel &model, bool prefixesAll,
                           std::vector<TokenizerStep> &normalizers) {
  if (!model.characterMap.empty())
    normalizers.push_back({StepKind::Precompiled, PrecompiledFlag::Longest, {}, {model.characterMap}});
  auto replace = [&](std::string expression, const char *by) {
    normalizers.push_back({StepKind::ReplaceRegex, 0, {}, {std::move(expression), by}});
  };
  bool strips = model.removesExtraWhitespace;
  if (strips && prefixesAll)
    replace(R"(\A +)", "");
  if (strips)
    replace(" {2,}", " ");
  if (model.addsPrefix && prefixesAll)
    normalizers.push_back({StepKind::Prepend, 0, {}, {Block}});
  normalizers.push_back({StepKind::ReplaceString, 0, {}, {" ", Block}});
  if (strips) // which at the end takes the sign for a space as one
    replace("(?:" + std::string(Block) + R"()+\z)", "");
}

void setSteps(const SentencePieceModel &model, int32_t unknown, bool prefixesAll,
              TokenizerDescription &description) {
  setNormalizers(model, prefixesAll, description.normalizers);
  bool unigram = model.kind == Kind::Unigram;
  if (model.addsPrefix && !prefixesAll)
    description.preTokenizers.push_back(
        {StepKind::Metaspace, 0, {static_cast<int32_t>(PrependScheme::First)}, {Block}});
  bool hasBytes = model.byteFallback && llvm::none_of(description.byteIds, [](int32_t id) { return id < 0; });
  if (unigram)
    description.model = {
        StepKind::Unigram, UnigramFlag::Floats | (hasBytes ? UnigramFlag::ByteFallback : 0), {unknown}, {}};
  else
    description.model = {StepKind::Bpe,
                         BpeFlag::ByScore | BpeFlag::FuseUnknown | (hasBytes ? BpeFlag::ByteFallback : 0),
                         {unknown},
                         {"", ""}};
  description.needsTrie = unigram;

  description.decoders = {{StepKind::DecodeReplace, 0, {}, {Block, " "}},
                          {StepKind::DecodeByteFallback, 0, {}, {}},
                          {StepKind::DecodeFuse, 0, {}, {}}};
  if (model.addsPrefix || model.removesExtraWhitespace)
    description.decoders.push_back(
        {StepKind::DecodeStrip, 0, {model.removesExtraWhitespace ? INT32_MAX : 1, 0}, {" "}});
}

} // namespace attune
