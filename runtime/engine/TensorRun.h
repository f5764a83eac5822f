// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/Engine.h"
#include "runtime/engine/TokenBatch.h"

namespace attune {

struct TensorRunOptions {
  bool step = false;      ///< one token at a time through the cache
  int64_t greedy = -1;    ///< how many likeliest tokens to append; negative: no greedy_ids
  bool allHidden = false; ///< hidden_states.N
  bool attentions = false;
  bool routing = false; ///< router.N.experts, router.N.weights

  bool observes() const { return allHidden || attentions || routing; }
};

/// A tensor with bytes of its own.
struct OwnedTensor {
  std::string name, type;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  NamedTensor view() const { return {name, type, shape, bytes}; }
};

/// Runs a model on tensors, for numerical tests. Outputs (`logits`, `last_hidden_state`) get the shape [rows,
/// columns, ...] of the batch, 0 at columns that the mask leaves out; so do `hidden_states.N` and
/// `router.N.experts` (I64), `router.N.weights`; `attentions.N` is [rows, heads, columns, columns],
/// `greedy_ids` I64 [rows, N]. An encoder-decoder gives `encoder_last_hidden_state` too, and tells its stacks
/// apart: `enc_hidden.N`, `dec_hidden.N`, `enc_attn.N`, `dec_attn.N`, `cross_attn.N`. Throws attune::Error on
/// bad input.
std::vector<OwnedTensor> runTensors(const Program &program, std::span<const NamedTensor> inputs,
                                    const TensorRunOptions &options, EngineStatistics *statistics = nullptr);

/// All outputs and taps of a model with inputs of its own, in the shapes that the code gives them.
std::vector<OwnedTensor> runLiteral(const Program &program, EngineStatistics *statistics = nullptr);

} // namespace attune
