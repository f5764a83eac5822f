// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What families of encoders share: the head that predicts masked words, and names.

#ifndef ATTUNE_FRONTEND_HUGGINGFACE_ENCODER_H
#define ATTUNE_FRONTEND_HUGGINGFACE_ENCODER_H

#include "frontend/huggingface/Family.h"

namespace attune::huggingface {

/// Names `parameter` "PREFIX TENSOR.weight" and, if the model has one, its bias "PREFIX TENSOR.bias".
/// Parameters that the model does not have are left out.
void nameWithBiases(Description &model, llvm::StringRef prefix, llvm::ArrayRef<TensorName> names);

/// Settings that turn an encoder into something else.
void refuseUnknownSettings(const Config &config);

/// A number of layers up to 10000.
int64_t readLayerCount(const Config &config, llvm::StringRef key, int64_t preset);

/// The one of `known` that `architectures` names; without that field the first, which is the bare model.
llvm::StringRef expectOneOf(const Config &config, llvm::ArrayRef<llvm::StringRef> known);

/// The usual head of masked-word models: norm(activation(linear x)), the embedding table (or, with
/// `tie_word_embeddings` false, a matrix of its own) and a bias.
void describeWordHead(const Config &config, Description &model, Activation activation, const Norm &norm);

/// Tensors of that head: linear map and norm without their endings, matrix and bias whole.
struct WordHeadNames {
  llvm::StringRef transform, norm, matrix, bias;
};
void nameWordHead(Description &model, const WordHeadNames &names);

} // namespace attune::huggingface

#endif // ATTUNE_FRONTEND_HUGGINGFACE_ENCODER_H
