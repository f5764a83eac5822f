// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a payload's metadata says, as structures: see runtime/program/PayloadFormat.h for the JSON.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attune {

enum class ElementType { I8, I32, I64, F16, BF16, F32 };

/// Bytes of an element.
int64_t sizeOf(ElementType type);
/// The name as metadata spells it: "f16".
std::string_view nameOf(ElementType type);

/// A size that is known when the program is compiled, or the name of one that a step sets ("tokens").
struct Dimension {
  int64_t size = 0;
  std::string name;

  bool isNamed() const { return !name.empty(); }
};

enum class ArgumentRole { Input, Output, Choice, Scratch, Tap, Weights, Cache, Workspace };

struct ArgumentInfo {
  std::string name;
  ArgumentRole role;
  ElementType type;
  std::vector<Dimension> shape;

  /// Elements per row, where the first `leading` dimensions count rows. Requires that the others are not
  /// named.
  int64_t rowSize(size_t leading = 1) const;
};

struct WorkspaceInfo {
  int64_t bytesPerToken = 0, bytesFixed = 0, tokenMultiple = 1;

  int64_t bytes(int64_t tokens) const;
};

struct EntryInfo {
  std::string name;
  std::vector<ArgumentInfo> arguments;
  WorkspaceInfo workspace;

  const ArgumentInfo *find(std::string_view argument) const;
};

struct CacheInfo {
  int64_t layers = 0, heads = 0, keySize = 0, valueSize = 0, rowMultiple = 1;
  ElementType type = ElementType::F32;
  int64_t scaleBytes = 0; ///< of a row's keys, or values, of a head

  /// Bytes of a row in the tables of one layer, in order: keys, values, scales of the keys, of the values.
  std::array<int64_t, 4> tableBytes() const {
    int64_t width = heads * sizeOf(type), scales = heads * scaleBytes;
    return {keySize * width, valueSize * width, scales, scales};
  }
  /// Bytes of a row, over all layers.
  int64_t bytesPerRow() const {
    auto [keys, values, keyScales, valueScales] = tableBytes();
    return layers * (keys + values + keyScales + valueScales);
  }
};

struct SpecialTokens {
  std::optional<int32_t> bos, pad, mask;
  std::optional<int32_t> decoderStart, forcedBos, forcedEos; ///< of encoder-decoders
  std::vector<std::vector<int32_t>> banned;                  ///< stretches that are never generated
  std::vector<int32_t> bannedFirst;                          ///< not generated as the first token
  std::vector<int32_t> eos;                                  ///< each of them ends a text
  bool addBos = false;                                       ///< texts begin with bos
};

/// When a beam search gives up unfinished sequences.
enum class EarlyStopping {
  No,   ///< when the best of them, as long as it is now, falls behind the worst finished one
  Yes,  ///< as soon as there are enough finished ones
  Never ///< when none of them can overtake, however long it gets
};

/// What the model's makers recommend for sampling and for beam search.
struct GenerationDefaults {
  std::optional<double> temperature, topP, minP, repetitionPenalty;
  std::optional<int64_t> topK;
  std::optional<int64_t> beams, maxLength, minLength, noRepeat;
  std::optional<double> lengthPenalty;
  EarlyStopping earlyStopping = EarlyStopping::No;
};

enum class Pooling { Mean, First, Last };
std::string_view nameOf(Pooling pooling);

/// Rows of a table of positions, where some tokens are not counted.
struct PositionIds {
  int32_t offset = 1;    ///< row of the first token; the row before it is that of tokens that do not count
  int32_t uncounted = 0; ///< their id
};

/// How a text's vector is made of its tokens' vectors.
struct SentenceVector {
  Pooling pooling = Pooling::Mean;
  bool normalize = false; ///< to length 1
  int64_t maxTokens = 0;  ///< longer texts are cut; 0: none is
};

enum class ModelKind { Decoder, Encoder, EncoderDecoder, Tokenizer };
std::string_view nameOf(ModelKind kind);

/// A kind of processor that there is code for.
struct CpuInfo {
  std::string name;
  std::vector<std::string> features; ///< that the code uses
};

struct Metadata {
  std::string name;
  ModelKind kind = ModelKind::Decoder;
  std::string target = "cpu";
  std::vector<CpuInfo> cpus; ///< there is code for, the least demanding first
  int64_t vocabulary = 0, hidden = 0, layers = 0, context = 0, chunk = 512, literalTokens = 0;
  int64_t tokenTypes = 0; ///< that token_type_ids choose from
  std::optional<PositionIds> positionIds;
  std::optional<SentenceVector> sentence;
  int64_t encoderLayers = 0; ///< of an encoder-decoder; `layers` are the decoder's
  CacheInfo cache;
  CacheInfo sourceCache,
      crossCache; ///< of an encoder-decoder: within the encoder, and what it leaves the decoder
  SpecialTokens tokens;
  std::string chatTemplate; ///< empty: none
  std::string weightsFile;  ///< empty: the weights are in the payload
  int64_t parameters = 0, weightBytes = 0;
  std::vector<int64_t> routerLayers; ///< the layers that route: the router's taps hold nothing for others
  GenerationDefaults generation;
  std::string description; ///< JSON text for people, or empty
  std::vector<EntryInfo> entries;

  const EntryInfo *find(std::string_view entry) const;
};

/// Throws attune::Error naming the field, what was found and what was expected.
Metadata parseMetadata(std::string_view json);

} // namespace attune
