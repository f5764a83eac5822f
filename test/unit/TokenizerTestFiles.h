// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of tokenizers share: recorded cases and blobs in memory.
#pragma once

#include "frontend/tokenizer/TokenizerImport.h"
#include "frontend/weights/JsonText.h"
#include "frontend/weights/MappedFile.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace attune::test {

inline std::string tokenizerFolder(const std::string &name) {
  return std::string(ATTUNE_TEST_DATA) + "/oracle/tokenizers/" + name;
}

// A blob where it may stay: aligned, as in a program.
class LoadedTokenizer {
public:
  explicit LoadedTokenizer(const std::string &blob) : words((blob.size() + 7) / 8) {
    std::memcpy(words.data(), blob.data(), blob.size());
    tokenizer.emplace(Tokenizer::load(std::as_bytes(std::span(words)).first(blob.size())));
  }
  const Tokenizer *operator->() const { return &*tokenizer; }
  const Tokenizer &operator*() const { return *tokenizer; }

private:
  std::vector<uint64_t> words;
  std::optional<Tokenizer> tokenizer;
};

struct TokenizerCase {
  std::string text;
  std::vector<int32_t> ids, idsWithoutSpecial;
  std::string decoded, decodedWithSpecial;
};

inline std::vector<int32_t> idsOf(const llvm::json::Array &list) {
  std::vector<int32_t> ids;
  for (const llvm::json::Value &id : list)
    ids.push_back(static_cast<int32_t>(*id.getAsInteger()));
  return ids;
}

inline std::vector<TokenizerCase> readTokenizerCases(const std::string &name) {
  std::string path = tokenizerFolder(name) + "/tokenizer_cases.json";
  auto file = llvm::cantFail(mapFile(path));
  llvm::json::Value root = llvm::cantFail(parseJson(file->getBuffer(), path));
  std::vector<TokenizerCase> cases;
  for (const llvm::json::Value &entry : *root.getAsObject()->getArray("cases")) {
    const llvm::json::Object &object = *entry.getAsObject();
    TokenizerCase &item = cases.emplace_back();
    item.text = object.getString("text")->str();
    item.ids = idsOf(*object.getArray("ids"));
    const llvm::json::Array *plain = object.getArray("ids_no_special");
    item.idsWithoutSpecial = plain ? idsOf(*plain) : item.ids;
    item.decoded = object.getString("decode")->str();
    item.decodedWithSpecial = object.getString("decode_with_special").value_or(item.decoded).str();
  }
  return cases;
}

// What a stream of the same ids adds up to.
inline std::string streamed(const Tokenizer &tokenizer, const std::vector<int32_t> &ids, bool skipSpecial) {
  StreamDecoder decoder(tokenizer, skipSpecial);
  std::string text;
  for (int32_t id : ids)
    text += decoder.push(id);
  return text + decoder.flush();
}

inline void expectCases(const Tokenizer &tokenizer, const std::vector<TokenizerCase> &cases) {
  ASSERT_GT(cases.size(), 100u);
  for (const TokenizerCase &item : cases) {
    SCOPED_TRACE(testing::PrintToString(item.text));
    EXPECT_EQ(tokenizer.encode(item.text, true), item.ids);
    EXPECT_EQ(tokenizer.encode(item.text, false), item.idsWithoutSpecial);
    EXPECT_EQ(tokenizer.decode(item.ids, true), item.decoded);
    EXPECT_EQ(tokenizer.decode(item.ids, false), item.decodedWithSpecial);
    EXPECT_EQ(streamed(tokenizer, item.ids, true), item.decoded);
    EXPECT_EQ(streamed(tokenizer, item.ids, false), item.decodedWithSpecial);
  }
}

} // namespace attune::test
