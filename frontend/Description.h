// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// What a Transformer model is, as data: every model, whatever file it came from, becomes one Description.
/// docs/description.md explains each field under its YAML name. A Hugging Face family or a GGUF architecture
/// is a mapping onto this structure, and the Builder turns the structure into IR without knowing any family.
///
/// The description is plain data: a mapping fills it, `validate` checks it, `bindTensors` (Parameters.h)
/// finds the tensors.

#ifndef ATTUNE_FRONTEND_DESCRIPTION_H
#define ATTUNE_FRONTEND_DESCRIPTION_H

#include "frontend/weights/BlockFormat.h"

#include "llvm/Support/Error.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace attune {

/// `literal`: the inputs are values in the description itself. `tokenizer`: no model, only a vocabulary.
enum class ModelKind { decoder, encoder, literal, tokenizer };
enum class NormKind { rms, layer };
enum class Activation { identity, relu, silu, gelu, gelu_tanh, sigmoid, tanh, relu_squared, quick_gelu };
enum class Pairing { half_split, interleaved };
enum class Normalizer { softmax, sum };
enum class PositionKind { none, learned, sinusoidal };
enum class Combine { add, multiply };
enum class ScalingKind { none, linear, llama3, factors };
/// What a norm of queries and keys spans: each head by itself, or the whole projection.
enum class NormSpan { head, projection };

struct Norm {
  NormKind kind = NormKind::rms;
  double eps = 1e-5;
  bool weight = true;
  bool bias = false;
  double weightOffset = 0; ///< added to the stored weight (Gemma's files hold w of 1 + w)
  bool operator==(const Norm &) const = default;
};

/// How rotary frequencies `1 / base^(2i/dims)` are stretched for long contexts.
struct RotaryScaling {
  ScalingKind kind = ScalingKind::none;
  double factor = 1; ///< linear, llama3: what the frequencies are divided by
  double lowFrequencyFactor = 1, highFrequencyFactor = 4;
  int64_t originalContext = 0;
  std::vector<double> factors; ///< factors: a divisor for each frequency
  bool operator==(const RotaryScaling &) const = default;
};

struct Rotary {
  int64_t dims = 0; ///< elements of a head that rotate, even
  double base = 10000;
  Pairing pairing = Pairing::half_split;
  RotaryScaling scaling;
  bool operator==(const Rotary &) const = default;
};

struct Mask {
  bool causal = false;
  int64_t window = 0; ///< keys that a query sees, its own included; 0 means all
  int64_t chunk = 0;
  bool operator==(const Mask &) const = default;
};

/// What attention and feed-forward have in common: `x + scale * normBranch(f(normBefore(x)))`, then
/// normAfter.
struct Branch {
  std::optional<Norm> normBefore, normBranch, normAfter;
  bool residual = true;
  double residualScale = 1;
  bool operator==(const Branch &) const = default;
};

struct Attention : Branch {
  int64_t heads = 1;
  int64_t keyHeads = 1; ///< divides heads: key head k serves query heads k * heads / keyHeads onwards
  int64_t headSize = 0;
  Mask mask;
  std::optional<double> scale; ///< of scores; 1 / sqrt(headSize) without one
  Normalizer normalizer = Normalizer::softmax;
  double softCap = 0; ///< of scores, 0 means none
  bool bias = false;  ///< of the query, key and value projections
  bool outputBias = false;
  bool projections =
      true; ///< query, key and value are linear maps of x; without, the description's inputs hold them
  bool output = true; ///< the heads' results go through an output projection
  std::optional<Norm> queryKeyNorm;
  NormSpan queryKeyNormSpan = NormSpan::head;
  std::optional<Rotary> rotary;

  /// The factor of the scores.
  double scoreScale() const;
  bool operator==(const Attention &) const = default;
};

struct FeedForward : Branch {
  int64_t size = 0;
  Activation activation = Activation::silu;
  bool gated = false; ///< down(activation(gate x) * up x) instead of down(activation(up x))
  bool bias = false;
  bool operator==(const FeedForward &) const = default;
};

struct Layer {
  std::optional<Attention> attention;
  std::optional<FeedForward> feedForward;
  bool parallel = false; ///< both branches read the layer's input: x + attention(x) + feedForward(x)
  bool operator==(const Layer &) const = default;
};

/// What is done with positions at the embeddings; rotary positions belong to attention.
struct Positions {
  PositionKind kind = PositionKind::none;
  Combine combine = Combine::add;
  Pairing pairing = Pairing::interleaved; ///< sinusoidal
  double base = 10000;                    ///< sinusoidal
  int64_t rows = 0;                       ///< learned: rows of the table
  int64_t offset = 0;                     ///< learned: row of position 0
  bool operator==(const Positions &) const = default;
};

struct Embedding {
  double scale = 1;
  std::optional<Norm> norm; ///< after positions
  bool operator==(const Embedding &) const = default;
};

struct Head {
  bool tied = false; ///< the embedding table is the output matrix
  bool bias = false;
  double scale = 1;   ///< of logits
  double softCap = 0; ///< of logits, 0 means none
  bool operator==(const Head &) const = default;
};

/// Special token ids.
struct Tokens {
  std::optional<int64_t> bos, pad;
  std::vector<int64_t> eos;
  std::optional<bool> addBos; ///< unknown: the tokenizer's own rules decide
  bool operator==(const Tokens &) const = default;
};

/// The publisher's sampling defaults.
struct Generation {
  std::optional<bool> sample;
  std::optional<double> temperature, topP, minP, repetitionPenalty;
  std::optional<int64_t> topK;
  bool operator==(const Generation &) const = default;
};

/// A matrix or vector (one row) of values that stand in the description.
using Literal = std::vector<std::vector<double>>;

/// Where a parameter's values come from.
struct TensorSource {
  std::string name;        ///< of the tensor in the model's files; `{}` stands for the layer's number
  bool transposed = false; ///< the file holds the matrix as [in, out]
  /// How it is stored, by layer of the model (those without the parameter: f32); one for the whole model
  /// outside the layers. Empty: not known yet, as the file says.
  std::vector<StorageType> types;
  std::optional<Literal> value;
  bool operator==(const TensorSource &) const = default;
};

/// Where the model's tensors are.
struct Weights {
  std::string file;                ///< a .gguf, a .safetensors, or a folder of safetensors; empty: none
  std::optional<uint64_t> random;  ///< made by a fixed generator with this seed
  std::vector<std::string> ignore; ///< tensors of the file that may stay unused; `*` stands for anything
  bool operator==(const Weights &) const = default;
};

/// A place in a text, from 1; 0: unknown.
struct Place {
  unsigned line = 0, column = 0;
};

/// Where a description came from, for diagnostics. Not part of its value: two origins compare equal.
struct Origin {
  std::string file;
  std::map<std::string, Place> fields; ///< by path: "layers[0].attention.heads"
  bool operator==(const Origin &) const { return true; }
};

struct Description {
  std::string name;
  ModelKind kind = ModelKind::decoder;
  int64_t vocabulary = 0; ///< rows of the embedding table
  int64_t hidden = 0;
  int64_t context = 0; ///< positions that the model was made for
  Embedding embedding;
  Positions positions;
  std::vector<Layer> layers;
  std::optional<Norm> finalNorm;
  std::optional<Head> head;
  std::map<std::string, Literal> inputs; ///< literal models: `x`, or `q`, `k` and `v`; a row per token
  Tokens tokens;
  Generation generation;
  std::string chatTemplate;
  std::string tokenizer; ///< a tokenizer.json or .gguf; empty: none
  Weights weights;
  std::map<std::string, TensorSource> tensors; ///< by parameter name, see Parameters.h
  Origin origin;
  bool operator==(const Description &) const = default;
};

/// Layers with equal settings and equally stored parameters.
struct LayerKind {
  std::vector<int64_t> layers; ///< ascending; record r of the kind's parameters is that of layers[r]
};

/// `count` consecutive layers of one kind, beginning with `first`, whose parameters begin with record
/// `firstRecord`.
struct Run {
  int64_t kind, first, count, firstRecord;
};

struct Schedule {
  std::vector<LayerKind> kinds;
  std::vector<Run> runs;
};

/// Groups the layers; the tensors' types must be known.
Schedule scheduleOf(const Description &description);

/// Says which field (a path such as "layers[3].attention.heads") is wrong, and how.
class FieldError : public llvm::ErrorInfo<FieldError> {
public:
  static char ID;
  FieldError(std::string field, std::string message) : field(std::move(field)), message(std::move(message)) {}
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

  std::string field, message;
};

/// Checks that sizes are positive, that heads divide and so on. Errors are FieldErrors.
llvm::Error validate(const Description &description);

} // namespace attune

#endif // ATTUNE_FRONTEND_DESCRIPTION_H
