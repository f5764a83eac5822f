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

namespace attune::huggingface {

struct Family {
  llvm::StringRef modelType; ///< `model_type` of config.json
  /// Fills what the config decides: all but tokens, generation defaults, template and files. Problems are
  /// kept in the config.
  void (*describe)(const Config &config, Description &model);
};

llvm::ArrayRef<Family> families();

void describeDeepSeekV2(const Config &config, Description &model);
void describeDeepSeekV3(const Config &config, Description &model);
void describeLlama(const Config &config, Description &model);

//===------------------------------------------- parts that families share
//------------------------------------------===//

/// Sizes of the heads from `num_attention_heads`, `num_key_value_heads` (or as many) and `head_dim` (or
/// hidden / heads).
void readHeads(const Config &config, int64_t hidden, Attention &attention);

/// Frequencies from `rope_theta` and `rope_scaling`, or `rope_parameters`, for `dims` elements of a head.
Rotary readRotary(const Config &config, int64_t dims);

/// An activation under the name that transformers gives it.
Activation readActivation(const Config &config, llvm::StringRef key, llvm::StringRef preset);

/// `architectures`, if present, must hold this class: others have other heads.
void expectArchitecture(const Config &config, llvm::StringRef name);

} // namespace attune::huggingface

#endif // ATTUNE_FRONTEND_HUGGINGFACE_FAMILY_H
