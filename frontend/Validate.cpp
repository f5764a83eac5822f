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
  void withoutProjections(const std::string &field, const Attention &value);
  void attention(const std::string &field, const Attention &value);
  void layer(const std::string &field, const Layer &value);
  void inputs();
  void positions();
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
  const RotaryScaling &scaling = value.scaling;
  std::string at = field + ".scaling";
  positive(at + ".factor", scaling.factor);
  if (scaling.kind == ScalingKind::llama3) {
    size(at + ".original_context", scaling.originalContext);
    positive(at + ".low_frequency_factor", scaling.lowFrequencyFactor);
    if (!(scaling.highFrequencyFactor > scaling.lowFrequencyFactor))
      fail(at + ".high_frequency_factor",
           formatv("is {0}, expected more than low_frequency_factor, which is {1}",
                   numberText(scaling.highFrequencyFactor), numberText(scaling.lowFrequencyFactor)));
  }
  if (scaling.kind == ScalingKind::factors) {
    if (static_cast<int64_t>(scaling.factors.size()) != value.dims / 2)
      fail(at + ".factors",
           formatv("has {0} numbers, expected {1} (half of dims)", scaling.factors.size(), value.dims / 2));
    for (double factor : scaling.factors)
      positive(at + ".factors", factor);
  }
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
  if (value.rotary)
    rotary(field + ".rotary", *value.rotary, value.headSize);
  if (!value.output && value.outputBias)
    fail(field + ".output_bias", "is true, but there is no output projection");
  if (!value.output && value.residual && value.heads * value.headSize != model.hidden)
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
  }
  if (value.feedForward && value.attention && !value.attention->projections)
    fail(field + ".feed_forward", "is not for attention without projections");
  if (value.parallel && (!value.attention || !value.feedForward))
    fail(field + ".parallel", "is true, which needs both attention and feed_forward");
}

void Checker::positions() {
  const Positions &value = model.positions;
  if (value.kind == PositionKind::sinusoidal) {
    positive("positions.base", value.base);
    if (model.hidden % 2)
      fail("positions.kind", formatv("is sinusoidal, which needs an even hidden; it is {0}", model.hidden));
  }
  if (value.kind != PositionKind::learned)
    return;
  size("positions.rows", value.rows);
  if (value.offset < 0 || value.rows - value.offset < model.context)
    fail("positions.rows", formatv("is {0}, expected at least context + offset = {1} + {2}", value.rows,
                                   model.context, value.offset));
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
  if (model.layers.empty())
    fail("layers", "are missing, expected at least one");
  finite("embedding.scale", model.embedding.scale);
  norm("embedding.norm", model.embedding.norm);
  positions();
  for (size_t i = 0; i < model.layers.size() && !failed; ++i)
    layer(formatv("layers[{0}]", i), model.layers[i]);
  norm("final_norm", model.finalNorm);
  if (model.kind == ModelKind::decoder && !model.head)
    fail("head", "is missing, expected one: a decoder predicts the next token");
  if (model.kind == ModelKind::literal && model.head)
    fail("head", "is not for literal models");
  if (model.head) {
    finite("head.scale", model.head->scale);
    notNegative("head.soft_cap", model.head->softCap);
  }
  inputs();
  if (!failed)
    literals();
  token("tokens.bos", model.tokens.bos);
  token("tokens.pad", model.tokens.pad);
  for (int64_t id : model.tokens.eos)
    token("tokens.eos", id);
  return failed ? llvm::make_error<FieldError>(*failed) : Error::success();
}

Error attune::validate(const Description &description) { return Checker(description).run(); }
