// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Folders of sentence-transformers: modules.json lists what a text goes through, each in a folder of its
// own.

#include "frontend/huggingface/SentenceTransformers.h"
#include "frontend/huggingface/Config.h"
#include "frontend/weights/JsonText.h"
#include "frontend/weights/MappedFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static std::string inFolder(StringRef folder, StringRef inner, StringRef name) {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, inner, name);
  return path.str().str();
}

/// The classes of the modules and their folders, in order.
static Expected<std::vector<std::pair<std::string, std::string>>> readList(StringRef path) {
  auto mapping = mapFile(path);
  if (!mapping)
    return mapping.takeError();
  Expected<llvm::json::Value> json = parseJson((*mapping)->getBuffer(), path);
  if (!json)
    return json.takeError();
  std::vector<std::pair<std::string, std::string>> modules;
  const llvm::json::Array *list = json->getAsArray();
  for (const llvm::json::Value &item : list ? *list : llvm::json::Array{nullptr}) {
    const llvm::json::Object *object = item.getAsObject();
    if (!object || !object->getString("type"))
      return fileError(path, "expected a list of objects with 'type' and 'path'");
    modules.emplace_back(object->getString("type")->rsplit('.').second.str(),
                         object->getString("path").value_or("").str());
    if (modules.back().first.empty()) // a class without a package
      modules.back().first = object->getString("type")->str();
  }
  return modules;
}

/// The one way of pooling that a module's flags choose, in its own words.
static std::string chosenPooling(const Config &config) {
  static const StringRef ways[] = {"cls_token",           "mean_tokens", "max_tokens", "mean_sqrt_len_tokens",
                                   "weightedmean_tokens", "lasttoken"};
  if (config.has("pooling_mode"))
    return config.text("pooling_mode");
  std::vector<std::string> chosen;
  for (StringRef way : ways)
    if (config.flag(("pooling_mode_" + way).str(), false))
      chosen.push_back(way.str());
  if (chosen.size() == 1)
    return chosen[0];
  config.fail("pooling_mode_mean_tokens",
              chosen.empty() ? std::string("is not true, and no other way of pooling is")
                             : "is not the only one: " + llvm::join(chosen, ", ") + ", expected one");
  return "mean";
}

static Expected<SentenceVector> readPooling(StringRef path, std::optional<int64_t> &width) {
  Expected<Config> config = Config::open(path);
  if (!config)
    return config.takeError();
  StringRef size = config->has("embedding_dimension") ? "embedding_dimension" : "word_embedding_dimension";
  width = config->maybeInteger(size);
  SentenceVector vector;
  std::string way = chosenPooling(*config);
  if (way == "cls_token" || way == "cls")
    vector.pooling = Pooling::first;
  else if (way == "lasttoken")
    vector.pooling = Pooling::last;
  else if (way != "mean_tokens" && way != "mean")
    config->fail(config->has("pooling_mode") ? "pooling_mode" : "pooling_mode_" + way,
                 "is set, expected pooling by mean, cls or lasttoken");
  if (Error error = config->takeError())
    return std::move(error);
  return vector;
}

/// How the words are made: at most so many tokens, in any letters.
static Error readTransformerSettings(StringRef path, SentenceFolder &result) {
  if (!llvm::sys::fs::exists(path))
    return Error::success();
  Expected<Config> config = Config::open(path);
  if (!config)
    return config.takeError();
  config->refuseFlag("do_lower_case");
  if (config->has("max_seq_length"))
    result.maxTokens = config->size("max_seq_length");
  return config->takeError();
}

Expected<SentenceFolder> huggingface::readSentenceFolder(StringRef folder) {
  SentenceFolder result;
  std::string path = inFolder(folder, "", "modules.json");
  if (!llvm::sys::fs::exists(path))
    return result;
  auto modules = readList(path);
  if (!modules)
    return modules.takeError();
  for (size_t i = 0; i < modules->size(); ++i) {
    const auto &[type, inner] = (*modules)[i];
    if (type == "Transformer" && i == 0) {
      result.transformer = inner;
      if (Error error = readTransformerSettings(inFolder(folder, inner, "sentence_bert_config.json"), result))
        return std::move(error);
    } else if (type == "Pooling" && i == 1) {
      Expected<SentenceVector> vector = readPooling(inFolder(folder, inner, "config.json"), result.width);
      if (!vector)
        return vector.takeError();
      result.vector = *vector;
    } else if (type == "Normalize" && i == 2) {
      result.vector->normalize = true;
    } else {
      return fileError(path, llvm::formatv("module {0} is {1}, expected Transformer, Pooling and perhaps "
                                           "Normalize, in this order",
                                           i, type));
    }
  }
  if (result.vector)
    result.vector->maxTokens = result.maxTokens;
  return result;
}
