// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What an engine does for encoder-decoders: their sources, and sequences that go on from the same tokens.
#include "runtime/Error.h"
#include "runtime/engine/Engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

using namespace attune;

void Engine::makeSources(int64_t count) {
  int64_t most = INT32_MAX / alignedRows(contextSize);
  if (count < 1 || count > most)
    throw Error(fmt::format("{} sources of {} tokens: there must be 1 to {}", count, contextSize, most));
  sources.resize(static_cast<size_t>(count));
  encoder = makeStage("encode");
  crossRows = count * alignedRows(contextSize);
  int64_t bytes;
  if (__builtin_mul_overflow(crossRows, metadata().crossCache.bytesPerRow(), &bytes))
    throw Error(fmt::format("the keys and values of {} source tokens are too large for any memory: take a "
                            "smaller context",
                            crossRows));
  crossCache.ensure(bytes, "keys and values of sources (a smaller context needs less)");
}

const Engine::Sequence &Engine::sourceAt(int source) const {
  if (source == -1) // of a sequence that was opened alone
    throw Error("this model makes a text from a source text, which it was not given: use 'translate', or "
                "'run' with 'input_ids' "
                "for the source and 'decoder_input_ids'");
  if (source < 0 || static_cast<size_t>(source) >= sources.size() ||
      !sources[static_cast<size_t>(source)].isOpen)
    throw Error(fmt::format("there is no open source {}", source));
  return sources[static_cast<size_t>(source)];
}

int Engine::openSource() {
  auto free = std::ranges::find(sources, false, &Sequence::isOpen);
  if (free == sources.end())
    throw Error(fmt::format("all {} sources are taken", sources.size()));
  *free = {true, 0, -1};
  return static_cast<int>(free - sources.begin());
}

void Engine::closeSource(int source) {
  sourceAt(source);
  sources[static_cast<size_t>(source)] = {};
}

int64_t Engine::sourceLength(int source) const { return sourceAt(source).length; }

void Engine::encode(std::span<const SourceFeed> feeds) {
  if (!isPair())
    throw Error(
        fmt::format("this model has no sources to read: it is of the kind '{}'", nameOf(metadata().kind)));
  if (feeds.empty())
    throw Error("the encoder needs at least one source");
  for (const SourceFeed &feed : feeds) {
    sourceAt(feed.source);
    if (feed.ids.empty())
      throw Error("a source needs at least one token");
    if (static_cast<int64_t>(feed.ids.size()) > contextSize)
      throw Error(fmt::format("a source of {} tokens does not fit: the context holds {}", feed.ids.size(),
                              contextSize));
    checkIds(feed.ids);
  }
  ids.clear(), types.clear(), wanted.clear(), batch.clear(), sourceBatch.clear();
  int64_t rows = 0;
  for (const SourceFeed &feed : feeds) {
    auto count = static_cast<int64_t>(feed.ids.size());
    ids.insert(ids.end(), feed.ids.begin(), feed.ids.end());
    int64_t stored = feed.source * alignedRows(contextSize);
    for (int64_t i = 0; i < count; ++i) {
      auto row = [&](int64_t first) {
        return BatchRow{static_cast<int32_t>(i), static_cast<int32_t>(first), static_cast<int32_t>(count)};
      };
      batch.push_back(row(rows));
      sourceBatch.push_back(row(stored));
    }
    rows += alignedRows(count);
  }
  if (rows > INT32_MAX)
    throw Error(fmt::format("{} tokens of sources at once are too many", rows));
  sourceRows = rows;
  sourceCache.ensure(rows * metadata().sourceCache.bytesPerRow(), "keys and values of the encoder");
  run(observing ? *observedEncoder : *encoder);
  for (const SourceFeed &feed : feeds)
    sources[static_cast<size_t>(feed.source)].length = static_cast<int64_t>(feed.ids.size());
}

void Engine::copy(int from, int to) {
  int64_t length = at(from).length;
  if (at(from).source != at(to).source)
    throw Error(fmt::format("sequences {} and {} belong to different sources", from, to));
  if (from == to)
    return;
  forEachStretch(alignedRows(length), [&](int64_t begin, int64_t bytes, int64_t distance) {
    cache.move(begin + to * distance, begin + from * distance, bytes);
  });
  sequences[static_cast<size_t>(to)].length = length;
}
