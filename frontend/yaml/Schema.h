// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The keys of a description's structures: one list for reading and writing. docs/description.md explains
/// them.

#ifndef ATTUNE_FRONTEND_YAML_SCHEMA_H
#define ATTUNE_FRONTEND_YAML_SCHEMA_H

#include "frontend/yaml/Reader.h"
#include "frontend/yaml/Writer.h"

namespace attune::yaml {

template <typename IO> void fields(IO &io, Norm &v) {
  io.required("kind", v.kind);
  io.required("eps", v.eps);
  io.optional("weight", v.weight, true);
  io.optional("bias", v.bias, false);
  io.optional("weight_offset", v.weightOffset, 0.0);
}

template <typename IO> void fields(IO &io, RotaryScaling &v) {
  io.required("kind", v.kind);
  if (v.kind == ScalingKind::linear || v.kind == ScalingKind::llama3)
    io.required("factor", v.factor);
  if (v.kind == ScalingKind::llama3) {
    io.required("low_frequency_factor", v.lowFrequencyFactor);
    io.required("high_frequency_factor", v.highFrequencyFactor);
    io.required("original_context", v.originalContext);
  }
  if (v.kind == ScalingKind::factors)
    io.required("factors", v.factors);
}

template <typename IO> void fields(IO &io, Rotary &v) {
  io.required("dims", v.dims);
  io.optional("base", v.base, 10000.0);
  io.required("pairing", v.pairing);
  io.optional("scaling", v.scaling, RotaryScaling());
}

template <typename IO> void fields(IO &io, Mask &v) {
  io.optional("causal", v.causal, false);
  io.optional("window", v.window, int64_t(0));
  io.optional("chunk", v.chunk, int64_t(0));
}

/// `none` and `causal` stand for the two usual masks.
inline void mask(Reader &io, Mask &v) {
  const Tree *tree = io.field("mask");
  if (tree && tree->kind == Tree::scalar && (tree->text == "none" || tree->text == "causal"))
    v = Mask{tree->text == "causal"};
  else if (tree && tree->kind == Tree::map)
    read(io.state, *tree, v, io.pathOf("mask"));
  else if (tree)
    io.state.fail(tree->range,
                  io.pathOf("mask") + ": expected none, causal, or a map of causal, window and chunk");
  else
    io.required("mask", v);
}
inline void mask(Writer &io, const Mask &v) {
  bool plain = v == Mask{v.causal};
  io.add("mask", plain ? Tree::makeScalar(v.causal ? "causal" : "none") : write(v));
}

template <typename IO> void branchFields(IO &io, Branch &v) {
  io.maybe("norm_before", v.normBefore);
  io.maybe("norm_branch", v.normBranch);
  io.maybe("norm_after", v.normAfter);
  io.optional("residual", v.residual, true);
  io.optional("residual_scale", v.residualScale, 1.0);
}

template <typename IO> void fields(IO &io, Attention &v) {
  io.required("heads", v.heads);
  io.optional("key_heads", v.keyHeads, v.heads);
  io.required("head_size", v.headSize);
  mask(io, v.mask);
  io.maybe("scale", v.scale);
  io.optional("normalizer", v.normalizer, Normalizer::softmax);
  io.optional("soft_cap", v.softCap, 0.0);
  io.optional("projections", v.projections, true);
  io.optional("output", v.output, true);
  io.optional("bias", v.bias, false);
  io.optional("output_bias", v.outputBias, v.bias);
  io.maybe("query_key_norm", v.queryKeyNorm);
  io.optional("query_key_norm_span", v.queryKeyNormSpan, NormSpan::head);
  io.maybe("rotary", v.rotary);
  branchFields(io, v);
}

template <typename IO> void fields(IO &io, FeedForward &v) {
  io.required("size", v.size);
  io.required("activation", v.activation);
  io.optional("gated", v.gated, false);
  io.optional("bias", v.bias, false);
  branchFields(io, v);
}

/// Without its `at`, which the layers' list reads.
template <typename IO> void fields(IO &io, Layer &v) {
  io.maybe("attention", v.attention);
  io.maybe("feed_forward", v.feedForward);
  io.optional("parallel", v.parallel, false);
}

template <typename IO> void fields(IO &io, Positions &v) {
  io.required("kind", v.kind);
  if (v.kind == PositionKind::none)
    return;
  io.optional("combine", v.combine, Combine::add);
  if (v.kind == PositionKind::sinusoidal) {
    io.optional("pairing", v.pairing, Pairing::interleaved);
    io.optional("base", v.base, 10000.0);
  } else {
    io.required("rows", v.rows);
    io.optional("offset", v.offset, int64_t(0));
  }
}

template <typename IO> void fields(IO &io, Embedding &v) {
  io.optional("scale", v.scale, 1.0);
  io.maybe("norm", v.norm);
}

template <typename IO> void fields(IO &io, Head &v) {
  io.required("tied", v.tied);
  io.optional("bias", v.bias, false);
  io.optional("scale", v.scale, 1.0);
  io.optional("soft_cap", v.softCap, 0.0);
}

template <typename IO> void fields(IO &io, Tokens &v) {
  io.maybe("bos", v.bos);
  io.optional("eos", v.eos, std::vector<int64_t>());
  io.maybe("pad", v.pad);
  io.maybe("add_bos", v.addBos);
}

template <typename IO> void fields(IO &io, Generation &v) {
  io.maybe("sample", v.sample);
  io.maybe("temperature", v.temperature);
  io.maybe("top_k", v.topK);
  io.maybe("top_p", v.topP);
  io.maybe("min_p", v.minP);
  io.maybe("repetition_penalty", v.repetitionPenalty);
}

template <typename IO> void fields(IO &io, Weights &v) {
  io.optional("file", v.file, std::string());
  io.maybe("random", v.random);
  io.optional("ignore", v.ignore, std::vector<std::string>());
}

} // namespace attune::yaml

#endif // ATTUNE_FRONTEND_YAML_SCHEMA_H
