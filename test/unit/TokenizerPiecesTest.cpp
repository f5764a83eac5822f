// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Model files of SentencePiece that are wrong, and the settings beside them.
#include "frontend/tokenizer/SentencePieceModel.h"
#include "test/unit/TokenizerTestFiles.h"
#include "test/unit/WeightFiles.h"

namespace attune::test {

namespace {

std::string number(uint64_t value) {
  std::string bytes;
  for (; value > 127; value >>= 7)
    bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}
std::string varint(unsigned field, uint64_t value) { return number(field << 3) + number(value); }
std::string real(unsigned field, float value) { return number(field << 3 | 5) + little(value); }
std::string bytes(unsigned field, const std::string &value) {
  return number(field << 3 | 2) + number(value.size()) + value;
}
std::string piece(const std::string &text, float score, unsigned type = 1) {
  return bytes(1, bytes(1, text) + real(2, score) + varint(3, type));
}
std::string trainer(const std::string &fields) { return bytes(2, fields); }
std::string normalizer(const std::string &fields) { return bytes(3, fields); }

const std::string Unknown = piece("<unk>", 0, 2);
const std::string Good = Unknown + piece("<s>", 0, 3) + piece("</s>", 0, 3) + piece("▁", -2) +
                         piece("▁a", -3) + piece("b", -4) + piece("ab", -3.5);

TEST(SentencePieceModel, ReadsWhatDecides) {
  Folder folder;
  auto model = valueOf(SentencePieceModel::open(folder.write(
      "m", Good + trainer(varint(3, 2) + varint(4, 8000) + varint(35, 1)) +
               normalizer(bytes(1, "identity") + bytes(2, "map") + varint(3, 0) + varint(4, 0)) +
               bytes(4, "tests") + bytes(200, "an extension") + number(17 << 3 | 1) + "12345678")));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->pieces.size(), 7u);
  EXPECT_EQ(model->pieces[6].text, "ab");
  EXPECT_EQ(model->pieces[6].score, -3.5f);
  EXPECT_EQ(model->pieces[1].type, SentencePieceModel::PieceType::Control);
  EXPECT_EQ(model->unknown, 0);
  EXPECT_EQ(model->kind, SentencePieceModel::Kind::Bpe);
  EXPECT_TRUE(model->byteFallback);
  EXPECT_FALSE(model->addsPrefix || model->removesExtraWhitespace);
  EXPECT_EQ(model->characterMap, "map");
}

TEST(SentencePieceModel, WhatIsWrongIsNamed) {
  Folder folder;
  auto refuses = [&](const std::string &content, llvm::StringRef text) {
    SCOPED_TRACE(text.str());
    expectError(SentencePieceModel::open(folder.write("m", content)), {folder.path("m") + ": ", text});
  };
  refuses("", "has 0 pieces, none for what is unknown (type 2); expected one");
  refuses(piece("a", 0), "has 1 pieces, none for what is unknown");
  refuses(Unknown + piece("?", 0, 2), "pieces 0 and 1 both stand for what is unknown, expected one");
  refuses(Unknown + piece("a", 0) + piece("a", 1), "pieces 1 and 2 are both 'a'");
  refuses(Unknown + piece("", 0),
          "ModelProto.pieces[1]: its spelling is '', expected UTF-8 that is not empty");
  refuses(Unknown + piece("\xff", 0), "ModelProto.pieces[1]: its spelling is '\\FF'");
  refuses(Unknown + piece("a", std::numeric_limits<float>::infinity()),
          "ModelProto.pieces[1]: its score is no finite number");
  refuses(piece("a", 0, 7), "ModelProto.pieces[0] field 3: found type 7, expected 1 to 6");
  refuses(bytes(1, varint(1, 5)), "ModelProto.pieces[0] field 1: found wire type 0, expected 2");
  refuses(varint(1, 5), "ModelProto field 1: found wire type 0, expected 2");
  refuses(bytes(1, number(1 << 3 | 2) + number(100) + "abc"),
          "ModelProto.pieces[0] field 1: needs 100 bytes at byte 4, but its message ends 3 bytes later");
  refuses(number(2 << 3 | 2) + number(~0ull),
          "ModelProto field 2: needs 18446744073709551615 bytes at byte 11");
  refuses(std::string(20, '\xff'), "a number of more than 10 bytes");
  refuses("PK\3\4",
          "ModelProto: unknown wire type 3 before byte 3; expected a SentencePiece model"); // a zip file, as
                                                                                            // PyTorch's are
  refuses(Good + trainer(varint(3, 3)),
          "ModelProto.trainer_spec field 3: model_type is 3, expected 1 (unigram) or 2 (bpe)");
  refuses(Good + trainer(varint(24, 1)), "treat_whitespace_as_suffix is true, expected false");
  refuses(Good + normalizer(varint(5, 0)), "escape_whitespaces is false, expected true");
}

TEST(SentencePieceModel, EveryCutAndEveryFlippedByteIsSafe) {
  Folder folder;
  std::string good = Good + trainer(varint(3, 2)) + normalizer(varint(3, 0));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= "\x01\x80\x7f"[i % 3];
    for (const std::string &content : {good.substr(0, i), bad})
      llvm::consumeError(importTokenizerSentencePiece(folder.write("tokenizer.model", content)).takeError());
  }
}

TEST(SentencePieceTokenizer, SettingsBesideIt) {
  Folder folder;
  std::string path = folder.write("tokenizer.model", Good + trainer(varint(3, 2)));
  auto idsOf = [&](llvm::StringRef text) {
    auto blob = valueOf(importTokenizerSentencePiece(path));
    return blob ? LoadedTokenizer(*blob)->encode(text.str(), true) : std::vector<int32_t>();
  };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(idsOf("a b"), (Ids{1, 4, 3, 5}));
  folder.write("tokenizer_config.json",
               R"({"add_bos_token": false, "add_eos_token": true, "eos_token": {"content": "<end>"},
                   "added_tokens_decoder": {"7": {"content": "<end>", "special": true, "lstrip": true}}})");
  EXPECT_EQ(idsOf("a  <end>b"), (Ids{4, 7, 3, 5, 7}));
  folder.write("tokenizer_config.json", R"({"legacy": false})");
  EXPECT_EQ(idsOf("a</s>b"), (Ids{1, 4, 2, 5})); // no space in front of the second stretch
  folder.write("added_tokens.json", R"({"<pad>": 7})");
  EXPECT_EQ(idsOf("<pad>a"), (Ids{1, 7, 0}));
  auto refuses = [&](llvm::StringRef file, llvm::StringRef content, llvm::StringRef error) {
    folder.write(file, content);
    expectError(importTokenizerSentencePiece(path), {folder.path(file) + ": ", error});
    folder.write(file, "{}");
  };
  refuses("added_tokens.json", R"({"<pad>": 5})", "<pad>: id 5 belongs to 'b' and to '<pad>'");
  refuses("added_tokens.json", R"({"<pad>": -1})", "<pad>: found -1, expected an integer from 0");
  refuses("added_tokens.json", "[]", "found an array of 0 elements, expected an object");
  refuses("tokenizer_config.json", R"({"bos_token": "<begin>"})",
          "bos_token: is '<begin>', expected a token of tokenizer.model");
  refuses("tokenizer_config.json", R"({"add_bos_token": 1})",
          "add_bos_token: found 1, expected true or false");
  refuses("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "a"}}})",
          "added_tokens_decoder.x: its key is no number");
  refuses("tokenizer_config.json", R"({"added_tokens_decoder": {"9": {}}})",
          "added_tokens_decoder.9.content: found nothing, expected a string");
}

TEST(SentencePieceTokenizer, T5MarksGaps) {
  Folder folder;
  std::string path = folder.write("spiece.model", Good);
  auto encode = [&](llvm::StringRef text) {
    auto blob = valueOf(importTokenizerSentencePiece(path));
    return blob ? LoadedTokenizer(*blob)->encode(text.str(), true) : std::vector<int32_t>();
  };
  EXPECT_EQ(encode("<extra_id_0>"), (std::vector<int32_t>{106, 2}));
  folder.write("tokenizer_config.json", R"({"extra_ids": 3})");
  EXPECT_EQ(encode("<extra_id_2> a"), (std::vector<int32_t>{7, 4, 2}));
  folder.write("tokenizer_config.json", R"({"extra_ids": -1})");
  expectError(importTokenizerSentencePiece(path), {"extra_ids: found -1, expected an integer from 0"});
}

TEST(MarianTokenizer, NumbersOfItsVocabulary) {
  Folder folder;
  std::string path = folder.write("source.spm", Good);
  auto refuses = [&](llvm::StringRef content, llvm::StringRef error) {
    folder.write("vocab.json", content);
    expectError(importTokenizerMarian(path), {folder.path("vocab.json") + ": ", error});
  };
  expectError(importTokenizerMarian(path), {folder.path("vocab.json")}); // there is none
  refuses("[]", "found an array of 0 elements, expected an object");
  refuses(R"({"</s>": 0, "<pad>": 1})", "<unk>: found nothing, expected a token of that name");
  refuses(R"({"</s>": 0, "<unk>": 1, "<pad>": -2})", "<pad>: found -2, expected an integer from 0");
  refuses(R"({"</s>": 0, "<unk>": 0, "<pad>": 1})", "id 0 belongs to '");
  folder.write("vocab.json", R"({"</s>": 0, "<unk>": 1, "▁a": 2, "c": 3, "▁": 4, ">>x<<": 5, "<pad>": 9})");
  auto blob = valueOf(importTokenizerMarian(path));
  ASSERT_TRUE(blob);
  LoadedTokenizer tokenizer(*blob);
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(tokenizer->encode("a b", true), (Ids{2, 4, 1, 0}));       // "b" has no number
  EXPECT_EQ(tokenizer->encode("abbcdc", true), (Ids{4, 1, 1, 1, 0})); // nor have "ab" and "cdc"
  EXPECT_EQ(tokenizer->encode("bc", true), (Ids{4, 1, 3, 0}));        // "c" has one, though no piece is so
  EXPECT_EQ(tokenizer->encode(">>x<< a", true), (Ids{5, 2, 0}));      // before the text's own space
  EXPECT_EQ(tokenizer->vocabularySize(), 10);
  folder.write("source.spm", Good + trainer(varint(3, 2)));
  expectError(importTokenizerMarian(path), {path + ": is a model of kind bpe, expected unigram"});
}

} // namespace

} // namespace attune::test
