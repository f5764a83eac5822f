// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Checks of a description's values, whatever it was read from.

#include "frontend/Words.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace attune;
using llvm::Error;
using llvm::formatv;
using llvm::Twine;

/// Sizes above this are refused, so that products of two fit 64 bits.
static constexpr int64_t maxSize = int64_t(1) << 31;

namespace {
/// Collects the first error; later checks then do nothing.
class Checker {
public:
  explicit Checker(const Description &description) : model(description) {}
  Error run();

private:
  void fail(const Twine &field, const Twine &message) {
    if (!failed)
      failed.emplace(field.str(), message.str());
  }
  void size(const Twine &field, int64_t value) {
    if (value < 1 || value >= maxSize)
      fail(field, formatv("is {0}, expected a number from 1 to {1}", value, maxSize - 1));
  }
  void notNegative(const Twine &field, double value) {
    if (!(value >= 0) || std::isinf(value))
      fail(field, "is " + numberText(value) + ", expected 0 or a positive number");
  }
  void positive(const Twine &field, double value) {
    if (!(value > 0) || std::isinf(value))
      fail(field, "is " + numberText(value) + ", expected a positive number");
  }
  void finite(const Twine &field, double value) {
    if (!std::isfinite(value))
      fail(field, "is " + numberText(value) + ", expected a finite number");
  }
  void token(const Twine &field, std::optional<int64_t> id);
  void norm(const Twine &field, const std::optional<Norm> &value);
  void branch(const Twine &field, const Branch &value);
  void rotary(const std::string &field, const Rotary &value, int64_t headSize);
  void scalingOf(const std::string &at, const Rotary &value);
  void latent(const std::string &field, const Attention &value);
  void experts(const std::string &field, const Experts &value);
  void withoutGates(const std::string &field, const Experts &value);
  void withoutProjections(const std::string &field, const Attention &value);
  void attention(const std::string &field, const Attention &value);
  void layer(const std::string &field, const Layer &value);
  void inputs();
  void positions(const std::string &field, const Stack &stack);
  void stack(const std::string &prefix, const Stack &stack);
  void tokens();
  void literals();

  const Description &model;
  std::optional<FieldError> failed;
};
} // namespace

void Checker::token(const Twine &field, std::optional<int64_t> id) {
  if (id && (*id < 0 || *id >= model.vocabulary))
    fail(field, formatv("is {0}, expected a token id below vocabulary, which is {1}", *id, model.vocabulary));
}

void Checker::norm(const Twine &field, const std::optional<Norm> &value) {
  if (!value)
    return;
  notNegative(field + ".eps", value->eps);
  finite(field + ".weight_offset", value->weightOffset);
  if (value->bias && !value->weight)
    fail(field + ".bias", "is true, but the norm has no weight");
}

void Checker::branch(const Twine &field, const Branch &value) {
  norm(field + ".norm_before", value.normBefore);
  norm(field + ".norm_branch", value.normBranch);
  norm(field + ".norm_after", value.normAfter);
  finite(field + ".residual_scale", value.residualScale);
}

void Checker::rotary(const std::string &field, const Rotary &value, int64_t headSize) {
  if (value.dims < 2 || value.dims % 2 || value.dims > headSize)
    fail(field + ".dims",
         formatv("is {0}, expected an even number from 2 to head_size, which is {1}", value.dims, headSize));
  positive(field + ".base", value.base);
  scalingOf(field + ".scaling", value);
}

void Checker::scalingOf(const std::string &at, const Rotary &value) {
  const RotaryScaling &scaling = value.scaling;
  positive(at + ".factor", scaling.factor);
  bool yarn = scaling.kind == ScalingKind::yarn, longrope = scaling.kind == ScalingKind::longrope;
  if (yarn || longrope) {
    size(at + ".original_context", scaling.originalContext);
    positive(at + ".magnitude", scaling.magnitude);
  }
  if (yarn) {
    positive(at + ".beta_slow", scaling.betaSlow);
    if (!(scaling.betaFast > scaling.betaSlow))
      fail(at + ".beta_fast", formatv("is {0}, expected more than beta_slow, which is {1}",
                                      numberText(scaling.betaFast), numberText(scaling.betaSlow)));
  }
  if (scaling.kind == ScalingKind::llama3) {
    size(at + ".original_context", scaling.originalContext);
    positive(at + ".low_frequency_factor", scaling.lowFrequencyFactor);
    if (!(scaling.highFrequencyFactor > scaling.lowFrequencyFactor))
      fail(at + ".high_frequency_factor",
           formatv("is {0}, expected more than low_frequency_factor, which is {1}",
                   numberText(scaling.highFrequencyFactor), numberText(scaling.lowFrequencyFactor)));
  }
  if (scaling.kind == ScalingKind::dynamic) {
    size(at + ".original_context", scaling.originalContext);
    if (model.context > scaling.originalContext)
      fail(at + ".original_context",
           formatv(
               "is {0}, less than context, which is {1}: dynamic scaling rotates all keys anew as a longer "
               "sequence grows, which is not supported",
               scaling.originalContext, model.context));
  }
  auto divisors = [&](const std::string &name, const std::vector<double> &factors) {
    if (static_cast<int64_t>(factors.size()) != value.dims / 2)
      fail(at + name,
           formatv("has {0} numbers, expected {1} (half of dims)", factors.size(), value.dims / 2));
    for (double factor : factors)
      positive(at + name, factor);
  };
  if (scaling.kind == ScalingKind::factors || longrope)
    divisors(".factors", scaling.factors);
  if (longrope)
    divisors(".long_factors", scaling.longFactors);
}

/// The cache holds the latent vector as the only key head, whose values are its beginning.
void Checker::latent(const std::string &field, const Attention &value) {
  size(field + ".latent.rank", value.latent->rank);
  if (value.latent->queryRank)
    size(field + ".latent.query_rank", value.latent->queryRank);
  norm(field + ".latent.norm", value.latent->norm);
  if (value.keyHeads != value.heads)
    fail(field + ".key_heads",
         formatv("is {0}, expected heads, which is {1}: each head has keys of its own from the "
                 "latent vector",
                 value.keyHeads, value.heads));
  if (value.rotary && value.rotary->dims >= value.headSize)
    fail(field + ".rotary.dims",
         formatv("is {0}, expected less than head_size, which is {1}, in latent attention",
                 value.rotary->dims, value.headSize));
  if (value.queryKeyNorm || value.relativeBias || value.temperature)
    fail(field + ".latent", "is not for attention with query_key_norm, relative_bias or temperature");
}

void Checker::experts(const std::string &field, const Experts &value) {
  size(field + ".count", value.count);
  if (value.perToken < 1 || value.perToken > value.count)
    fail(field + ".per_token",
         formatv("is {0}, expected 1 to count, which is {1}", value.perToken, value.count));
  finite(field + ".scale", value.scale);
  notNegative(field + ".limit", value.limit);
  finite(field + ".up_offset", value.upOffset);
  if (value.shared)
    size(field + ".shared.size", value.shared->size);
  if (failed || !value.groups)
    return;
  if (value.groups < 0 || value.count % value.groups)
    return fail(field + ".groups",
                formatv("is {0}, which does not divide count, which is {1}", value.groups, value.count));
  int64_t members = value.count / value.groups;
  if (value.topGroups < 1 || value.topGroups > value.groups)
    fail(field + ".top_groups",
         formatv("is {0}, expected 1 to groups, which is {1}", value.topGroups, value.groups));
  if (value.topGroups * members < value.perToken)
    fail(field + ".per_token", formatv("is {0}, but {1} groups of {2} experts have fewer", value.perToken,
                                       value.topGroups, members));
  if (value.groupScore == GroupScore::top2_sum && members < 2)
    fail(field + ".group_score", formatv("is top2_sum, but groups have {0} experts", members));
}

/// What is about gates, in experts that have none.
void Checker::withoutGates(const std::string &field, const Experts &value) {
  if (value.limit != 0)
    fail(field + ".limit", "is for networks with gates, but feed_forward.gated is false");
  if (value.upOffset != 0)
    fail(field + ".up_offset", "is for networks with gates, but feed_forward.gated is false");
}

/// Attention on given queries, keys and values is that alone.
void Checker::withoutProjections(const std::string &field, const Attention &value) {
  if (model.kind != ModelKind::literal)
    fail(field + ".projections", "is false, which needs kind: literal with the inputs q, k and v");
  if (value.output)
    fail(field + ".output", "is true, expected false (there are no projections)");
  if (value.residual)
    fail(field + ".residual", "is true, expected false (there are no projections)");
  if (value.normBefore || value.normBranch || value.normAfter || value.queryKeyNorm)
    fail(field, "has a norm, expected none (there are no projections)");
}

void Checker::attention(const std::string &field, const Attention &value) {
  branch(field, value);
  if (!value.projections)
    withoutProjections(field, value);
  size(field + ".heads", value.heads);
  size(field + ".key_heads", value.keyHeads);
  size(field + ".head_size", value.headSize);
  if (failed)
    return;
  if (value.heads % value.keyHeads)
    fail(field + ".key_heads",
         formatv("is {0}, which does not divide heads, which is {1}", value.keyHeads, value.heads));
  size(field + ".heads", value.heads * value.headSize);
  if (value.mask.window < 0 || value.mask.window >= maxSize)
    fail(field + ".mask.window",
         formatv("is {0}, expected 0 (no window) or a number of keys", value.mask.window));
  if (value.mask.chunk < 0 || value.mask.chunk >= maxSize)
    fail(field + ".mask.chunk",
         formatv("is {0}, expected 0 (no chunks) or a number of keys", value.mask.chunk));
  if (value.scale)
    finite(field + ".scale", *value.scale);
  notNegative(field + ".soft_cap", value.softCap);
  norm(field + ".query_key_norm", value.queryKeyNorm);
  if (value.queryKeyNormAfterRotary && value.queryKeyNormSpan == NormSpan::projection)
    fail(field + ".query_key_norm_after_rotary", "is true, which needs query_key_norm_span: head");
  if (value.valueSize)
    size(field + ".value_size", value.valueSize);
  if (value.latent)
    latent(field, value);
  if (value.temperature)
    positive(field + ".temperature.floor_scale", value.temperature->floorScale);
  if (value.sinks && value.normalizer != Normalizer::softmax)
    fail(field + ".sinks", "is true, which needs normalizer: softmax");
  if (value.relativeBias) {
    int64_t least = value.mask.causal ? 2 : 4, buckets = value.relativeBias->buckets;
    if (buckets < least)
      fail(field + ".relative_bias.buckets", formatv("is {0}, expected at least {1}", buckets, least));
    if (value.relativeBias->maxDistance <= buckets / least)
      fail(field + ".relative_bias.max_distance",
           formatv("is {0}, expected more than {1}, the distances with buckets of their own",
                   value.relativeBias->maxDistance, buckets / least));
  }
  if (value.rotary)
    rotary(field + ".rotary", *value.rotary, value.headSize);
  if (!value.output && value.outputBias)
    fail(field + ".output_bias", "is true, but there is no output projection");
  if (!value.output && value.residual && value.heads * value.sizeOfValues() != model.hidden)
    fail(field + ".residual",
         formatv("is true without an output projection, but heads x head_size is {0} and hidden is {1}",
                 value.heads * value.headSize, model.hidden));
}

void Checker::layer(const std::string &field, const Layer &value) {
  if (!value.attention && !value.feedForward)
    fail(field, "has neither attention nor feed_forward");
  if (value.attention)
    attention(field + ".attention", *value.attention);
  if (value.feedForward) {
    branch(field + ".feed_forward", *value.feedForward);
    size(field + ".feed_forward.size", value.feedForward->size);
    if (value.feedForward->experts && !value.feedForward->gated)
      withoutGates(field + ".feed_forward.experts", *value.feedForward->experts);
    if (value.feedForward->experts)
      experts(field + ".feed_forward.experts", *value.feedForward->experts);
  }
  if (value.crossAttention) {
    attention(field + ".cross_attention", *value.crossAttention);
    if (!model.encoder)
      fail(field + ".cross_attention", "needs an encoder");
    if (value.crossAttention->rotary || value.crossAttention->relativeBias || value.crossAttention->latent)
      fail(field + ".cross_attention", "has rotary, relative_bias or latent, which are for self-attention");
    if (!(value.crossAttention->mask == Mask()))
      fail(field + ".cross_attention.mask", "is not none: every key of the encoder is seen");
  }
  if (value.feedForward && value.attention && !value.attention->projections)
    fail(field + ".feed_forward", "is not for attention without projections");
  if (value.parallel && value.crossAttention)
    fail(field + ".parallel", "is true, which is not for layers with cross_attention");
  if (value.parallel && (!value.attention || !value.feedForward))
    fail(field + ".parallel", "is true, which needs both attention and feed_forward");
}

void Checker::positions(const std::string &field, const Stack &stack) {
  const Positions &value = stack.positions;
  if (value.kind == PositionKind::sinusoidal) {
    positive(field + ".base", value.base);
    if (model.hidden % 2)
      fail(field + ".kind", formatv("is sinusoidal, which needs an even hidden; it is {0}", model.hidden));
  }
  if (value.kind != PositionKind::learned)
    return;
  size(field + ".rows", value.rows);
  token(field + ".uncounted", value.uncounted);
  if (value.uncounted && (model.kind != ModelKind::encoder || value.offset < 1))
    fail(field + ".uncounted", "is for encoders whose position 0 is not the table's first row");
  if (value.offset < 0 || value.rows - value.offset < model.context)
    fail(field + ".rows", formatv("is {0}, expected at least context + offset = {1} + {2}", value.rows,
                                  model.context, value.offset));
}

void Checker::stack(const std::string &prefix, const Stack &stack) {
  if (stack.layers.empty())
    fail(prefix + "layers", "are missing, expected at least one");
  finite(prefix + "embedding.scale", stack.embedding.scale);
  if (stack.embedding.size)
    size(prefix + "embedding.size", stack.embedding.size);
  if (stack.embedding.tokenTypes)
    size(prefix + "embedding.token_types", stack.embedding.tokenTypes);
  norm(prefix + "embedding.norm", stack.embedding.norm);
  positions(prefix + "positions", stack);
  for (size_t i = 0; i < stack.layers.size() && !failed; ++i)
    layer(formatv("{0}layers[{1}]", prefix, i), stack.layers[i]);
  norm(prefix + "final_norm", stack.finalNorm);
}

void Checker::tokens() {
  const Tokens &tokens = model.tokens;
  token("tokens.bos", tokens.bos);
  token("tokens.pad", tokens.pad);
  token("tokens.decoder_start", tokens.decoderStart);
  token("tokens.mask", tokens.mask);
  token("tokens.forced_bos", tokens.forcedBos);
  token("tokens.forced_eos", tokens.forcedEos);
  for (int64_t id : tokens.eos)
    token("tokens.eos", id);
  for (const std::vector<int64_t> &ids : tokens.banned) {
    if (ids.empty())
      fail("tokens.banned", "has an empty list");
    for (int64_t id : ids)
      token("tokens.banned", id);
  }
  for (int64_t id : tokens.bannedFirst)
    token("tokens.banned_first", id);
}

/// A literal model has one attention, from `x` or from `q`, `k` and `v`.
void Checker::inputs() {
  if (model.kind != ModelKind::literal) {
    if (!model.inputs.empty())
      fail("inputs", "stand in the description, so kind must be literal");
    return;
  }
  if (!model.layers.empty() && !model.layers[0].attention)
    fail("layers[0]", "has no attention, which a literal model needs");
  bool projections =
      model.layers.empty() || !model.layers[0].attention || model.layers[0].attention->projections;
  std::vector<std::string> expected =
      projections ? std::vector<std::string>{"x"} : std::vector<std::string>{"k", "q", "v"};
  std::vector<std::string> found;
  for (const auto &[name, value] : model.inputs)
    found.push_back(name);
  if (found != expected)
    fail("inputs", projections ? "expected one input, x (attention with projections)"
                               : "expected the inputs q, k and v (attention without projections)");
  if (!projections && model.layers.size() != 1)
    fail("layers", formatv("are {0}, expected one: its inputs q, k and v are values", model.layers.size()));
}

void Checker::literals() {
  size_t tokens = 0;
  for (const auto &[name, rows] : model.inputs) {
    std::string field = "inputs." + name;
    const auto &attention = model.layers.empty() ? std::optional<Attention>() : model.layers[0].attention;
    int64_t width = model.hidden;
    if (name != "x" && attention)
      width = (name == "q" ? attention->heads : attention->keyHeads) * attention->headSize;
    if (rows.empty())
      fail(field, "has no rows, expected one for each token");
    if (tokens && rows.size() != tokens)
      fail(field, formatv("has {0} rows, the other inputs have {1}", rows.size(), tokens));
    tokens = rows.size();
    for (const auto &row : rows) {
      if (static_cast<int64_t>(row.size()) != width)
        fail(field, formatv("has a row of {0} numbers, expected {1}", row.size(), width));
      for (double number : row)
        finite(field, number);
    }
  }
}

Error Checker::run() {
  if (model.kind == ModelKind::tokenizer)
    return Error::success();
  size("hidden", model.hidden);
  size("context", model.context);
  if (model.kind != ModelKind::literal)
    size("vocabulary", model.vocabulary);
  stack("", model);
  if (model.encoder)
    stack("encoder.", *model.encoder);
  bool pair = model.kind == ModelKind::encoder_decoder;
  if (pair != model.encoder.has_value())
    fail("encoder", pair ? "is missing, expected one beside the decoder" : "needs kind: encoder_decoder");
  if (pair && !model.tokens.decoderStart)
    fail("tokens.decoder_start", "is missing, expected the token that a decoder begins with");
  if ((model.kind == ModelKind::decoder || pair) && !model.head)
    fail("head", "is missing, expected one: a decoder predicts the next token");
  if (model.kind == ModelKind::literal && model.head)
    fail("head", "is not for literal models");
  if (model.head) {
    finite("head.scale", model.head->scale);
    notNegative("head.soft_cap", model.head->softCap);
    if (model.head->transform) {
      norm("head.transform.norm_before", model.head->transform->normBefore);
      norm("head.transform.norm", model.head->transform->norm);
    }
  }
  if (model.sentence && model.sentence->maxTokens)
    size("sentence.max_tokens", model.sentence->maxTokens);
  inputs();
  if (!failed)
    literals();
  tokens();
  return failed ? llvm::make_error<FieldError>(*failed) : Error::success();
}

Error attune::validate(const Description &description) { return Checker(description).run(); }
