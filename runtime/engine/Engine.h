// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/engine/BoundEntry.h"
#include "runtime/engine/Buffer.h"
#include "runtime/engine/Candidates.h"
#include "runtime/engine/Memory.h"
#include "runtime/program/Program.h"

#include <functional>
#include <memory>
#include <optional>

namespace attune {

struct EngineOptions {
  int64_t context =
      0; ///< tokens that a sequence can hold; 0: what the model was compiled for, which is the most
  int64_t sequences = 1; ///< how many sequences can be open at once
  int64_t sources = 1;   ///< encoder-decoders: how many sources
};

/// Of which of its tokens a feed wants the outputs.
enum class Rows { None, Last, All };

/// Tokens of one sequence, to follow those that it has.
struct Feed {
  int sequence = 0; ///< from Engine::open(); encoders: ignored
  std::span<const int32_t> ids;
  std::span<const int32_t> types = {}; ///< token types, one per id, or empty for zeros
  Rows outputs = Rows::Last;
};

/// A text for the encoder of an encoder-decoder.
struct SourceFeed {
  int source = 0; ///< from Engine::openSource()
  std::span<const int32_t> ids;
};

/// A result of a step, valid until the next one.
struct TensorView {
  const ArgumentInfo *info;
  std::span<const int64_t> sizes;
  const void *data;

  const float *floats() const { return static_cast<const float *>(data); } ///< requires type f32
};

/// What has been run so far.
struct EngineStatistics {
  int64_t steps = 0, tokens = 0;
  double seconds = 0; ///< inside of compiled code

  struct Kernel {
    std::string_view name;
    int64_t launches = 0;
  };
  std::string device;          ///< on which it ran; empty: the processor
  std::vector<Kernel> kernels; ///< of a device
};

/// Runs a model's compiled code: keeps the keys and values of its sequences, builds ragged batches, guards
/// its limits.
///
/// A *decoder* keeps what its sequences have been fed; a step may hold tokens of several of them, at most
/// `chunk()` in all. An *encoder* sees each feed as a whole text and keeps nothing. An *encoder-decoder* is a
/// decoder whose sequences each belong to a source, a text that its encoder has read. Memory for a step is
/// taken once (encoders: when a longer step comes). Not for several threads at once. All errors are
/// attune::Error and leave sequences as they were.
class Engine {
public:
  /// The program must stay.
  explicit Engine(const Program &program, EngineOptions options = {});

  const Metadata &metadata() const { return program.metadata(); }
  bool isEncoder() const { return metadata().kind == ModelKind::Encoder; }
  bool isPair() const { return metadata().kind == ModelKind::EncoderDecoder; }
  int64_t context() const { return contextSize; }
  int64_t chunk() const { return metadata().chunk; }

  /// Takes a free sequence, empty; of an encoder-decoder, one of an open source. Throws if all are taken.
  int open(int source = -1);
  /// Frees a sequence and the memory that it holds.
  void close(int sequence);
  /// How many tokens a sequence holds.
  int64_t length(int sequence) const;
  /// Makes a sequence forget all tokens from `length` on.
  void truncate(int sequence, int64_t length);

  /// Lets `to` hold what `from` holds; both are open and of the same source.
  void copy(int from, int to);

  /// Takes a free source, empty. Throws if all are taken.
  int openSource();
  /// Frees a source. Its sequences must not be fed again.
  void closeSource(int source);
  /// How many tokens a source holds.
  int64_t sourceLength(int source) const;
  /// Reads sources, each as a whole: one run of the encoder. Its results are those of this step.
  void encode(std::span<const SourceFeed> feeds);

  /// Throws unless `more` tokens fit into the sequence, naming both numbers.
  void requireRoom(int sequence, int64_t more) const;

  /// One run of the compiled code. Requires at least one token in each feed and that no sequence occurs
  /// twice.
  void step(std::span<const Feed> feeds);

  /// Feeds any number of tokens of one sequence, in chunks. With Rows::All `sink(first, count)` is called
  /// after each chunk: the outputs of tokens [first, first + count) of this feed. With Rows::Last the last
  /// one's outputs stay.
  using Sink = std::function<void(int64_t first, int64_t count)>;
  void feed(const Feed &feed, const Sink &sink = {});

  /// Runs a model with inputs of its own (metadata literal_tokens > 0), all rows wanted.
  void stepLiteral();

  /// Of the last step: the number of rows whose outputs were wanted, in the order of feeds.
  int64_t outputRows() const { return outputs; }
  /// Logits of such a row; throws if the model has none.
  std::span<const float> logits(int64_t row) const;
  /// The id with the largest of them, the lowest of equal ones, if that is known without looking at them: a
  /// device may say so, and keep the logits until someone asks for them. Nothing also if the row holds NaN or
  /// infinity, or nothing but minus infinity.
  std::optional<int32_t> likeliest(int64_t row) const;
  /// From now on steps make what `candidates` tells as well, where a device can, for samplers of this
  /// temperature; 0: no more of that.
  void makeCandidates(double temperature) { candidateTemperature = temperature; }
  /// How many a device makes of each row; 0 if it does not.
  int64_t candidateCount() const { return best ? best->count() : 0; }
  /// The likeliest tokens of a row, if a device made them in the last step; valid until the next one.
  std::optional<LikeliestTokens> candidates(int64_t row) const { return best ? best->of(row) : std::nullopt; }
  /// Outputs, and taps while observing, by name.
  const std::vector<TensorView> &results() const;
  /// Throws if there is none of this name.
  const TensorView &result(std::string_view name) const;

  /// While observing, steps use the second entry, whose taps show the inside of the model.
  void observe(bool on);

  const EngineStatistics &statistics() const { return stats; }

  /// Where the model runs, or null: on the host.
  const Device *device() const { return gpu.get(); }

private:
  struct BatchRow {
    int32_t position, firstKey, keyCount;
  };
  struct Sequence {
    bool isOpen = false;
    int64_t length = 0;
    int source = -1;
  };
  /// An entry with the memory of its outputs.
  struct Stage {
    BoundEntry entry;
    std::vector<Memory> results; ///< where the host reads them
    std::vector<Buffer> buffers; ///< where a device writes them
  };

  const Sequence &at(int sequence) const;
  const Sequence &sourceAt(int source) const;
  void makeSources(int64_t count);
  /// The first `rows` rows of a sequence, layer by layer, keys and values apart: calls `use` with where those
  /// of sequence 0 begin, their bytes, and the distance to those of the next sequence.
  template <typename Use> void forEachStretch(int64_t rows, Use use) const {
    const CacheInfo &info = metadata().cache;
    int64_t begin = 0;
    for (int64_t layer = 0; layer < info.layers; ++layer)
      for (int64_t rowBytes : info.tableBytes()) {
        use(begin, rows * rowBytes, alignedRows(contextSize) * rowBytes);
        begin += cacheRows * rowBytes;
      }
  }
  std::unique_ptr<Stage> makeStage(const char *entryName);
  void check(std::span<const Feed> feeds) const;
  void checkIds(std::span<const int32_t> ids) const;
  void checkTypes(const Feed &feed) const;
  void build(std::span<const Feed> feeds);
  void appendPositionIds(std::span<const int32_t> ids);
  void appendRows(const Feed &feed, int64_t before, int64_t firstKey);
  void run(Stage &stage);
  void openDevice();
  void uploadWeights();
  void *place(std::string_view input, const void *data, size_t bytes);
  void bindInputs(BoundEntry &entry);
  void bindResults(Stage &stage);
  void fetchAfter(const Stage &stage);
  void fetchResults() const;
  static int findChoices(const Stage &stage);
  static int64_t largestKeyCount(std::span<const BatchRow> batch);
  int64_t alignedRows(int64_t tokens) const;

  const Program &program;
  std::unique_ptr<Device> gpu; // before the memory that is its
  int64_t contextSize = 0;
  std::vector<Sequence> sequences;
  std::vector<Sequence> sources;
  Buffer cache, workspace;
  Buffer sourceCache, crossCache; ///< of an encoder-decoder
  Buffer weights, nothing;        ///< on a device; `nothing` is an address for what has no bytes
  std::vector<std::pair<std::string_view, Buffer>> inputs; ///< on a device
  std::unique_ptr<Stage> plain, observed, encoder, observedEncoder;
  bool observing = false;

  // The step's batch.
  std::vector<int32_t> ids, types, positionIds, wanted;
  std::vector<BatchRow> batch, sourceBatch;
  int64_t cacheRows = 0, sourceRows = 0, crossRows = 0, outputs = 0;
  std::vector<TensorView> views;
  std::vector<int32_t> choices;     ///< that a device made, by row
  std::unique_ptr<Candidates> best; ///< the same for several of a row; null if it makes none
  double candidateTemperature = 0;
  mutable const Stage *unfetched = nullptr; ///< whose results are on the device alone
  EngineStatistics stats;
};

} // namespace attune
