// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/engine/Engine.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

using namespace attune;

Engine::Engine(const Program &program, EngineOptions options) : program(program) {
  const Metadata &model = metadata();
  if (model.kind == ModelKind::Tokenizer)
    throw Error("this program holds a tokenizer alone: it has no model to run");
  contextSize = options.context ? options.context : model.context;
  if (contextSize < 1 || contextSize > model.context)
    throw Error(fmt::format("a context of {} tokens: this model was compiled for 1 to {}", contextSize,
                            model.context));
  if (options.sequences < 1 || options.sequences > INT32_MAX / alignedRows(contextSize))
    throw Error(fmt::format("{} sequences of {} tokens: there must be 1 to {}", options.sequences,
                            contextSize, INT32_MAX / alignedRows(contextSize)));
  sequences.resize(static_cast<size_t>(options.sequences));
  openDevice();
  plain = makeStage("step");
  if (isEncoder())
    return;
  if (gpu)
    best = Candidates::find(program, *gpu);

  cacheRows = options.sequences * alignedRows(contextSize);
  int64_t cacheBytes;
  if (__builtin_mul_overflow(cacheRows, model.cache.bytesPerRow(), &cacheBytes))
    throw Error(
        fmt::format("the cache of {} tokens is too large for any memory: take a smaller context", cacheRows));
  cache.ensure(cacheBytes, "the cache of keys and values (a smaller context needs less)");

  if (isPair())
    makeSources(options.sources);

  // Everything that a step of any size needs, so that later ones take no memory.
  size_t most = static_cast<size_t>(chunk());
  ids.reserve(most), types.reserve(most), wanted.reserve(most), batch.reserve(most);
  sourceBatch.reserve(most);
  workspace.ensure(plain->entry.info().workspace.bytes(chunk()), "the workspace");
  plain->entry.setSize("tokens", chunk());
  // The host's memory costs nothing until it is touched; of a device's, what decoding needs.
  plain->entry.setSize("outputs", gpu ? std::min(chunk(), options.sequences) : chunk());
  bindResults(*plain);
}

void Engine::openDevice() {
  gpu = attune::openDevice(program);
  if (!gpu)
    return;
  for (Buffer *buffer : {&cache, &workspace, &sourceCache, &crossCache, &weights, &nothing})
    *buffer = Buffer(gpu.get());
  stats.device = gpu->name();
  for (const AttuneKernel &kernel : gpu->kernels())
    stats.kernels.push_back({kernel.name});
  uploadWeights();
}

std::unique_ptr<Engine::Stage> Engine::makeStage(const char *entryName) {
  const EntryInfo *info = metadata().find(entryName);
  if (!info)
    throw Error(fmt::format("metadata: there is no entry '{}'", entryName));
  auto stage = std::make_unique<Stage>(Stage{BoundEntry(*info, program.entry(entryName)), {}, {}});
  stage->results.resize(info->arguments.size());
  for (size_t i = 0; gpu && i < info->arguments.size(); ++i)
    stage->buffers.emplace_back(gpu.get());
  return stage;
}

int64_t Engine::alignedRows(int64_t tokens) const {
  int64_t multiple = metadata().cache.rowMultiple;
  return (tokens + multiple - 1) / multiple * multiple;
}

int Engine::open(int source) {
  if (isPair())
    sourceAt(source);
  auto free = std::ranges::find(sequences, false, &Sequence::isOpen);
  if (free == sequences.end())
    throw Error(fmt::format("all {} sequences are taken", sequences.size()));
  *free = {true, 0, source};
  return static_cast<int>(free - sequences.begin());
}

void Engine::close(int sequence) {
  at(sequence);
  if (!isEncoder())
    forEachStretch(alignedRows(contextSize), [&](int64_t begin, int64_t bytes, int64_t distance) {
      cache.discard(begin + sequence * distance, bytes);
    });
  sequences[static_cast<size_t>(sequence)] = {};
}

const Engine::Sequence &Engine::at(int sequence) const {
  if (sequence < 0 || static_cast<size_t>(sequence) >= sequences.size() ||
      !sequences[static_cast<size_t>(sequence)].isOpen)
    throw Error(fmt::format("there is no open sequence {}", sequence));
  return sequences[static_cast<size_t>(sequence)];
}

int64_t Engine::length(int sequence) const { return at(sequence).length; }

void Engine::truncate(int sequence, int64_t length) {
  if (length < 0 || length > at(sequence).length)
    throw Error(fmt::format("cannot cut a sequence of {} tokens to {}", at(sequence).length, length));
  sequences[static_cast<size_t>(sequence)].length = length;
}

void Engine::requireRoom(int sequence, int64_t more) const {
  int64_t before = isEncoder() ? 0 : length(sequence);
  if (more > contextSize - before)
    throw Error(before ? fmt::format("{} tokens do not fit: the context holds {} and {} are in use", more,
                                     contextSize, before)
                       : fmt::format("{} tokens do not fit: the context holds {}", more, contextSize));
}

void Engine::checkIds(std::span<const int32_t> ids) const {
  int64_t vocabulary = metadata().vocabulary;
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || ids[i] >= vocabulary)
      throw Error(fmt::format("token {} has the id {}, but the vocabulary has {} ids (0 to {})", i, ids[i],
                              vocabulary, vocabulary - 1));
}

void Engine::checkTypes(const Feed &feed) const {
  std::span<const int32_t> types = feed.types;
  if (!types.empty() && types.size() != feed.ids.size())
    throw Error(fmt::format("{} token types for {} ids", types.size(), feed.ids.size()));
  int64_t known = std::max<int64_t>(metadata().tokenTypes, 1);
  for (size_t i = 0; i < types.size(); ++i)
    if (types[i] < 0 || types[i] >= known)
      throw Error(fmt::format("token {} has the type {}, but the model has {} token types (0 to {})", i,
                              types[i], known, known - 1));
}

void Engine::check(std::span<const Feed> feeds) const {
  size_t total = 0;
  for (size_t i = 0; i < feeds.size(); ++i) {
    const Feed &feed = feeds[i];
    if (feed.ids.empty())
      throw Error("a step needs at least one token of each of its sequences");
    if (!isEncoder()) {
      at(feed.sequence);
      for (const Feed &other : feeds.first(i))
        if (other.sequence == feed.sequence)
          throw Error(fmt::format("sequence {} occurs twice in a step", feed.sequence));
    }
    requireRoom(feed.sequence, static_cast<int64_t>(feed.ids.size()));
    total += feed.ids.size();
  }
  if (feeds.empty() || (!isEncoder() && total > static_cast<size_t>(chunk())))
    throw Error(fmt::format("a step of {} tokens: there must be 1 to {}", total, chunk()));
}

/// Of a whole text: only encoders have them.
void Engine::appendPositionIds(std::span<const int32_t> ids) {
  if (!metadata().positionIds)
    return;
  auto [offset, uncounted] = *metadata().positionIds;
  int32_t next = offset;
  for (int32_t id : ids)
    positionIds.push_back(id == uncounted ? offset - 1 : next++);
}

void Engine::appendRows(const Feed &feed, int64_t before, int64_t firstKey) {
  int64_t count = static_cast<int64_t>(feed.ids.size()), row = static_cast<int64_t>(ids.size());
  ids.insert(ids.end(), feed.ids.begin(), feed.ids.end());
  types.insert(types.end(), feed.types.begin(), feed.types.end());
  types.resize(ids.size());
  appendPositionIds(feed.ids);
  for (int64_t i = 0; i < count; ++i)
    batch.push_back({static_cast<int32_t>(before + i), static_cast<int32_t>(firstKey),
                     static_cast<int32_t>(before + count)});
  int64_t firstWanted = feed.outputs == Rows::All ? 0 : feed.outputs == Rows::Last ? count - 1 : count;
  for (int64_t i = firstWanted; i < count; ++i)
    wanted.push_back(static_cast<int32_t>(row + i));
}

void Engine::build(std::span<const Feed> feeds) {
  ids.clear(), types.clear(), positionIds.clear(), wanted.clear(), batch.clear(), sourceBatch.clear();
  int64_t rows = 0;
  for (const Feed &feed : feeds) {
    if (isPair()) {
      int source = at(feed.sequence).source;
      BatchRow row{0, static_cast<int32_t>(source * alignedRows(contextSize)),
                   static_cast<int32_t>(sourceLength(source))};
      sourceBatch.insert(sourceBatch.end(), feed.ids.size(), row);
    }
    if (isEncoder()) {
      appendRows(feed, 0, rows);
      rows += alignedRows(static_cast<int64_t>(feed.ids.size()));
    } else {
      appendRows(feed, length(feed.sequence), feed.sequence * alignedRows(contextSize));
    }
  }
  if (!isEncoder())
    return;
  if (rows > INT32_MAX)
    throw Error(fmt::format("a step of {} tokens is too large", rows));
  cacheRows = rows;
  cache.ensure(rows * metadata().cache.bytesPerRow(), "keys and values");
}

void Engine::step(std::span<const Feed> feeds) {
  check(feeds);
  for (const Feed &feed : feeds) {
    checkIds(feed.ids);
    checkTypes(feed);
  }
  build(feeds);
  run(observing ? *observed : *plain);
  if (!isEncoder())
    for (const Feed &feed : feeds)
      sequences[static_cast<size_t>(feed.sequence)].length += static_cast<int64_t>(feed.ids.size());
}

void Engine::stepLiteral() {
  if (metadata().literalTokens == 0)
    throw Error("this model has no inputs of its own: it needs token ids");
  std::vector<int32_t> none(static_cast<size_t>(metadata().literalTokens));
  int sequence = open();
  Feed feed{sequence, none, {}, Rows::All};
  try {
    check({&feed, 1});
    build({&feed, 1});
    run(observing ? *observed : *plain);
  } catch (...) {
    close(sequence);
    throw;
  }
  close(sequence);
}

void Engine::feed(const Feed &whole, const Sink &sink) {
  requireRoom(whole.sequence, static_cast<int64_t>(whole.ids.size()));
  checkIds(whole.ids); // before the first chunk changes anything
  checkTypes(whole);
  size_t most = isEncoder() ? whole.ids.size() : static_cast<size_t>(chunk()), first = 0;
  do {
    size_t count = std::min(most, whole.ids.size() - first);
    bool isLast = first + count == whole.ids.size();
    Feed part = whole;
    part.ids = whole.ids.subspan(first, count);
    if (!whole.types.empty())
      part.types = whole.types.subspan(first, count);
    if (whole.outputs == Rows::Last && !isLast)
      part.outputs = Rows::None;
    step({&part, 1});
    if (whole.outputs == Rows::All && sink)
      sink(static_cast<int64_t>(first), static_cast<int64_t>(count));
    first += count;
  } while (first < whole.ids.size());
}

int64_t Engine::largestKeyCount(std::span<const BatchRow> batch) {
  int64_t largest = 0;
  for (const BatchRow &row : batch)
    largest = std::max<int64_t>(largest, row.keyCount);
  return largest;
}

void Engine::uploadWeights() {
  nothing.ensure(64, "the program");
  std::span<const std::byte> from = program.weights();
  weights.ensure(static_cast<int64_t>(from.size()), "the model's weights");
  constexpr size_t Piece = size_t{64} << 20; // so that little of the file is in memory at once
  for (size_t done = 0; done < from.size(); done += Piece)
    gpu->upload(weights.data() + done, from.data() + done,
                static_cast<int64_t>(std::min(Piece, from.size() - done)));
  gpu->synchronize();
}

/// Where compiled code finds an input: as it is, or in a device's memory.
void *Engine::place(std::string_view input, const void *data, size_t bytes) {
  if (!gpu)
    return const_cast<void *>(data);
  if (bytes == 0)
    return nothing.data();
  auto found = std::ranges::find(inputs, input, [](const auto &each) { return each.first; });
  if (found == inputs.end())
    found = inputs.insert(inputs.end(), {input, Buffer(gpu.get())});
  // As much as the largest step needs, so that the address stays.
  size_t most = std::max(bytes, static_cast<size_t>(chunk()) * sizeof(BatchRow));
  found->second.ensure(static_cast<int64_t>(most), "a step's inputs");
  gpu->upload(found->second.data(), data, static_cast<int64_t>(bytes));
  return found->second.data();
}

void Engine::bindInputs(BoundEntry &entry) {
  // Inputs go by name; memory by role, since a tap may be called "weights" too.
  const std::vector<ArgumentInfo> &arguments = entry.info().arguments;
  auto setWhere = [&](auto matches, void *data) {
    for (size_t i = 0; i < arguments.size(); ++i)
      if (matches(arguments[i]))
        entry.setData(static_cast<int>(i), data);
  };
  auto set = [&](std::string_view name, void *data) {
    setWhere([&](const ArgumentInfo &info) { return info.role == ArgumentRole::Input && info.name == name; },
             data);
  };
  auto setMemory = [&](ArgumentRole role, void *data) {
    setWhere([&](const ArgumentInfo &info) { return info.role == role; }, data);
  };
  auto give = [&](std::string_view name, const auto &values) {
    set(name, place(name, values.data(), values.size() * sizeof(values[0])));
  };
  give("input_ids", ids);
  give("token_type_ids", types);
  give("position_ids", positionIds);
  give("batch", batch);
  give("source_batch", sourceBatch);
  static int32_t noRows = 0; // an empty list still needs an address
  if (wanted.empty() && !gpu)
    set("output_rows", &noRows);
  else
    give("output_rows", wanted);

  int64_t workspaceBytes = entry.info().workspace.bytes(static_cast<int64_t>(ids.size()));
  workspace.ensure(workspaceBytes, "the workspace");
  static std::byte noBytes[64];
  std::byte *empty = gpu ? nothing.data() : noBytes;
  std::byte *packed = gpu ? weights.data() : const_cast<std::byte *>(program.weights().data());
  setMemory(ArgumentRole::Weights, program.weights().empty() ? empty : packed);
  auto setCache = [&](std::string_view name, const Buffer &memory) {
    setWhere([&](const ArgumentInfo &info) { return info.role == ArgumentRole::Cache && info.name == name; },
             memory.bytes() ? memory.data() : empty);
  };
  setCache("cache", cache);
  setCache("source_cache", sourceCache);
  setCache("cross_cache", crossCache);
  setMemory(ArgumentRole::Workspace, workspace.bytes() ? workspace.data() : empty);
  entry.setSize("weight_bytes", static_cast<int64_t>(program.weights().size()));
  entry.setSize("cache_bytes", cacheRows * metadata().cache.bytesPerRow());
  entry.setSize("source_cache_bytes", sourceRows * metadata().sourceCache.bytesPerRow());
  entry.setSize("cross_cache_bytes", crossRows * metadata().crossCache.bytesPerRow());
  entry.setSize("workspace_bytes", workspaceBytes);
}

void Engine::bindResults(Stage &stage) {
  views.clear();
  for (size_t i = 0; i < stage.results.size(); ++i) {
    const ArgumentInfo &info = stage.entry.info().arguments[i];
    if (info.role != ArgumentRole::Output && info.role != ArgumentRole::Tap &&
        info.role != ArgumentRole::Choice)
      continue;
    int argument = static_cast<int>(i);
    int64_t bytes = std::max<int64_t>(stage.entry.bytes(argument), 64);
    stage.results[i].ensure(bytes, info.name.c_str());
    if (gpu)
      stage.buffers[i].ensure(bytes, info.name.c_str());
    stage.entry.setData(argument, gpu ? stage.buffers[i].data() : stage.results[i].data());
    if (info.role == ArgumentRole::Choice) // no result of the model
      continue;
    // A result that is tapped as well is shown once.
    bool isTapped = info.role == ArgumentRole::Output &&
                    std::ranges::any_of(stage.entry.info().arguments, [&](const ArgumentInfo &other) {
                      return other.role == ArgumentRole::Tap && other.name == info.name;
                    });
    if (!isTapped)
      views.push_back({&info, stage.entry.sizes(argument), stage.results[i].data()});
  }
}

/// Index of the argument that takes a device's choices, or -1.
int Engine::findChoices(const Stage &stage) {
  const std::vector<ArgumentInfo> &arguments = stage.entry.info().arguments;
  auto found = std::ranges::find(arguments, ArgumentRole::Choice, &ArgumentInfo::role);
  return found == arguments.end() ? -1 : static_cast<int>(found - arguments.begin());
}

/// From a device's memory: its choices, or all results where it makes none.
void Engine::fetchAfter(const Stage &stage) {
  unfetched = &stage;
  int argument = findChoices(stage);
  if (argument < 0)
    return fetchResults();
  if (best && candidateTemperature > 0)
    return best->make(stage.buffers[static_cast<size_t>(stage.entry.find("logits"))].data(), outputs,
                      candidateTemperature);
  choices.resize(static_cast<size_t>(outputs));
  if (!choices.empty())
    gpu->download(choices.data(), stage.buffers[static_cast<size_t>(argument)].data(),
                  outputs * static_cast<int64_t>(sizeof(choices[0])));
}

/// What the last step has left on a device.
void Engine::fetchResults() const {
  if (!unfetched)
    return;
  const Stage &stage = *std::exchange(unfetched, nullptr);
  for (const TensorView &view : views) {
    auto argument = static_cast<size_t>(view.info - stage.entry.info().arguments.data());
    int64_t bytes = sizeOf(view.info->type);
    for (int64_t size : view.sizes)
      bytes *= size;
    if (bytes)
      gpu->download(stage.results[argument].data(), stage.buffers[argument].data(), bytes);
  }
}

void Engine::run(Stage &stage) {
  outputs = static_cast<int64_t>(wanted.size());
  choices.clear();
  unfetched = nullptr;
  if (best)
    best->forget();
  stage.entry.setSize("tokens", static_cast<int64_t>(ids.size()));
  stage.entry.setSize("outputs", outputs);
  stage.entry.setSize("keys", largestKeyCount(batch));
  stage.entry.setSize("source_keys", largestKeyCount(sourceBatch));
  bindInputs(stage.entry);
  bindResults(stage);

  auto start = std::chrono::steady_clock::now();
  if (gpu) {
    gpu->run(stage.entry.key(), [&] { stage.entry.call(); });
    fetchAfter(stage);
    gpu->synchronize();
    for (size_t i = 0; i < stats.kernels.size(); ++i)
      stats.kernels[i].launches = gpu->launches()[i];
  } else {
    stage.entry.call();
  }
  stats.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  stats.steps += 1;
  stats.tokens += static_cast<int64_t>(ids.size());
}

std::span<const float> Engine::logits(int64_t row) const {
  const TensorView &view = result("logits");
  if (view.info->type != ElementType::F32)
    throw Error(fmt::format("metadata: 'logits' has the type {}, expected f32", nameOf(view.info->type)));
  if (row < 0 || row >= outputs)
    throw Error(fmt::format("there is no row {} among {} rows of logits", row, outputs));
  size_t width = static_cast<size_t>(view.info->rowSize());
  return {view.floats() + static_cast<size_t>(row) * width, width};
}

std::optional<int32_t> Engine::likeliest(int64_t row) const {
  if (row < 0 || row >= static_cast<int64_t>(choices.size()) || choices[static_cast<size_t>(row)] < 0)
    return std::nullopt;
  return choices[static_cast<size_t>(row)];
}

const std::vector<TensorView> &Engine::results() const {
  fetchResults();
  return views;
}

const TensorView &Engine::result(std::string_view name) const {
  for (const TensorView &view : results())
    if (view.info->name == name)
      return view;
  throw Error(fmt::format("this model has no output '{}'", name));
}

void Engine::observe(bool on) {
  if (on && !observed)
    observed = makeStage("step_taps");
  if (on && isPair() && !observedEncoder)
    observedEncoder = makeStage("encode_taps");
  observing = on;
}
