// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FakeTokenizer.h"
#include "frontend/tokenizer/TokenizerImport.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <unistd.h>

using nlohmann::json;

namespace {

json special(int id, const char *text) {
  return {{"id", id},        {"content", text}, {"special", true},    {"single_word", false},
          {"lstrip", false}, {"rstrip", false}, {"normalized", false}};
}

json description() {
  json vocabulary = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (char c : std::string("abcdefghijklmnopqrstuvwxyz .\nABCDEFGHIJKLMNOPQR"))
    vocabulary[std::string(1, c)] = vocabulary.size();
  json single = json::array(
      {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}});
  json pair = json::array(
      {{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "B"}, {"type_id", 0}}}}});
  json begin = {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", {special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")}},
          {"normalizer", nullptr},
          {"pre_tokenizer", nullptr},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", single},
            {"pair", pair},
            {"special_tokens", {{"<s>", begin}}}}},
          {"decoder", {{"type", "Fuse"}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", "<unk>"},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"vocab", vocabulary},
            {"merges", json::array()}}}};
}

} // namespace

std::vector<std::byte> attune::test::fakeTokenizer() {
  std::string path = "/tmp/attune-fake-tokenizer-" + std::to_string(getpid()) + ".json";
  std::ofstream(path) << description();
  llvm::Expected<std::string> blob = importTokenizerJson(path);
  std::remove(path.c_str());
  if (!blob) {
    std::fprintf(stderr, "%s\n", llvm::toString(blob.takeError()).c_str());
    std::abort();
  }
  auto bytes = reinterpret_cast<const std::byte *>(blob->data());
  return {bytes, bytes + blob->size()};
}
