// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A message is a row of fields: a number (field << 3 | wire type), then a varint (wire type 0), 8 bytes (1),
// a length and so many bytes (2) or 4 bytes (5). Unknown fields are passed over.
#include "frontend/tokenizer/SentencePieceModel.h"

#include "frontend/tokenizer/TokenizerBlob.h"
#include "frontend/weights/MappedFile.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Endian.h"

#include <cmath>

namespace attune {

using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

namespace {

enum Wire : unsigned { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

// Goes through one message. The first thing that is wrong is kept, and ends every loop.
class Message {
public:
  Message(StringRef file, StringRef whole, StringRef bytes, std::string name, std::string &problem)
      : file(file), whole(whole), rest(bytes), name(std::move(name)), problem(problem) {}

  // Goes to the next field.
  bool next();
  unsigned field = 0;

  uint64_t number() { return expect(Varint) ? value : 0; }
  bool flag() { return number() != 0; }
  float real() { return expect(Fixed32) ? llvm::bit_cast<float>(static_cast<uint32_t>(value)) : 0; }
  StringRef bytes() { return expect(Bytes) ? payload : StringRef(); }
  Message message(const Twine &inner) { return {file, whole, bytes(), (name + "." + inner).str(), problem}; }

  void fail(const Twine &text) {
    if (problem.empty())
      problem = (name + (field ? " field " + Twine(field) : Twine("")) + ": " + text).str();
  }

private:
  bool expect(Wire type) {
    if (wire == type)
      return true;
    fail("found wire type " + Twine(wire) + ", expected " + Twine(static_cast<unsigned>(type)));
    return false;
  }
  bool take(size_t size, StringRef &out) {
    if (size > rest.size()) {
      fail("needs " + Twine(size) + " bytes at byte " + Twine(rest.data() - whole.data()) +
           ", but its message ends " + Twine(rest.size()) + " bytes later");
      return false;
    }
    out = rest.take_front(size);
    rest = rest.drop_front(size);
    return true;
  }
  bool varint(uint64_t &out);

  StringRef file, whole, rest;
  std::string name;
  std::string &problem;
  unsigned wire = 0;
  uint64_t value = 0;
  StringRef payload;
};

} // namespace

bool Message::varint(uint64_t &out) {
  out = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    StringRef byte;
    if (!take(1, byte))
      return false;
    auto bits = static_cast<unsigned char>(byte[0]);
    out |= static_cast<uint64_t>(bits & 127) << shift;
    if (bits < 128)
      return true;
  }
  fail("a number of more than 10 bytes at byte " + Twine(rest.data() - whole.data()));
  return false;
}

bool Message::next() {
  field = 0;
  uint64_t tag = 0;
  if (!problem.empty() || rest.empty() || !varint(tag))
    return false;
  wire = tag & 7;
  field = static_cast<unsigned>(std::min<uint64_t>(tag >> 3, UINT32_MAX));
  switch (wire) {
  case Varint:
    return varint(value);
  case Fixed64:
    return take(8, payload);
  case Fixed32:
    if (!take(4, payload))
      return false;
    value = llvm::support::endian::read32le(payload.data());
    return true;
  case Bytes: {
    uint64_t size = 0;
    return varint(size) && take(std::min<uint64_t>(size, SIZE_MAX), payload);
  }
  default:
    fail("unknown wire type " + Twine(wire) + " before byte " + Twine(rest.data() - whole.data()) +
         "; expected a SentencePiece model");
    return false;
  }
}

static SentencePieceModel::Piece readPiece(Message message) {
  SentencePieceModel::Piece piece;
  while (message.next()) {
    if (message.field == 1) {
      piece.text = message.bytes().str();
    } else if (message.field == 2) {
      piece.score = message.real();
    } else if (message.field == 3) {
      uint64_t type = message.number();
      if (type < 1 || type > 6)
        message.fail("found type " + Twine(type) + ", expected 1 to 6");
      piece.type = static_cast<SentencePieceModel::PieceType>(type);
    }
  }
  message.field = 0;
  if (piece.text.empty() || !tokenizer::isValidUtf8(piece.text))
    message.fail("its spelling is " + quoted(piece.text) + ", expected UTF-8 that is not empty");
  if (!std::isfinite(piece.score))
    message.fail("its score is no finite number");
  return piece;
}

static void readTrainer(Message message, SentencePieceModel &model) {
  while (message.next()) {
    if (message.field == 3) {
      uint64_t kind = message.number();
      if (kind != 1 && kind != 2)
        message.fail("model_type is " + Twine(kind) + ", expected 1 (unigram) or 2 (bpe)");
      model.kind = static_cast<SentencePieceModel::Kind>(kind);
    } else if (message.field == 24 && message.flag()) {
      message.fail("treat_whitespace_as_suffix is true, expected false");
    } else if (message.field == 35) {
      model.byteFallback = message.flag();
    }
  }
}

static void readNormalizer(Message message, SentencePieceModel &model) {
  while (message.next()) {
    if (message.field == 2)
      model.characterMap = message.bytes().str();
    else if (message.field == 3)
      model.addsPrefix = message.flag();
    else if (message.field == 4)
      model.removesExtraWhitespace = message.flag();
    else if (message.field == 5 && !message.flag())
      message.fail("escape_whitespaces is false, expected true");
  }
}

// Rules that hold for all pieces together.
static std::string checkPieces(SentencePieceModel &model) {
  llvm::StringMap<size_t> ids;
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const SentencePieceModel::Piece &piece = model.pieces[id];
    auto [earlier, isNew] = ids.try_emplace(piece.text, id);
    if (!isNew)
      return ("pieces " + Twine(earlier->second) + " and " + Twine(id) + " are both " + quoted(piece.text))
          .str();
    if (piece.type != SentencePieceModel::PieceType::Unknown)
      continue;
    if (model.unknown >= 0)
      return ("pieces " + Twine(model.unknown) + " and " + Twine(id) +
              " both stand for what is unknown, expected one")
          .str();
    model.unknown = static_cast<int32_t>(id);
  }
  if (model.unknown < 0)
    return ("has " + Twine(model.pieces.size()) + " pieces, none for what is unknown (type 2); expected one")
        .str();
  return "";
}

llvm::Expected<SentencePieceModel> SentencePieceModel::open(StringRef path) {
  auto mapping = mapFile(path);
  if (!mapping)
    return mapping.takeError();
  StringRef bytes = (*mapping)->getBuffer();
  SentencePieceModel model;
  std::string problem;
  Message message(path, bytes, bytes, "ModelProto", problem);
  while (message.next()) {
    if (message.field == 1) {
      if (model.pieces.size() == TokenizerDescription::MaxTokens)
        message.fail("more than " + Twine(TokenizerDescription::MaxTokens) + " pieces");
      model.pieces.push_back(readPiece(message.message("pieces[" + Twine(model.pieces.size()) + "]")));
    } else if (message.field == 2) {
      readTrainer(message.message("trainer_spec"), model);
    } else if (message.field == 3) {
      readNormalizer(message.message("normalizer_spec"), model);
    }
  }
  if (problem.empty())
    problem = checkPieces(model);
  if (!problem.empty())
    return fileError(path, problem);
  return model;
}

} // namespace attune
