// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What a GGUF architecture brings: a mapping of its metadata onto a Description. To add one, write NAME.cpp
/// with such a mapping and name it in Architectures.cpp.

#ifndef ATTUNE_FRONTEND_GGUF_ARCHITECTURE_H
#define ATTUNE_FRONTEND_GGUF_ARCHITECTURE_H

#include "frontend/Description.h"
#include "frontend/gguf/Settings.h"

#include <optional>

namespace attune::gguf {

struct Architecture {
  llvm::StringRef name; ///< `general.architecture`
  /// Fills what the architecture's own keys and tensors decide. Problems are kept in the settings.
  void (*describe)(Settings &settings, Description &model);
};

llvm::ArrayRef<Architecture> architectures();

void describeBert(Settings &settings, Description &model);
void describeDeepSeek2(Settings &settings, Description &model);
void describeGemma2(Settings &settings, Description &model);
void describeGemma3(Settings &settings, Description &model);
void describeGpt2(Settings &settings, Description &model);
void describeGptNeoX(Settings &settings, Description &model);
void describeGptOss(Settings &settings, Description &model);
void describeGranite(Settings &settings, Description &model);
void describeLlama(Settings &settings, Description &model);
void describeLlama4(Settings &settings, Description &model);
void describeModernBert(Settings &settings, Description &model);
void describeOlmo2(Settings &settings, Description &model);
void describePhi3(Settings &settings, Description &model);
void describeQwen(Settings &settings, Description &model);
void describeQwen2Moe(Settings &settings, Description &model);
void describeQwen3Moe(Settings &settings, Description &model);
void describeSmolLM3(Settings &settings, Description &model);
void describeStarCoder2(Settings &settings, Description &model);
void describeT5(Settings &settings, Description &model);

//===------------------- parts that architectures share -------------------===//

/// Hidden size and context; returns the number of layers.
int64_t readSizes(Settings &settings, Description &model);

/// Heads that share out the hidden size, as many of keys as of queries.
void readEqualHeads(Settings &settings, const Description &model, Attention &attention);

/// What neither metadata nor tensors tell of an architecture.
struct DecoderForm {
  NormKind norm = NormKind::rms;
  Activation activation = Activation::silu;
  bool gated = true;
  std::optional<Pairing> pairing = Pairing::half_split; ///< of rotary positions; none: learned ones
};

/// A decoder's sizes from the metadata; its norms, biases and fused matrices by the tensors that there are.
/// Names all tensors.
void readDecoder(Settings &settings, const DecoderForm &form, Description &model);

/// Makes `ffn`, of layer `layer`, a mixture if the layer has a router; how it routes is the architecture's.
void readMixture(Settings &settings, int64_t layer, FeedForward &ffn);

/// The routing of a Mixtral, which converters call a Llama.
void finishMixtral(Settings &settings, Description &model);

/// Gives `attention.sliding_window`, if there is one, to all layers but every `period`-th; 0: to all.
void setWindows(Settings &settings, int64_t period, Description &model);

/// One matrix of all queries, keys and values, one above the other: `blk.{}.attn_qkv`.
void sliceQueriesKeysValues(const Attention &attention, Description &model);

/// One matrix of gate and up, one above the other: `blk.{}.ffn_up`.
void sliceGateUp(const FeedForward &ffn, Description &model);

/// How a text's vector is made. Files do not say that it gets the length 1: those who read them do that.
void readPooling(Settings &settings, Description &model);

/// Names the parameters that a decoder of this architecture has, by the file's usual names:
/// `blk.{}.attn_q.weight` and so on.
void nameTensors(Description &model);

/// Rotary frequencies from the `rope.*` keys and the tensors of divisors, `rope_freqs.weight` or
/// `rope_factors_short.weight` and `rope_factors_long.weight`.
Rotary readRotary(Settings &settings, int64_t headSize, Pairing pairing, Description &model);

} // namespace attune::gguf

#endif // ATTUNE_FRONTEND_GGUF_ARCHITECTURE_H
