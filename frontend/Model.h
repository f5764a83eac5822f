// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Loading a model, whatever form it comes in.

#ifndef ATTUNE_FRONTEND_MODEL_H
#define ATTUNE_FRONTEND_MODEL_H

#include "frontend/Description.h"
#include "frontend/weights/WeightStore.h"

namespace attune {

struct Model {
  Description description; ///< validated, with bound tensors
  /// The tensors that `description.tensors` names: mapped files, or random values. Literal values stand in
  /// the description alone.
  WeightStore weights;

  /// Where the vocabulary is: a tokenizer.json, a .gguf, a .model or .spm of SentencePiece, or empty.
  const std::string &tokenizer() const { return description.tokenizer; }
};

/// Loads a description (.yaml, .yml), a GGUF file (.gguf), or a Hugging Face folder. Nothing is written; the
/// weights are mapped, not read. A folder that holds a tokenizer.json and no config.json gives a description
/// of kind `tokenizer`. Errors name file and field, tensor or line, what was found and what was expected.
llvm::Expected<Model> loadModel(llvm::StringRef path);

} // namespace attune

#endif // ATTUNE_FRONTEND_MODEL_H
