// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/huggingface/HuggingFace.h"
#include "frontend/huggingface/Family.h"
#include "frontend/huggingface/SentenceTransformers.h"
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

static std::string inFolder(StringRef folder, StringRef name) {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

/// Opens a file that need not exist.
static Expected<std::optional<Config>> openIfThere(StringRef folder, StringRef name) {
  std::string path = inFolder(folder, name);
  if (!llvm::sys::fs::exists(path))
    return std::optional<Config>();
  Expected<Config> config = Config::open(path);
  if (!config)
    return config.takeError();
  return std::optional<Config>(std::move(*config));
}

/// Token ids stand in config.json and, overriding, in generation_config.json. Old files write -1 for none.
static void readTokens(const Config &config, Description &model) {
  auto id = [&](StringRef key, std::optional<int64_t> &value) {
    if (std::optional<int64_t> found = config.maybeInteger(key))
      value = *found < 0 ? std::nullopt : found;
  };
  id("bos_token_id", model.tokens.bos);
  id("pad_token_id", model.tokens.pad);
  id("decoder_start_token_id", model.tokens.decoderStart);
  if (config.has("eos_token_id"))
    model.tokens.eos = config.integers("eos_token_id");
  llvm::erase_if(model.tokens.eos, [](int64_t eos) { return eos < 0; });
  if (model.tokens.pad &&
      *model.tokens.pad >= model.vocabulary) // only ever used for padding, which needs no row here
    model.tokens.pad.reset();
}

static std::vector<int64_t> readIds(const Config &config, StringRef key) {
  return config.has(key) ? config.integers(key) : std::vector<int64_t>();
}

/// One id, or a list of one.
static std::optional<int64_t> readOneId(const Config &config, StringRef key) {
  std::vector<int64_t> ids = readIds(config, key);
  if (ids.size() > 1)
    config.refuse(key, "one id");
  return ids.size() == 1 ? std::optional(ids[0]) : std::nullopt;
}

/// `bad_words_ids`: a list of lists.
static std::vector<std::vector<int64_t>> readBanned(const Config &config, llvm::ArrayRef<int64_t> ends) {
  std::vector<std::vector<int64_t>> banned;
  const llvm::json::Value *value = config.value("bad_words_ids");
  const llvm::json::Array *words = value ? value->getAsArray() : nullptr;
  if (value && !words)
    config.refuse("bad_words_ids", "a list of lists of ids");
  for (const llvm::json::Value &word : words ? *words : llvm::json::Array()) {
    std::vector<int64_t> ids;
    for (const llvm::json::Value &id : word.getAsArray() ? *word.getAsArray() : llvm::json::Array())
      ids.push_back(id.getAsInteger().value_or(-1));
    if (ids.empty() || llvm::is_contained(ids, -1))
      config.refuse("bad_words_ids", "a list of lists of ids");
    else if (ids.size() > 1 || !llvm::is_contained(ends, ids[0])) // the end of a text cannot be banned
      banned.push_back(std::move(ids));
  }
  return banned;
}

/// true, false or "never".
static std::optional<EarlyStopping> readEarlyStopping(const Config &config) {
  const llvm::json::Value *value = config.value("early_stopping");
  if (!value)
    return std::nullopt;
  if (std::optional<bool> flag = value->getAsBoolean())
    return *flag ? EarlyStopping::yes : EarlyStopping::no;
  if (value->getAsString() != "never")
    config.refuse("early_stopping", "true, false or \"never\"");
  return EarlyStopping::never;
}

/// What a search for the best sequence of an encoder-decoder is told, all in one file.
static void readSearch(const Config &config, Description &model) {
  model.tokens.forcedBos = readOneId(config, "forced_bos_token_id");
  model.tokens.forcedEos = readOneId(config, "forced_eos_token_id");
  model.tokens.banned = readBanned(config, model.tokens.eos);
  for (int64_t id : readIds(config, "suppress_tokens"))
    model.tokens.banned.push_back({id});
  model.tokens.bannedFirst = readIds(config, "begin_suppress_tokens");
  Generation &generation = model.generation;
  generation.beams = config.maybeInteger("num_beams");
  generation.maxLength = config.maybeInteger("max_length");
  if (auto count = config.maybeInteger("max_new_tokens"))
    generation.maxLength = *count + 1; // with the token that a text begins with
  generation.lengthPenalty = config.maybeNumber("length_penalty");
  generation.earlyStopping = readEarlyStopping(config);
  generation.minLength = config.maybeInteger("min_length");
  if (auto count = config.maybeInteger("min_new_tokens"))
    generation.minLength = *count + 1;
  generation.noRepeat = config.maybeInteger("no_repeat_ngram_size");
}

static void readGeneration(const Config &config, Generation &generation) {
  generation.sample = config.maybeFlag("do_sample");
  generation.temperature = config.maybeNumber("temperature");
  generation.topK = config.maybeInteger("top_k");
  generation.topP = config.maybeNumber("top_p");
  generation.minP = config.maybeNumber("min_p");
  generation.repetitionPenalty = config.maybeNumber("repetition_penalty");
}

/// The id of the token that stands for a word to be guessed, where the tokenizer's settings list ids.
static std::optional<int64_t> readMask(const Config &config) {
  const llvm::json::Value *value = config.value("mask_token");
  const llvm::json::Object *object = value ? value->getAsObject() : nullptr;
  auto text = object ? object->getString("content") : value ? value->getAsString() : std::nullopt;
  const llvm::json::Value *tokens = text ? config.value("added_tokens_decoder") : nullptr;
  for (const auto &[id, token] :
       tokens && tokens->getAsObject() ? *tokens->getAsObject() : llvm::json::Object())
    if (const llvm::json::Object *added = token.getAsObject(); added && added->getString("content") == text)
      if (int64_t number; !StringRef(id).getAsInteger(10, number))
        return number;
  return std::nullopt;
}

/// The template under the key: a text, or a list of named ones of which the one called "default" counts.
static std::string readTemplate(const Config &config) {
  const llvm::json::Value *value = config.value("chat_template");
  const llvm::json::Array *named = value ? value->getAsArray() : nullptr;
  if (!named)
    return config.text("chat_template", "");
  for (const llvm::json::Value &item : *named) {
    const llvm::json::Object *object = item.getAsObject();
    if (object && object->getString("name") == StringRef("default") && object->getString("template"))
      return object->getString("template")->str();
  }
  return "";
}

static Error readTokenizerFiles(StringRef folder, Description &model) {
  Expected<std::optional<Config>> config = openIfThere(folder, "tokenizer_config.json");
  if (!config)
    return config.takeError();
  if (*config) {
    model.tokens.addBos = (*config)->maybeFlag("add_bos_token");
    model.chatTemplate = readTemplate(**config);
    model.tokens.mask = readMask(**config);
    if (Error error = (*config)->takeError())
      return error;
  }
  if (std::string path = inFolder(folder, "chat_template.jinja"); llvm::sys::fs::exists(path)) {
    auto text = mapFile(path);
    if (!text)
      return text.takeError();
    model.chatTemplate = (*text)->getBuffer().str();
  }
  // The first that there is; source.spm comes with a vocab.json.
  for (StringRef name : {"tokenizer.json", "source.spm", "spiece.model", "tokenizer.model"})
    if (model.tokenizer.empty() && llvm::sys::fs::exists(inFolder(folder, name)))
      model.tokenizer = inFolder(folder, name);
  return Error::success();
}

static Error readConfig(const Config &config, Description &model) {
  std::string type = config.text("model_type");
  std::vector<StringRef> known;
  for (const Family &family : families()) {
    known.push_back(family.modelType);
    if (family.modelType == type)
      family.describe(config, model);
  }
  if (!llvm::is_contained(known, type))
    config.refuse("model_type", "one of: " + llvm::join(known, ", "));
  if (std::optional<Config> text = config.section("text_config")) // of models with images
    readTokens(*text, model);
  if (!config.failed())
    readTokens(config, model);
  if (!config.failed() && model.encoder)
    readSearch(config, model);
  return config.takeError();
}

static Error readGenerationFile(StringRef folder, Description &model) {
  Expected<std::optional<Config>> config = openIfThere(folder, "generation_config.json");
  if (!config || !*config)
    return config.takeError();
  readTokens(**config, model);
  readGeneration(**config, model.generation);
  if (model.encoder)
    readSearch(**config, model);
  return (*config)->takeError();
}

/// What makes a sentence's vector; the width must be the model's.
static Error setSentence(const SentenceFolder &sentence, Description &model) {
  model.sentence = sentence.vector;
  if (sentence.width && *sentence.width != model.hidden)
    return fileError(model.origin.file, llvm::formatv("'hidden_size' is {0}, but sentences are pooled from "
                                                      "vectors of {1} elements (modules.json)",
                                                      model.hidden, *sentence.width));
  return Error::success();
}

Expected<Description> huggingface::describeFolder(StringRef outer) {
  Description model;
  Expected<SentenceFolder> sentence = readSentenceFolder(outer);
  if (!sentence)
    return sentence.takeError();
  std::string folder = sentence->transformer.empty() ? outer.str() : inFolder(outer, sentence->transformer);
  llvm::SmallString<256> absolute(outer);
  if (std::error_code code = llvm::sys::fs::make_absolute(absolute))
    return llvm::createFileError(outer, code);
  llvm::sys::path::remove_dots(absolute, /*remove_dot_dot=*/true);
  model.name = llvm::sys::path::filename(absolute).str();
  if (!sentence->transformer.empty())
    llvm::sys::path::append(absolute, sentence->transformer);
  model.origin.file = inFolder(folder, "config.json");
  if (Error error = readTokenizerFiles(folder, model))
    return std::move(error);
  if (!llvm::sys::fs::exists(model.origin.file)) {
    if (model.tokenizer.empty())
      return fileError(folder,
                       "has no config.json (a Hugging Face model) and no tokenizer.json (a tokenizer)");
    model.kind = ModelKind::tokenizer;
    return model;
  }
  Expected<Config> config = Config::open(model.origin.file);
  if (!config)
    return config.takeError();
  if (Error error = readConfig(*config, model))
    return std::move(error);
  if (Error error = readGenerationFile(folder, model))
    return std::move(error);
  if (Error error = setSentence(*sentence, model))
    return std::move(error);
  model.weights.file = absolute.str().str();
  if (!model.tokenizer.empty())
    model.tokenizer = inFolder(absolute, llvm::sys::path::filename(model.tokenizer));
  return model;
}
