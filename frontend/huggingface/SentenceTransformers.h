// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Folders of sentence-transformers: a model with what makes a sentence's vector of its tokens' vectors.

#ifndef ATTUNE_FRONTEND_HUGGINGFACE_SENTENCETRANSFORMERS_H
#define ATTUNE_FRONTEND_HUGGINGFACE_SENTENCETRANSFORMERS_H

#include "frontend/Description.h"

namespace attune::huggingface {

struct SentenceFolder {
  std::string transformer;              ///< folder of the model, within the folder; empty: itself
  std::optional<SentenceVector> vector; ///< none in plain folders
  std::optional<int64_t> width;         ///< what the pooling expects of the model's hidden size
  int64_t maxTokens = 0;                ///< longer texts are cut; 0: none is
};

/// Reads modules.json and the modules' own files, if there are any. A module that is not supported is an
/// error that names it.
llvm::Expected<SentenceFolder> readSentenceFolder(llvm::StringRef folder);

} // namespace attune::huggingface

#endif // ATTUNE_FRONTEND_HUGGINGFACE_SENTENCETRANSFORMERS_H
