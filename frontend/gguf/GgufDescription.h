// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A GGUF file to a description.

#ifndef ATTUNE_FRONTEND_GGUF_GGUFDESCRIPTION_H
#define ATTUNE_FRONTEND_GGUF_GGUFDESCRIPTION_H

#include "frontend/Description.h"
#include "frontend/weights/Gguf.h"

namespace attune::gguf {

/// Maps the metadata. The vocabulary is the number of rows of `token_embd.weight`, which the tokenizer's
/// tokens must fit. The tensors are named, not yet bound. Errors name file and key, the value found and what
/// was expected.
llvm::Expected<Description> describeGguf(const GgufMetadata &metadata, const WeightStore &weights);

} // namespace attune::gguf

#endif // ATTUNE_FRONTEND_GGUF_GGUFDESCRIPTION_H
