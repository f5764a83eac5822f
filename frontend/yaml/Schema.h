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
  bool yarn = v.kind == ScalingKind::yarn, longrope = v.kind == ScalingKind::longrope;
  if (v.kind == ScalingKind::linear || v.kind == ScalingKind::llama3 || yarn)
    io.required("factor", v.factor);
  if (v.kind == ScalingKind::llama3) {
    io.required("low_frequency_factor", v.lowFrequencyFactor);
    io.required("high_frequency_factor", v.highFrequencyFactor);
    io.required("original_context", v.originalContext);
  }
  if (v.kind == ScalingKind::factors || longrope)
    io.required("factors", v.factors);
  if (longrope)
    io.required("long_factors", v.longFactors);
  if (yarn) {
    io.optional("beta_fast", v.betaFast, 32.0);
    io.optional("beta_slow", v.betaSlow, 1.0);
    io.optional("truncate", v.truncate, true);
  }
  if (yarn || longrope) {
    io.required("original_context", v.originalContext);
    io.optional("magnitude", v.magnitude, 1.0);
  }
  if (v.kind == ScalingKind::dynamic)
    io.required("original_context", v.originalContext);
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

template <typename IO> void fields(IO &io, Temperature &v) {
  io.required("floor_scale", v.floorScale);
  io.required("scale", v.scale);
}

template <typename IO> void fields(IO &io, RelativeBias &v) {
  io.required("buckets", v.buckets);
  io.required("max_distance", v.maxDistance);
}

template <typename IO> void fields(IO &io, Latent &v) {
  io.required("rank", v.rank);
  io.optional("query_rank", v.queryRank, int64_t(0));
  io.required("norm", v.norm);
}

template <typename IO> void fields(IO &io, Attention &v) {
  io.required("heads", v.heads);
  io.optional("key_heads", v.keyHeads, v.heads);
  io.required("head_size", v.headSize);
  io.optional("value_size", v.valueSize, int64_t(0));
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
  io.optional("query_key_norm_after_rotary", v.queryKeyNormAfterRotary, false);
  io.maybe("rotary", v.rotary);
  io.maybe("temperature", v.temperature);
  io.maybe("relative_bias", v.relativeBias);
  io.optional("sinks", v.sinks, false);
  io.maybe("latent", v.latent);
  branchFields(io, v);
}

template <typename IO> void fields(IO &io, SharedExpert &v) {
  io.required("size", v.size);
  io.optional("gate", v.gate, false);
}

template <typename IO> void fields(IO &io, Experts &v) {
  io.required("count", v.count);
  io.required("per_token", v.perToken);
  io.optional("scores", v.scores, RouterScores::softmax);
  io.optional("renormalize", v.renormalize, false);
  io.optional("scale", v.scale, 1.0);
  io.optional("groups", v.groups, int64_t(0));
  if (v.groups) {
    io.required("top_groups", v.topGroups);
    io.optional("group_score", v.groupScore, GroupScore::max);
  }
  io.optional("router_bias", v.routerBias, false);
  io.optional("correction_bias", v.correctionBias, false);
  io.optional("weigh_input", v.weighInput, false);
  io.optional("limit", v.limit, 0.0);
  io.optional("up_offset", v.upOffset, 0.0);
  io.maybe("shared", v.shared);
}

template <typename IO> void fields(IO &io, FeedForward &v) {
  io.required("size", v.size);
  io.required("activation", v.activation);
  io.optional("gated", v.gated, false);
  io.optional("bias", v.bias, false);
  io.maybe("experts", v.experts);
  branchFields(io, v);
}

/// Without its `at`, which the layers' list reads.
template <typename IO> void fields(IO &io, Layer &v) {
  io.maybe("attention", v.attention);
  io.maybe("cross_attention", v.crossAttention);
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
    io.maybe("uncounted", v.uncounted);
  }
}

template <typename IO> void fields(IO &io, Embedding &v) {
  io.optional("scale", v.scale, 1.0);
  io.optional("size", v.size, int64_t(0));
  io.optional("token_types", v.tokenTypes, int64_t(0));
  io.maybe("norm", v.norm);
}

template <typename IO> void fields(IO &io, HeadTransform &v) {
  io.maybe("norm_before", v.normBefore);
  io.required("activation", v.activation);
  io.optional("bias", v.bias, true);
  io.maybe("norm", v.norm);
}

template <typename IO> void fields(IO &io, Head &v) {
  io.required("tied", v.tied);
  io.maybe("transform", v.transform);
  io.optional("bias", v.bias, false);
  io.optional("scale", v.scale, 1.0);
  io.optional("soft_cap", v.softCap, 0.0);
}

template <typename IO> void fields(IO &io, Tokens &v) {
  io.maybe("bos", v.bos);
  io.optional("eos", v.eos, std::vector<int64_t>());
  io.maybe("pad", v.pad);
  io.maybe("add_bos", v.addBos);
  io.maybe("decoder_start", v.decoderStart);
  io.maybe("mask", v.mask);
  io.maybe("forced_bos", v.forcedBos);
  io.maybe("forced_eos", v.forcedEos);
  io.optional("banned", v.banned, std::vector<std::vector<int64_t>>());
  io.optional("banned_first", v.bannedFirst, std::vector<int64_t>());
}

template <typename IO> void fields(IO &io, Generation &v) {
  io.maybe("sample", v.sample);
  io.maybe("temperature", v.temperature);
  io.maybe("top_k", v.topK);
  io.maybe("top_p", v.topP);
  io.maybe("min_p", v.minP);
  io.maybe("repetition_penalty", v.repetitionPenalty);
  io.maybe("beams", v.beams);
  io.maybe("length_penalty", v.lengthPenalty);
  io.maybe("early_stopping", v.earlyStopping);
  io.maybe("max_length", v.maxLength);
  io.maybe("min_length", v.minLength);
  io.maybe("no_repeat", v.noRepeat);
}

template <typename IO> void fields(IO &io, SentenceVector &v) {
  io.required("pooling", v.pooling);
  io.optional("normalize", v.normalize, false);
  io.optional("max_tokens", v.maxTokens, int64_t(0));
}

template <typename IO> void fields(IO &io, RowSlice &v) {
  io.optional("first", v.first, int64_t(0));
  io.required("length", v.length);
  io.optional("period", v.period, int64_t(0));
  if (!v.period)
    io.required("of", v.of);
}

template <typename IO> void fields(IO &io, Weights &v) {
  io.optional("file", v.file, std::string());
  io.maybe("random", v.random);
  io.optional("ignore", v.ignore, std::vector<std::string>());
}

} // namespace attune::yaml

#endif // ATTUNE_FRONTEND_YAML_SCHEMA_H
