// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the importer of tokenizer.json says about files that are wrong or ask for what it does not know.
#include "frontend/tokenizer/TokenizerImport.h"
#include "test/unit/WeightFiles.h"

namespace attune::test {

struct BadTokenizer {
  const char *name;
  const char *json;
  std::vector<llvm::StringRef> message;
};

static std::string bpeWith(const std::string &members) {
  return R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}, )" +
         members + "}";
}

class BadTokenizers : public testing::TestWithParam<BadTokenizer> {};

TEST_P(BadTokenizers, AreRefused) {
  Folder folder;
  std::string json = GetParam().json;
  std::string path = folder.write("tokenizer.json", json[0] == '"' ? bpeWith(json) : json);
  llvm::Expected<std::string> blob = importTokenizerJson(path);
  ASSERT_FALSE(bool(blob)) << "no error";
  std::string message = llvm::toString(blob.takeError());
  EXPECT_NE(message.find(path), std::string::npos) << message;
  for (llvm::StringRef text : GetParam().message)
    EXPECT_NE(message.find(text.str()), std::string::npos) << "no '" << text.str() << "' in: " << message;
}

// JSON that begins with a quotation mark is put beside a good model.
static const BadTokenizer BadFiles[] = {
    {"NoJson", "{", {}},
    {"NoObject", "[1]", {"model", "found nothing", "expected an object"}},
    {"NoModel", "{}", {"model", "found nothing", "expected an object"}},
    {"UnknownModel",
     R"({"model": {"type": "WordLevel", "vocab": {}}})",
     {"model.type", "WordLevel", "Unigram"}},
    {"ModelTypeIsNumber", R"({"model": {"type": 3}})", {"model.type", "found 3", "expected a string"}},
    {"VocabularyIsList",
     R"({"model": {"type": "BPE", "vocab": [1, 2], "merges": []}})",
     {"model.vocab", "an array of 2 elements", "expected an object"}},
    {"VocabularyIsEmpty",
     R"({"model": {"type": "BPE", "vocab": {}, "merges": []}})",
     {"model.vocab", "expected tokens"}},
    {"IdIsText",
     R"({"model": {"type": "BPE", "vocab": {"a": "x"}, "merges": []}})",
     {"model.vocab.a", "found \"x\"", "expected an id from 0"}},
    {"IdIsNegative",
     R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})",
     {"model.vocab.a", "found -1"}},
    {"IdIsHuge",
     R"({"model": {"type": "BPE", "vocab": {"a": 4294967296}, "merges": []}})",
     {"model.vocab.a", "found 4294967296"}},
    {"TwoTokensWithOneId",
     R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}})",
     {"model.vocab", "id 0", "'a'", "'b'"}},
    {"NoMerges",
     R"({"model": {"type": "BPE", "vocab": {"a": 0}}})",
     {"model.merges", "found nothing", "an array"}},
    {"MergeOfUnknownToken",
     R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "q"]]}})",
     {"model.merges[0]", "'q' is not in the vocabulary"}},
    {"MergeGivesUnknownToken",
     R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}})",
     {"model.merges[0]", "'ab' is not in the vocabulary"}},
    {"MergeOfThree",
     R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a", "a"]]}})",
     {"model.merges[0]", "an array of 3 elements", "expected two tokens"}},
    {"UnknownTokenIsMissing",
     R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "<unk>"}})",
     {"model.unk_token", "found \"<unk>\"", "expected a token of the vocabulary"}},
    {"Dropout",
     R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}})",
     {"model.dropout", "0.1"}},
    {"WordPieceWithoutUnknown",
     R"({"model": {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "[UNK]"}})",
     {"model.unk_token", "[UNK]"}},
    {"UnigramIsObject",
     R"({"model": {"type": "Unigram", "vocab": {"a": 0}}})",
     {"model.vocab", "expected an array"}},
    {"UnigramWithoutScore",
     R"({"model": {"type": "Unigram", "vocab": [["a", 0], ["b"]]}})",
     {"model.vocab[1]", "a token and its score"}},
    {"UnigramUnknownOutside",
     R"({"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 1}})",
     {"model.unk_id", "found 1", "from 0 to 0"}},
    {"UnknownNormalizer",
     R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Rot13"}]})",
     {"normalizer.normalizers[1].type", "Rot13", "expected NFC"}},
    {"ReplaceNothing",
     R"("normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"})",
     {"normalizer.pattern.String", "not empty"}},
    {"BadExpression",
     R"("normalizer": {"type": "Replace", "pattern": {"Regex": "a(b"}, "content": "x"})",
     {"normalizer.pattern.Regex", "a(b"}},
    {"NoBase64",
     R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": "%%%"})",
     {"normalizer.precompiled_charsmap"}},
    {"ShortCharacterMap",
     R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"})",
     {"normalizer.precompiled_charsmap", "character map"}},
    {"UnknownPreTokenizer",
     R"("pre_tokenizer": {"type": "UnicodeScripts"})",
     {"pre_tokenizer.type", "UnicodeScripts"}},
    {"UnknownBehavior",
     R"("pre_tokenizer": {"type": "Punctuation", "behavior": "Eaten"})",
     {"pre_tokenizer.behavior", "Eaten", "Isolated"}},
    {"UnknownScheme",
     R"("pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "often"})",
     {"pre_tokenizer.prepend_scheme", "often"}},
    {"UnknownDecoder", R"("decoder": {"type": "CTC"})", {"decoder.type", "CTC", "expected ByteLevel"}},
    {"DecoderBehindFuse",
     R"("decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "WordPiece"}]})",
     {"decoder.decoders[1].type", "WordPiece", "not supported"}},
    {"UnknownProcessor", R"("post_processor": {"type": "Magic"})", {"post_processor.type", "Magic"}},
    {"TemplateWithoutText",
     R"("post_processor": {"type": "TemplateProcessing", "single": [], "special_tokens": {}})",
     {"post_processor.single", "0 Sequence"}},
    {"TemplateIdOutside",
     R"("post_processor": {"type": "BertProcessing", "sep": ["a", 0], "cls": ["z", 77]})",
     {"post_processor", "id 77 is no token"}},
    {"AddedWithTakenId",
     R"("added_tokens": [{"id": 1, "content": "<s>"}])",
     {"added_tokens[0].id", "'b'", "'<s>'"}},
    {"AddedWithoutContent",
     R"("added_tokens": [{"id": 5}])",
     {"added_tokens[0].content", "expected a string"}},
    {"FlagIsNumber",
     R"("added_tokens": [{"id": 5, "content": "<s>", "special": 1}])",
     {"added_tokens[0].special", "found 1", "true or false"}},
};

INSTANTIATE_TEST_SUITE_P(Files, BadTokenizers, testing::ValuesIn(BadFiles),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(TokenizerImport, MissingFileIsNamed) {
  expectError(importTokenizerJson("/nowhere/t.json"), {"/nowhere/t.json"});
}

TEST(TokenizerImport, DeepNestingIsRefused) {
  Folder folder;
  std::string path = folder.write("tokenizer.json", std::string(1000000, '['));
  expectError(importTokenizerJson(path), {path, "deep"});
}

TEST(TokenizerImport, EveryCutIsAnError) {
  Folder folder;
  std::string json =
      bpeWith(R"("added_tokens": [{"id": 3, "content": "<s>"}], "decoder": {"type": "ByteLevel"})");
  EXPECT_TRUE(valueOf(importTokenizerJson(folder.write("whole.json", json))));
  for (size_t length = 0; length < json.size(); ++length)
    expectError(importTokenizerJson(folder.write("cut.json", json.substr(0, length))), {"cut.json"});
}

} // namespace attune::test
