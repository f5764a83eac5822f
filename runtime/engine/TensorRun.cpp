// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/TensorRun.h"
#include "runtime/Error.h"
#include "runtime/engine/Generation.h"
#include "runtime/engine/TensorGather.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>

using namespace attune;

namespace {

/// Rows that are run side by side: more share the work of reading weights, but each takes room in the cache.
constexpr size_t rowsAtOnce = 32;

/// A row of the batch on its way through the model.
struct Progress {
  const TokenBatch::Row *row;
  int64_t index; ///< of the row
  int sequence = 0, source = 0;
  size_t done = 0;

  size_t left() const { return row->ids.size() - done; }
};

class TensorRun {
public:
  /// `sources`: of an encoder-decoder, one for each row.
  TensorRun(const Program &program, const TokenBatch &batch, const TensorRunOptions &options,
            const TokenBatch *sources = nullptr)
      : batch(batch), sources(sources), options(options),
        engine(program, engineOptions(program, batch, options, sources)),
        gather(engine, batch, options, sources), sourceGather(engine, sources ? *sources : batch, options) {
    int64_t needed = batch.longest() + std::max<int64_t>(options.greedy - 1, 0);
    if (needed > engine.context())
      throw Error(fmt::format("{} tokens do not fit: the context holds {}", needed, engine.context()));
  }

  std::vector<OwnedTensor> run() {
    engine.observe(options.observes());
    forEachGroup(&sourceGather, [&](std::vector<Progress> &group) { prefill(group, Rows::All); });
    std::vector<OwnedTensor> tensors = sourceGather.take(), others = gather.take();
    std::ranges::move(others, std::back_inserter(tensors));
    engine.observe(false);
    return tensors;
  }

  /// The likeliest tokens after each row.
  OwnedTensor greedy() {
    if (engine.isEncoder())
      throw Error("greedy tokens need a model that predicts the next token; this one is an encoder");
    chosen.assign(batch.rows.size(), {});
    if (options.greedy > 0)
      forEachGroup(nullptr, [&](std::vector<Progress> &group) {
        prefill(group, Rows::Last);
        for (int64_t i = 1; i < options.greedy; ++i)
          stepAll(group);
      });
    OwnedTensor tensor{"greedy_ids", "I64", {static_cast<int64_t>(batch.rows.size()), options.greedy}, {}};
    for (const std::vector<int32_t> &ids : chosen)
      for (int64_t id : ids) {
        const std::byte *bytes = reinterpret_cast<const std::byte *>(&id);
        tensor.bytes.insert(tensor.bytes.end(), bytes, bytes + sizeof(id));
      }
    return tensor;
  }

  const EngineStatistics &statistics() const { return engine.statistics(); }

private:
  static EngineOptions engineOptions(const Program &program, const TokenBatch &batch,
                                     const TensorRunOptions &options, const TokenBatch *sources) {
    int64_t needed = batch.longest() + std::max<int64_t>(options.greedy, 0);
    if (sources)
      needed = std::max(needed, sources->longest());
    auto rows = static_cast<int64_t>(std::min(batch.rows.size(), rowsAtOnce));
    return {std::clamp<int64_t>(needed, 1, program.metadata().context), rows, rows};
  }

  /// Some rows at a time, each with a sequence of its own. What the encoder makes of their sources goes to
  /// `ofSources`, if given.
  template <typename Use> void forEachGroup(TensorGather *ofSources, Use use) {
    for (size_t first = 0; first < batch.rows.size(); first += rowsAtOnce) {
      std::vector<Progress> group;
      for (size_t i = first; i < std::min(batch.rows.size(), first + rowsAtOnce); ++i)
        group.push_back({&batch.rows[i], static_cast<int64_t>(i)});
      if (sources)
        encode(group, ofSources);
      for (Progress &each : group)
        if (!engine.isEncoder())
          each.sequence = engine.open(each.source);
      use(group);
      for (Progress &each : group) {
        if (!engine.isEncoder())
          engine.close(each.sequence);
        if (sources)
          engine.closeSource(each.source);
      }
    }
  }

  /// Opens and reads the sources of a group.
  void encode(std::vector<Progress> &group, TensorGather *ofSources) {
    std::vector<SourceFeed> feeds;
    for (Progress &each : group) {
      each.source = engine.openSource();
      feeds.push_back({each.source, sources->rows[static_cast<size_t>(each.index)].ids});
    }
    engine.encode(feeds);
    int64_t token = 0;
    for (size_t i = 0; i < group.size(); ++i) {
      auto count = static_cast<int64_t>(feeds[i].ids.size());
      if (ofSources)
        ofSources->collect(group[i].index, 0, token, count);
      token += count;
    }
  }

  /// Feeds all rows of the group, as many tokens in each step as it may hold.
  void prefill(std::vector<Progress> &group, Rows wanted) {
    while (std::ranges::any_of(group, &Progress::left)) {
      std::vector<Feed> feeds;
      std::vector<Progress *> fed;
      size_t room = static_cast<size_t>(engine.chunk());
      for (Progress &each : group) {
        size_t count = pieceOf(each, room, feeds.empty());
        if (count == 0)
          continue;
        feeds.push_back(piece(each, count, wanted));
        fed.push_back(&each);
        room -= std::min(room, count);
      }
      engine.step(feeds);
      collect(fed, feeds, wanted);
    }
  }

  /// How many of its tokens a row feeds next: encoders all or nothing, decoders what there is room for.
  size_t pieceOf(const Progress &each, size_t room, bool isFirst) const {
    size_t most = options.step ? std::min<size_t>(each.left(), 1) : each.left();
    if (engine.isEncoder())
      return isFirst || each.left() <= room ? each.left() : 0;
    return std::min(most, room);
  }

  static Feed piece(const Progress &each, size_t count, Rows wanted) {
    Feed feed{each.sequence, std::span(each.row->ids).subspan(each.done, count)};
    if (!each.row->types.empty())
      feed.types = std::span(each.row->types).subspan(each.done, count);
    feed.outputs = wanted == Rows::Last && count < each.left() ? Rows::None : wanted;
    return feed;
  }

  void collect(std::span<Progress *const> fed, std::span<const Feed> feeds, Rows wanted) {
    int64_t token = 0, output = 0;
    for (size_t i = 0; i < fed.size(); ++i) {
      Progress &each = *fed[i];
      int64_t count = static_cast<int64_t>(feeds[i].ids.size());
      if (wanted == Rows::All)
        gather.collect(each.index, static_cast<int64_t>(each.done), token, count);
      else if (feeds[i].outputs == Rows::Last)
        chosen[static_cast<size_t>(each.index)].push_back(argmax(engine, output++));
      token += count;
      each.done += feeds[i].ids.size();
    }
  }

  /// Appends the token that each row has chosen, in steps of as many rows as fit.
  void stepAll(std::span<Progress> group) {
    size_t most = static_cast<size_t>(engine.chunk());
    for (size_t first = 0; first < group.size(); first += most) {
      auto part = group.subspan(first, std::min(most, group.size() - first));
      std::vector<Feed> feeds;
      for (Progress &each : part)
        feeds.push_back({each.sequence, {&chosen[static_cast<size_t>(each.index)].back(), 1}});
      engine.step(feeds);
      for (size_t i = 0; i < part.size(); ++i)
        chosen[static_cast<size_t>(part[i].index)].push_back(argmax(engine, static_cast<int64_t>(i)));
    }
  }

  const TokenBatch &batch;
  const TokenBatch *sources;
  const TensorRunOptions &options;
  Engine engine;
  TensorGather gather, sourceGather;
  std::vector<std::vector<int32_t>> chosen;
};

} // namespace

namespace {

std::vector<OwnedTensor> runPair(const Program &program, std::span<const NamedTensor> inputs,
                                 const TensorRunOptions &options, EngineStatistics &statistics) {
  PairBatch batch = readPairBatch(inputs);
  if (batch.targets.rows.empty() && options.greedy < 0)
    throw Error("input 'decoder_input_ids' is missing");
  std::vector<OwnedTensor> tensors;
  if (!batch.targets.rows.empty()) {
    TensorRunOptions given = options;
    given.greedy = -1;
    TensorRun run(program, batch.targets, given, &batch.sources);
    tensors = run.run();
    statistics = run.statistics();
  }
  if (options.greedy >= 0) { // whatever the decoder was given
    std::optional<int32_t> start = program.metadata().tokens.decoderStart;
    if (!start)
      throw Error("metadata: 'tokens.decoder_start' is missing");
    TokenBatch starts{1, std::vector<TokenBatch::Row>(batch.sources.rows.size(), {0, {*start}, {}})};
    TensorRun run(program, starts, options, &batch.sources);
    tensors.push_back(run.greedy());
    if (batch.targets.rows.empty())
      statistics = run.statistics();
  }
  return tensors;
}

} // namespace

std::vector<OwnedTensor> attune::runTensors(const Program &program, std::span<const NamedTensor> inputs,
                                            const TensorRunOptions &options, EngineStatistics *statistics) {
  EngineStatistics unused;
  EngineStatistics &made = statistics ? *statistics : unused;
  if (program.metadata().kind == ModelKind::EncoderDecoder)
    return runPair(program, inputs, options, made);
  const EntryInfo *step = program.metadata().find("step");
  TokenBatch batch = readTokenBatch(inputs, step && step->find("token_type_ids"));
  TensorRun run(program, batch, options);
  std::vector<OwnedTensor> tensors = run.run();
  if (options.greedy >= 0)
    tensors.push_back(run.greedy());
  made = run.statistics();
  return tensors;
}

std::vector<OwnedTensor> attune::runLiteral(const Program &program, EngineStatistics *statistics) {
  Engine engine(program);
  engine.observe(program.metadata().find("step_taps") != nullptr);
  engine.stepLiteral();
  std::vector<OwnedTensor> tensors;
  for (const TensorView &view : engine.results()) {
    int64_t elements = 1;
    for (int64_t size : view.sizes)
      elements *= size;
    auto begin = static_cast<const std::byte *>(view.data);
    tensors.push_back({view.info->name,
                       storedName(view.info->type),
                       {view.sizes.begin(), view.sizes.end()},
                       {begin, begin + elements * sizeOf(view.info->type)}});
  }
  if (statistics)
    *statistics = engine.statistics();
  return tensors;
}
