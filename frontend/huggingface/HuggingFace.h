// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A Hugging Face model folder to a description.

#ifndef ATTUNE_FRONTEND_HUGGINGFACE_HUGGINGFACE_H
#define ATTUNE_FRONTEND_HUGGINGFACE_HUGGINGFACE_H

#include "frontend/Description.h"
#include "frontend/weights/WeightStore.h"

namespace attune::huggingface {

/// Reads config.json and, where they exist, generation_config.json, tokenizer_config.json,
/// chat_template.jinja and the path of tokenizer.json or of SentencePiece's model. A folder with a
/// tokenizer.json and no config.json gives a description of kind `tokenizer`. The tensors are named, not yet
/// bound. Errors name file and field, the value found and what was expected.
llvm::Expected<Description> describeFolder(llvm::StringRef folder);

/// Published files may lack the first part of all names. If they lack that of the embedding table, names and
/// patterns of the description lose it too.
void followPrefix(Description &model, const WeightStore &weights);

/// Files spell some names in other words ("gamma"): gives the description's tensors the names that the file
/// has. Those of which it has none stay.
void followSpelling(Description &model, const WeightStore &weights);

} // namespace attune::huggingface

#endif // ATTUNE_FRONTEND_HUGGINGFACE_HUGGINGFACE_H
