// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The parameters that a description asks for, by name and shape, and their tensors in the model's files.
///
/// | name | shape |
/// |---|---|
/// | `embedding` | vocabulary x hidden |
/// | `positions` | rows x hidden |
/// | `final_norm`, `embedding_norm` (and `.bias`) | hidden |
/// | `head` (and `head.bias`) | vocabulary x hidden |
/// | `layer.attention.query`, `.key`, `.value` | heads * head size x hidden |
/// | `layer.attention.output` | hidden x heads * head size |
/// | `layer.feed_forward.gate`, `.up`, `.down` | size x hidden, hidden x size |
/// | `layer.attention.norm_before`, `.norm_branch`, `.norm_after`, the same of `feed_forward` | hidden |
/// | `layer.attention.query_norm`, `.key_norm` | head size, or the projection's rows |
///
/// A linear map or norm with a bias has a second parameter, its name followed by `.bias`. Matrices are [out,
/// in].

#ifndef ATTUNE_FRONTEND_PARAMETERS_H
#define ATTUNE_FRONTEND_PARAMETERS_H

#include "frontend/Description.h"
#include "frontend/weights/WeightStore.h"

namespace attune {

struct Parameter {
  std::string name;
  std::vector<int64_t> shape;
};

/// The parameters of one layer (their names begin with "layer.").
std::vector<Parameter> layerParameters(const Description &description, const Layer &layer);

/// The parameters outside the layers.
std::vector<Parameter> modelParameters(const Description &description);

/// `pattern` with its `{}` replaced by the layer's number.
std::string tensorName(llvm::StringRef pattern, int64_t layer);

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
