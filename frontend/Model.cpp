// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/Model.h"
#include "frontend/Parameters.h"
#include "frontend/gguf/GgufDescription.h"
#include "frontend/huggingface/HuggingFace.h"
#include "frontend/weights/Gguf.h"
#include "frontend/weights/MappedFile.h"
#include "frontend/weights/Safetensors.h"
#include "frontend/yaml/DescriptionText.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace attune;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

/// A FieldError as "FILE: FIELD MESSAGE"; other errors name their file already.
static Error inFile(StringRef file, Error error) {
  return llvm::handleErrors(std::move(error), [&](const FieldError &field) {
    return fileError(file, field.field + " " + field.message);
  });
}

static bool isGguf(StringRef path) { return path.ends_with_insensitive(".gguf"); }

static Expected<WeightStore> openWeights(StringRef path) {
  if (!isGguf(path))
    return openSafetensors(path);
  Expected<GgufModel> model = openGguf(path);
  if (!model)
    return model.takeError();
  return std::move(model->weights);
}

/// Checks a description that a mapping made, and finds its tensors.
static Expected<Model> finish(Description description, WeightStore weights) {
  Error error = validate(description);
  if (!error)
    error = bindTensors(description, weights);
  if (error)
    return inFile(description.origin.file, std::move(error));
  return Model{std::move(description), std::move(weights)};
}

static Expected<Model> loadGguf(StringRef path) {
  Expected<GgufModel> file = openGguf(path);
  if (!file)
    return file.takeError();
  Expected<Description> description = gguf::describeGguf(file->metadata, file->weights);
  if (!description)
    return description.takeError();
  return finish(std::move(*description), std::move(file->weights));
}

static Expected<Model> loadFolder(StringRef path) {
  Expected<Description> description = huggingface::describeFolder(path);
  if (!description)
    return description.takeError();
  if (description->kind == ModelKind::tokenizer)
    return Model{std::move(*description), {}};
  Expected<WeightStore> weights = openSafetensors(description->weights.file);
  if (!weights)
    return weights.takeError();
  huggingface::followPrefix(*description, *weights);
  huggingface::followSpelling(*description, *weights);
  return finish(std::move(*description), std::move(*weights));
}

/// Paths in a description are relative to its own folder; absolute ones also fit a copy of the description
/// elsewhere.
static Error resolve(StringRef description, std::string &file) {
  if (file.empty())
    return Error::success();
  llvm::SmallString<256> path(file);
  if (!llvm::sys::path::is_absolute(file)) {
    path = llvm::sys::path::parent_path(description);
    llvm::sys::path::append(path, file);
  }
  if (std::error_code code = llvm::sys::fs::make_absolute(path))
    return llvm::createFileError(path, code);
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  file = path.str().str();
  return Error::success();
}

static Expected<Model> loadYaml(StringRef path) {
  auto text = mapFile(path);
  if (!text)
    return text.takeError();
  Expected<yaml::DescriptionText> parsed = yaml::parseDescription((*text)->getBuffer(), path);
  if (!parsed)
    return parsed.takeError();
  Model model{parsed->description, {}};
  Description &description = model.description;
  for (std::string *file : {&description.weights.file, &description.tokenizer})
    if (Error error = resolve(path, *file))
      return std::move(error);
  if (description.kind == ModelKind::tokenizer)
    return model;

  bool files = !description.weights.file.empty();
  if (files) {
    Expected<WeightStore> weights = openWeights(description.weights.file);
    if (!weights)
      return weights.takeError();
    model.weights = std::move(*weights);
  }
  if (Error error = files ? bindTensors(description, model.weights) : bindWithoutFiles(description))
    return parsed->locate(std::move(error));
  if (description.weights.random) {
    Expected<WeightStore> weights = randomWeights(description);
    if (!weights)
      return parsed->locate(weights.takeError());
    model.weights = std::move(*weights);
  }
  return model;
}

Expected<Model> attune::loadModel(StringRef path) {
  if (!llvm::sys::fs::exists(path))
    return fileError(path, "no such file or folder");
  if (llvm::sys::fs::is_directory(path))
    return loadFolder(path);
  if (isGguf(path))
    return loadGguf(path);
  if (path.ends_with_insensitive(".yaml") || path.ends_with_insensitive(".yml"))
    return loadYaml(path);
  return fileError(path,
                   "expected a model: a description (.yaml), a GGUF file (.gguf), or a Hugging Face folder");
}
