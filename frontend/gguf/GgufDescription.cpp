// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/gguf/GgufDescription.h"
#include "frontend/gguf/Architecture.h"
#include "frontend/weights/MappedFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace attune;
using namespace attune::gguf;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static void readTokens(Settings &settings, Description &model) {
  auto id = [&](StringRef name) {
    std::string key = ("tokenizer.ggml." + name).str();
    return settings.take(settings.metadata.getOptionalInt(key));
  };
  model.tokens.bos = id("bos_token_id");
  model.tokens.pad = id("padding_token_id");
  model.tokens.mask = id("mask_token_id");
  if (model.tokens.mask && *model.tokens.mask >= model.vocabulary) // a token that the model does not have
    model.tokens.mask.reset();
  if (model.tokens.pad &&
      *model.tokens.pad >= model.vocabulary) // only ever used for padding, which needs no row here
    model.tokens.pad.reset();
  for (StringRef name : {"eos_token_id", "eot_token_id", "eom_token_id"})
    if (std::optional<int64_t> eos = id(name); eos && !llvm::is_contained(model.tokens.eos, *eos))
      model.tokens.eos.push_back(*eos);
  model.tokens.addBos = settings.take(settings.metadata.getOptionalBool("tokenizer.ggml.add_bos_token"));
  if (std::optional<StringRef> text =
          settings.take(settings.metadata.getOptionalString("tokenizer.chat_template")))
    model.chatTemplate = text->str();
}

/// The rows of the embedding; a tokenizer may know fewer tokens (the others are never made), not more.
static Error readVocabulary(const GgufMetadata &metadata, const WeightStore &weights, Description &model) {
  const TensorInfo *table = weights.find("token_embd.weight");
  if (!table)
    return fileError(metadata.filePath(),
                     "tensor 'token_embd.weight' is missing; expected the token embeddings under that name");
  if (table->shape.size() != 2)
    return fileError(table->file, "tensor 'token_embd.weight' has shape " + shapeText(table->shape) +
                                      ", expected a matrix");
  model.vocabulary = table->shape[0];
  const GgufValue *tokens = metadata.find("tokenizer.ggml.tokens");
  if (tokens && tokens->isList && tokens->count > static_cast<uint64_t>(model.vocabulary))
    return fileError(
        metadata.filePath(),
        llvm::formatv("'tokenizer.ggml.tokens' has {0} tokens, but tensor 'token_embd.weight' has {1} rows",
                      tokens->count, model.vocabulary));
  return Error::success();
}

Expected<Description> gguf::describeGguf(const GgufMetadata &metadata, const WeightStore &weights) {
  Expected<StringRef> architecture = metadata.getString("general.architecture");
  if (!architecture)
    return architecture.takeError();
  Description model;
  llvm::SmallString<256> path(metadata.filePath());
  if (std::error_code code = llvm::sys::fs::make_absolute(path))
    return llvm::createFileError(metadata.filePath(), code);
  model.origin.file = metadata.filePath();
  model.weights.file = path.str().str();
  model.name = llvm::sys::path::stem(path).str();
  if (Error error = readVocabulary(metadata, weights, model))
    return std::move(error);

  Settings settings(metadata, weights, architecture->str());
  if (std::optional<StringRef> name = settings.take(metadata.getOptionalString("general.name"));
      name && !name->empty())
    model.name = name->str();
  std::vector<StringRef> known;
  for (const Architecture &entry : architectures()) {
    known.push_back(entry.name);
    if (entry.name == *architecture)
      entry.describe(settings, model);
  }
  if (!llvm::is_contained(known, *architecture))
    return fileError(metadata.filePath(), "'general.architecture' is " + quoted(*architecture) +
                                              ", expected one of: " + llvm::join(known, ", "));
  readTokens(settings, model);
  if (metadata.has("tokenizer.ggml.model"))
    model.tokenizer = model.weights.file;
  if (Error error = settings.takeError())
    return std::move(error);
  return model;
}
