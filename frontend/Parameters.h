// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// clang-format off
/// \file
/// The parameters that a description asks for, by name and shape, and their tensors in the model's files.
///
/// | name | shape |
/// |---|---|
/// | `embedding` | vocabulary x embedding size |
/// | `positions` | rows x hidden |
/// | `final_norm`, `embedding_norm` (and `.bias`) | hidden |
/// | `head` (and `head.bias`) | vocabulary x embedding size |
/// | `layer.attention.query`, `.key`, `.value` | heads * head size x hidden |
/// | `layer.attention.output` | hidden x heads * head size |
/// | `layer.feed_forward.gate`, `.up`, `.down` | size x hidden, hidden x size |
/// | `layer.attention.norm_before`, `.norm_branch`, `.norm_after`, the same of `feed_forward` | hidden |
/// | `layer.attention.query_norm`, `.key_norm` | head size, or the projection's rows |
/// | `layer.attention.sinks` | heads |
/// | `layer.cross_attention.*` | as those of `attention` |
/// | `layer.attention.query_down`, `.key_down` (latent) | query rank x hidden, rank + rotary dims x hidden |
/// | `layer.attention.query_down_norm`, `.key_down_norm` | query rank, rank |
/// | `layer.attention.key_up` | heads x rank x head size - rotary dims |
/// | `layer.attention.value_up` | heads x value size x rank |
/// | `layer.feed_forward.router`, `.correction_bias` | experts x hidden, experts |
/// | `layer.feed_forward.experts.gate`, `.up`, `.down` | experts x size x hidden, experts x hidden x size |
/// | their `.bias` | experts * size, experts * hidden: those of all experts in a row |
/// | `layer.feed_forward.shared.gate`, `.up`, `.down`, `.score` | as a feed-forward network, 1 x hidden |
/// | `embedding_projection`, `head_projection` | hidden x embedding size, embedding size x hidden |
/// | `token_types` | token types x hidden |
/// | `relative_bias` | buckets * heads: a row of heads for each bucket |
/// | `head_transform`, `head_norm`, `head_norm_before` | hidden x hidden, hidden, hidden |
///
/// A linear map or norm with a bias has a second parameter, its name followed by `.bias`. Matrices are [out,
/// in]. Names of the encoder's parameters beside a decoder begin with `encoder.`; the embedding is shared.
// clang-format on

#ifndef ATTUNE_FRONTEND_PARAMETERS_H
#define ATTUNE_FRONTEND_PARAMETERS_H

#include "frontend/Description.h"
#include "frontend/weights/WeightStore.h"

namespace attune {

struct Parameter {
  std::string name;
  /// A vector, a matrix [out, in], or a stack of matrices.
  std::vector<int64_t> shape;
  /// The file may hold the vector as a matrix of so many rows; 1 for a plain vector.
  int64_t vectorRows = 1;
};

/// A stack of layers of a description, and what its parameters' names begin with: "" or "encoder.".
struct StackView {
  const Stack *stack;
  std::string prefix;
  const Stack *operator->() const { return stack; }
};

/// The model's own stack, then the encoder beside it, if there is one.
std::vector<StackView> stacksOf(const Description &description);

/// The parameters of one layer (their names begin with the stack's prefix and "layer.").
std::vector<Parameter> layerParameters(const Description &description, const StackView &stack,
                                       const Layer &layer);

/// The parameters outside the layers, of all stacks.
std::vector<Parameter> modelParameters(const Description &description);

/// Whether each layer has such a parameter of its own.
bool isLayered(llvm::StringRef name);

/// Layers of the parameter's stack, or 1 outside the layers.
int64_t recordCount(const Description &description, llvm::StringRef name);

/// Latent attention whose keys and values are made by one stored matrix `tensor`: for each head the rows that
/// make keys, then those that make values. Keys are wanted the other way round: from the latent side.
void nameLatentMatrix(Description &description, llvm::StringRef tensor);

/// What stands for the expert's number in a tensor's name.
inline constexpr llvm::StringLiteral expertHole = "{expert}";

/// `pattern` with its `{}` replaced by the layer's number, and `{expert}` by the expert's.
std::string tensorName(llvm::StringRef pattern, int64_t layer, int64_t expert = 0);

/// How parameter `name` is stored in layer `layer` (0 outside the layers); the tensors must be bound.
StorageType storageOf(const Description &description, llvm::StringRef name, int64_t layer);

/// Finds every parameter's tensor in `store`: fills the storage types and checks those that are given, checks
/// shapes. Each tensor of the store must be used, or match one of the patterns of `weights.ignore`. Errors
/// name the tensor and the values found and expected.
llvm::Error bindTensors(Description &description, const WeightStore &store);

/// For a description without weight files: each parameter has a literal value of the right shape, or a random
/// seed is given. Errors are FieldErrors.
llvm::Error bindWithoutFiles(Description &description);

/// The tensors that a random seed stands for, f32: each element from a fixed generator that depends on the
/// seed, the parameter and the layer alone. Matrices keep the size of what they multiply, norms are near 1.
/// The tensors' names are those of `description.tensors`.
llvm::Expected<WeightStore> randomWeights(const Description &description);

} // namespace attune

#endif // ATTUNE_FRONTEND_PARAMETERS_H
