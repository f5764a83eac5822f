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
enum class ModelKind { decoder, encoder, literal, tokenizer, encoder_decoder };
enum class NormKind { rms, layer };
enum class Activation { identity, relu, silu, gelu, gelu_tanh, sigmoid, tanh, relu_squared, quick_gelu };
enum class Pairing { half_split, interleaved };
enum class Normalizer { softmax, sum };
enum class PositionKind { none, learned, sinusoidal };
enum class Combine { add, multiply };
enum class ScalingKind { none, linear, llama3, factors, yarn, longrope, dynamic };
/// What a norm of queries and keys spans: each head by itself, or the whole projection.
enum class NormSpan { head, projection };
/// How router logits become weights: a softmax over all experts, over the chosen ones, or each by itself.
enum class RouterScores { softmax, softmax_chosen, sigmoid };
/// What ranks a group of experts: its best score, or the sum of its two best.
enum class GroupScore { max, top2_sum };
enum class Pooling { mean, first, last };
/// When a beam search gives up unfinished sequences: runtime/engine/BeamSearch.h.
enum class EarlyStopping { no, yes, never };

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
  std::vector<double> factors;          ///< factors, longrope: a divisor for each frequency
  std::vector<double> longFactors = {}; ///< longrope: those of sequences longer than originalContext
  double betaFast = 32, betaSlow = 1;   ///< yarn: rotations within originalContext that bound its ramp
  bool truncate = true;                 ///< yarn: the ramp begins and ends at whole dimensions
  /// yarn, longrope: cosines and sines are multiplied by it (already worked out from the model's settings).
  double magnitude = 1;
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

/// Llama 4's attention temperature: queries at position p are multiplied by
/// `1 + scale * log(1 + floor((p + 1) / floorScale))`.
struct Temperature {
  double floorScale = 8192, scale = 0.1;
  bool operator==(const Temperature &) const = default;
};

/// T5's learned bias of the scores by the distance of key and query, in buckets that widen with the distance.
/// Causal attention has buckets for earlier keys alone. All layers of a stack share one table.
struct RelativeBias {
  int64_t buckets = 32;
  int64_t maxDistance = 128;
  bool operator==(const RelativeBias &) const = default;
};

/// DeepSeek's latent attention: keys and values are made from one short vector per token, which is what the
/// cache holds, beside one rotated key that all heads share.
struct Latent {
  int64_t rank = 0;               ///< size of that vector
  int64_t queryRank = 0;          ///< queries go through a vector of this size as well; 0: they do not
  Norm norm{NormKind::rms, 1e-6}; ///< of both vectors; DeepSeek's do not follow the layers' epsilon
  bool operator==(const Latent &) const = default;
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
  int64_t keyHeads = 1;  ///< divides heads: key head k serves query heads k * heads / keyHeads onwards
  int64_t headSize = 0;  ///< of queries and keys
  int64_t valueSize = 0; ///< of values; 0: as headSize
  Mask mask;
  std::optional<double> scale; ///< of scores; 1 / sqrt(headSize) without one
  Normalizer normalizer = Normalizer::softmax;
  double softCap = 0; ///< of scores, 0 means none
  bool bias = false;  ///< of the query, key and value projections
  bool outputBias = false;
  bool sinks = false; ///< a learned score of each head that joins the softmax and takes its share away
  bool projections =
      true; ///< query, key and value are linear maps of x; without, the description's inputs hold them
  bool output = true; ///< the heads' results go through an output projection
  std::optional<Norm> queryKeyNorm;
  NormSpan queryKeyNormSpan = NormSpan::head;
  bool queryKeyNormAfterRotary = false;
  std::optional<Rotary> rotary; ///< of a head's first elements; in latent attention of its last ones
  std::optional<Temperature> temperature;
  std::optional<RelativeBias> relativeBias;
  std::optional<Latent> latent; ///< keyHeads is then heads

  /// The factor of the scores.
  double scoreScale() const;
  int64_t sizeOfValues() const { return valueSize ? valueSize : headSize; }
  bool operator==(const Attention &) const = default;
};

/// A feed-forward network beside the routed ones, which every token meets.
struct SharedExpert {
  int64_t size = 0;
  bool gate = false; ///< its result is multiplied by sigmoid(a learned score of the token)
  bool operator==(const SharedExpert &) const = default;
};

/// A sparse mixture: a router chooses a few of the networks for each token.
struct Experts {
  int64_t count = 0;
  int64_t perToken = 0;
  RouterScores scores = RouterScores::softmax;
  bool renormalize = false; ///< the chosen weights are divided by their sum
  double scale = 1;         ///< of the weights
  int64_t groups = 0;       ///< experts in consecutive groups, of which topGroups may be chosen; 0: none
  int64_t topGroups = 0;
  GroupScore groupScore = GroupScore::max;
  bool routerBias = false;     ///< of the router's logits
  bool correctionBias = false; ///< added to the scores for the choice alone
  bool weighInput = false;     ///< weights multiply the experts' inputs instead of their results
  double limit = 0;            ///< gate is clamped to at most this, up to at most this either way; 0: neither
  double upOffset = 0;         ///< added to up
  std::optional<SharedExpert> shared;
  bool operator==(const Experts &) const = default;
};

struct FeedForward : Branch {
  int64_t size = 0; ///< of the inner vector; of each expert's
  Activation activation = Activation::silu;
  bool gated = false; ///< down(activation(gate x) * up x) instead of down(activation(up x))
  bool bias = false;
  std::optional<Experts> experts;
  bool operator==(const FeedForward &) const = default;
};

struct Layer {
  std::optional<Attention> attention;
  std::optional<FeedForward> feedForward;
  bool parallel = false; ///< both branches read the layer's input: x + attention(x) + feedForward(x)
  std::optional<Attention> crossAttention = {}; ///< to the encoder's result, between the other two
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
  /// learned: tokens with this id are not counted and have the row before (RoBERTa's padding)
  std::optional<int64_t> uncounted = {};
  bool operator==(const Positions &) const = default;
};

struct Embedding {
  double scale = 1;
  int64_t size = 0;         ///< of the table's rows, which are projected to hidden; 0: they are hidden
  int64_t tokenTypes = 0;   ///< rows of a second table (segments of the input), whose row is added; 0: none
  std::optional<Norm> norm; ///< after positions
  bool operator==(const Embedding &) const = default;
};

/// What masked-word models do before the output matrix: norm(activation(linear(normBefore x))).
struct HeadTransform {
  Activation activation = Activation::gelu;
  bool bias = true;
  std::optional<Norm> norm;
  std::optional<Norm> normBefore = {};
  bool operator==(const HeadTransform &) const = default;
};

struct Head {
  bool tied = false; ///< the embedding table is the output matrix
  bool bias = false;
  double scale = 1;   ///< of logits
  double softCap = 0; ///< of logits, 0 means none
  std::optional<HeadTransform> transform = {};
  bool operator==(const Head &) const = default;
};

/// Special token ids.
struct Tokens {
  std::optional<int64_t> bos, pad;
  std::vector<int64_t> eos;
  std::optional<bool> addBos; ///< unknown: the tokenizer's own rules decide
  std::optional<int64_t> decoderStart = {}, mask = {}, forcedBos = {}, forcedEos = {};
  std::vector<std::vector<int64_t>> banned = {}; ///< stretches of ids that are never generated
  std::vector<int64_t> bannedFirst = {};         ///< ids that no generated text begins with
  bool operator==(const Tokens &) const = default;
};

/// The publisher's sampling defaults.
struct Generation {
  std::optional<bool> sample;
  std::optional<double> temperature, topP, minP, repetitionPenalty;
  std::optional<int64_t> topK, beams = {}, maxLength = {}, minLength = {}, noRepeat = {};
  std::optional<double> lengthPenalty = {};
  std::optional<EarlyStopping> earlyStopping = {};
  bool operator==(const Generation &) const = default;
};

/// A matrix or vector (one row) of values that stand in the description.
using Literal = std::vector<std::vector<double>>;

/// Some rows of a stored matrix: `length` of every `period` rows, from `first` on.
struct RowSlice {
  int64_t first = 0, length = 0;
  int64_t period = 0; ///< 0: one stretch alone, of a matrix of `of` rows
  int64_t of = 0;
  bool operator==(const RowSlice &) const = default;
};

/// Where a parameter's values come from. A parameter of rank 3 is a stack of matrices (experts, heads): its
/// tensor is such a stack, or a matrix cut into equal parts, or one tensor for each (`{expert}`). What is
/// said of rows then holds for each matrix.
struct TensorSource {
  /// Of the tensor in the model's files; `{}` stands for the layer's number, `{expert}` for the expert's.
  std::string name;
  bool transposed = false; ///< the file holds the matrix as [in, out]
  /// How it is stored, by layer of the model (those without the parameter: f32); one for the whole model
  /// outside the layers. Empty: not known yet, as the file says.
  std::vector<StorageType> types;
  std::optional<Literal> value;
  std::optional<RowSlice> rows = {}; ///< of the file's matrix (after transposition), or of its vector
  int64_t storedColumns = 0;         ///< the matrix is the first columns of so many; 0: it is all
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

/// From ids to hidden vectors.
struct Stack {
  Embedding embedding;
  Positions positions;
  std::vector<Layer> layers;
  std::optional<Norm> finalNorm;
  bool operator==(const Stack &) const = default;
};

/// How a sentence's vector is made from its tokens' vectors.
struct SentenceVector {
  Pooling pooling = Pooling::mean;
  bool normalize = false; ///< to length 1
  int64_t maxTokens = 0;  ///< longer texts are cut; 0: none is
  bool operator==(const SentenceVector &) const = default;
};

/// The stack is the model's; an encoder-decoder's decoder, which has an encoder beside it with the same
/// embedding table.
struct Description : Stack {
  std::string name;
  ModelKind kind = ModelKind::decoder;
  int64_t vocabulary = 0; ///< rows of the embedding table
  int64_t hidden = 0;
  int64_t context = 0; ///< positions that the model was made for
  std::optional<Stack> encoder;
  std::optional<Head> head;
  std::optional<SentenceVector> sentence;
  std::map<std::string, Literal> inputs; ///< literal models: `x`, or `q`, `k` and `v`; a row per token
  Tokens tokens;
  Generation generation;
  std::string chatTemplate;
  std::string tokenizer; ///< a tokenizer.json, .gguf, .model or .spm; empty: none
  Weights weights;
  std::map<std::string, TensorSource> tensors; ///< by parameter name, see Parameters.h
  Origin origin;
  bool operator==(const Description &) const = default;
};

/// Whether the embedding table's rows have another size than hidden vectors.
inline bool projectsEmbeddings(const Description &description) {
  return description.embedding.size && description.embedding.size != description.hidden;
}

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

/// Groups the layers of the model's own stack, or of the encoder beside it; the tensors' types must be known.
Schedule scheduleOf(const Description &description, bool ofEncoder = false);

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
