// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What a family of Hugging Face models brings: a mapping of its config.json onto a Description. To add one,
/// write FAMILY.cpp with such a mapping and name it in Families.cpp.

#ifndef ATTUNE_FRONTEND_HUGGINGFACE_FAMILY_H
#define ATTUNE_FRONTEND_HUGGINGFACE_FAMILY_H

#include "frontend/Description.h"
#include "frontend/huggingface/Config.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace attune::huggingface {

struct Family {
  llvm::StringRef modelType; ///< `model_type` of config.json
  /// Fills what the config decides: all but tokens, generation defaults, template and files. Problems are
  /// kept in the config.
  void (*describe)(const Config &config, Description &model);
};

llvm::ArrayRef<Family> families();

void describeBart(const Config &config, Description &model);
void describeBert(const Config &config, Description &model);
void describeCamembert(const Config &config, Description &model);
void describeDeepSeekV2(const Config &config, Description &model);
void describeDeepSeekV3(const Config &config, Description &model);
void describeDistilBert(const Config &config, Description &model);
void describeGemma2(const Config &config, Description &model);
void describeGemma3(const Config &config, Description &model);
void describeGptOss(const Config &config, Description &model);
void describeGpt2(const Config &config, Description &model);
void describeGptNeoX(const Config &config, Description &model);
void describeGranite(const Config &config, Description &model);
void describeLlama(const Config &config, Description &model);
void describeLlama4(const Config &config, Description &model);
void describeLlama4Images(const Config &config, Description &model);
void describeMarian(const Config &config, Description &model);
void describeMistral(const Config &config, Description &model);
void describeMixtral(const Config &config, Description &model);
void describeModernBert(const Config &config, Description &model);
void describeOlmo2(const Config &config, Description &model);
void describeOpt(const Config &config, Description &model);
void describePhi3(const Config &config, Description &model);
void describeQwen2(const Config &config, Description &model);
void describeQwen2Moe(const Config &config, Description &model);
void describeQwen3(const Config &config, Description &model);
void describeQwen3Moe(const Config &config, Description &model);
void describeRoberta(const Config &config, Description &model);
void describeSmolLM3(const Config &config, Description &model);
void describeT5(const Config &config, Description &model);
void describeXlmRoberta(const Config &config, Description &model);

//===--------------------- parts that families share ----------------------===//

/// Refuses other classes than `architecture` and settings that make another kind of model; quantised weights
/// too, unless the family reads them.
void expectDecoder(const Config &config, llvm::StringRef architecture, bool mayBeQuantized = false);

/// What most decoders say under the same keys: vocabulary, hidden size, context, whether the head is tied.
void readDecoder(const Config &config, llvm::StringRef architecture, bool tied, Description &model,
                 bool mayBeQuantized = false);

/// `num_hidden_layers`, or what `key` names.
int64_t readLayerCount(const Config &config, llvm::StringRef key = "num_hidden_layers");

/// Causal attention with grouped heads and rotary positions, and a gated network, under Llama's keys; RMS
/// norms before both.
Layer readLlamaLayer(const Config &config, const Description &model);

/// Sizes of the heads from `num_attention_heads`, `num_key_value_heads` (or as many) and `head_dim` (or
/// `preset`, or hidden / heads).
void readHeads(const Config &config, int64_t hidden, Attention &attention,
               std::optional<int64_t> preset = {});

/// Frequencies from `rope_theta` and `rope_scaling`, or `rope_parameters`, for `dims` elements of a head. A
/// `partial_rotary_factor` is refused unless `dims` comes from it.
Rotary readRotary(const Config &config, int64_t dims, double base = 10000, bool partial = false);

/// The same from one object of settings alone: `rope_parameters` may have one for each type of layer.
Rotary readRotaryOf(const Config &config, const std::optional<Config> &rope, int64_t dims, double base);

/// How many elements of a head rotate, by `partial_rotary_factor`.
int64_t readRotaryDims(const Config &config, int64_t headSize, double preset = 1);

/// The window of each layer, 0 where it has none: `window` where `layer_types` says sliding_attention or,
/// without that list, where `slides` holds.
std::vector<int64_t> readWindows(const Config &config, int64_t layers, int64_t window,
                                 llvm::function_ref<bool(int64_t)> slides);

/// Whether each layer rotates. In `no_rope_layers`, in spite of its name, 1 stands for layers that do.
std::vector<int64_t> readRotating(const Config &config, int64_t layers);

/// The number of experts, under the key `count`, and how many of them each token meets.
Experts readExperts(const Config &config, llvm::StringRef count, std::optional<int64_t> presetCount,
                    std::optional<int64_t> presetPerToken);

/// A number that `null` switches off: 0 then; `preset` where the key is absent.
int64_t readSizeOrNull(const Config &config, llvm::StringRef key, int64_t preset = 0);
double readPositiveOrNull(const Config &config, llvm::StringRef key, double preset = 0);

/// An activation under the name that transformers gives it.
Activation readActivation(const Config &config, llvm::StringRef key, llvm::StringRef preset);

/// The same of a word that stands in the text under `key`.
Activation activationOf(const Config &config, llvm::StringRef key, llvm::StringRef word);

/// `architectures`, if present, must hold this class: others have other heads.
void expectArchitecture(const Config &config, llvm::StringRef name);

/// Whether the weights beside config.json hold that tensor, for what the config leaves open. True where they
/// cannot be read: what is wrong with them is said where they are bound.
bool folderHasTensor(const Description &model, llvm::StringRef tensor);

/// A parameter's tensor, without ".weight" and ".bias".
struct TensorName {
  llvm::StringRef parameter, tensor;
};

/// Names all parameters of the model that the table has, biases after their matrices. Of two lines for one
/// parameter the first counts.
void assignNames(Description &model, llvm::ArrayRef<TensorName> names);

/// The names that most decoders share.
llvm::ArrayRef<TensorName> llamaNames();

/// Names by `names`, then by llamaNames. Leaves aside what files hold beside the weights: frequencies of
/// rotary positions, a second copy of a tied head.
void nameLlamaTensors(Description &model, llvm::ArrayRef<TensorName> names = {});

/// Names the stacks of experts of which `tensor`.gate_up_proj holds gate and up: one after the other, or in
/// alternate columns of `[in, out]` (rows, where they are not transposed).
void nameFusedExperts(Description &model, llvm::StringRef tensor, bool interleaved, bool transposed = true);

/// `length` rows from `first` on of a fused matrix that has `of` rows, and of its bias.
void sliceRows(Description &model, llvm::StringRef parameter, RowSlice rows);

} // namespace attune::huggingface

#endif // ATTUNE_FRONTEND_HUGGINGFACE_FAMILY_H
