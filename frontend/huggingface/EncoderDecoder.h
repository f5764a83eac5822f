// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What families of encoder-decoders share.

#ifndef ATTUNE_FRONTEND_HUGGINGFACE_ENCODERDECODER_H
#define ATTUNE_FRONTEND_HUGGINGFACE_ENCODERDECODER_H

#include "frontend/huggingface/Family.h"

namespace attune::huggingface {

/// Refuses other classes than `architecture` and settings that make another kind of model.
void expectEncoderDecoder(const Config &config, llvm::StringRef architecture);

/// What BART and Marian share: both stacks with a norm after each branch, biases everywhere, the head with
/// its bias. Positions and norms of embeddings are left.
void describeAsBart(const Config &config, llvm::StringRef architecture, llvm::StringRef activation,
                    Description &model);

/// The names of all their tensors, once the model has its parts.
void nameAsBart(Description &model);

/// Names parameters that are called alike in both stacks: `{stack}` of a tensor's name stands for "encoder"
/// or "decoder".
void nameInBothStacks(Description &model, llvm::ArrayRef<TensorName> names);

} // namespace attune::huggingface

#endif // ATTUNE_FRONTEND_HUGGINGFACE_ENCODERDECODER_H
