// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Tokenizer.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/AddedTokens.h"
#include "runtime/tokenizer/Decoder.h"
#include "runtime/tokenizer/Model.h"
#include "runtime/tokenizer/PreTokenizer.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune {

namespace tokenizer {

// The parts of a tokenizer, in the order in which a text passes through them.
class Engine {
public:
  explicit Engine(const Blob &blob) : Engine(blob, blob.program()) {}

  std::vector<int32_t> encode(std::string_view text, bool addSpecial, ControlText control) const;

  Vocabulary vocabulary;
  Decoder decoder;
  int32_t unknown;
  int32_t size; // ids that come out are below it

private:
  Engine(const Blob &blob, const Program &program);
  void encodeText(std::string_view text, bool atStart, bool plain, Workspace &workspace,
                  std::vector<int32_t> &ids) const;
  void encodeNormalized(std::string_view text, bool atStart, Workspace &workspace,
                        std::vector<int32_t> &ids) const;

  Normalizer normalizer;
  AddedTokens added;
  PreTokenizer preTokenizer;
  std::unique_ptr<Model> model;
  std::vector<int32_t> before, after;
  bool plainControl;
};

static int32_t sizeOf(const Step &model, const Vocabulary &vocabulary) {
  bool numbered = model.kind == StepKind::Unigram && model.integers.size() > 1;
  return numbered ? std::clamp(model.integer(1), 0, vocabulary.size()) : vocabulary.size();
}

Engine::Engine(const Blob &blob, const Program &program)
    : vocabulary(blob), decoder(program.decoders), unknown(program.model.integer(0)),
      size(sizeOf(program.model, vocabulary)), normalizer(program.normalizers),
      added(blob, vocabulary, normalizer), preTokenizer(program.preTokenizers),
      model(Model::create(program.model, blob, vocabulary)),
      plainControl(program.surroundings.flags & TemplateFlag::PlainControl) {
  const std::vector<int32_t> &ids = program.surroundings.integers;
  int32_t count = program.surroundings.integer(0);
  if (count < 0 || static_cast<size_t>(count) > ids.size() - 1)
    throw Error(
        fmt::format("tokenizer: {} tokens in front of a text, the template has {}", count, ids.size() - 1));
  before.assign(ids.begin() + 1, ids.begin() + 1 + count);
  after.assign(ids.begin() + 1 + count, ids.end());
}

std::vector<int32_t> Engine::encode(std::string_view text, bool addSpecial, ControlText control) const {
  std::string repaired;
  if (!isValidUtf8(text))
    text = repaired = repairUtf8(text);
  if (text.size() > INT32_MAX / 4)
    throw Error(fmt::format("a text of {} bytes is too long for the tokenizer", text.size()));

  std::vector<int32_t> ids;
  if (addSpecial)
    ids = before;
  Workspace workspace;
  bool plain = control == ControlText::Default ? plainControl : control == ControlText::Plain;
  for (const AddedTokens::Span &span : added.split(text, plain)) {
    if (span.id >= 0)
      ids.push_back(span.id);
    else
      encodeText(text.substr(span.begin, span.end - span.begin), span.begin == 0, plain, workspace, ids);
  }
  if (addSpecial)
    ids.insert(ids.end(), after.begin(), after.end());
  // Ids index tables of the model: a damaged blob must not lead outside.
  for (int32_t id : ids)
    if (id < 0 || id >= size)
      throw Error(fmt::format("tokenizer: id {} is not below {}", id, size));
  return ids;
}

void Engine::encodeText(std::string_view text, bool atStart, bool plain, Workspace &workspace,
                        std::vector<int32_t> &ids) const {
  std::string normalized;
  if (!normalizer.empty())
    text = normalized = normalizer.apply(text);
  if (!added.wantsNormalized())
    return encodeNormalized(text, atStart, workspace, ids);
  for (const AddedTokens::Span &span : added.splitNormalized(text, plain)) {
    if (span.id >= 0)
      ids.push_back(span.id);
    else
      encodeNormalized(text.substr(span.begin, span.end - span.begin), atStart && span.begin == 0, workspace,
                       ids);
  }
}

void Engine::encodeNormalized(std::string_view text, bool atStart, Workspace &workspace,
                              std::vector<int32_t> &ids) const {
  if (text.size() > INT32_MAX)
    throw Error(fmt::format("a text of {} bytes is too long for the tokenizer", text.size()));
  Arena arena;
  for (const Piece &piece : preTokenizer.apply({text, atStart}, arena))
    model->encode(piece.text, workspace, ids);
}

} // namespace tokenizer

using tokenizer::Engine;
using tokenizer::TokenFlag::Present;
using tokenizer::TokenFlag::Special;

Tokenizer::Tokenizer(std::shared_ptr<const Engine> engine) : engine(std::move(engine)) {}

Tokenizer Tokenizer::load(std::span<const std::byte> blob) {
  return Tokenizer(std::make_shared<const Engine>(tokenizer::Blob(blob)));
}

std::optional<std::string> Tokenizer::problemOf(std::span<const std::byte> blob) noexcept {
  try {
    load(blob);
    return std::nullopt;
  } catch (const std::exception &error) {
    return error.what();
  }
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool addSpecial, ControlText control) const {
  return engine->encode(text, addSpecial, control);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skipSpecial) const {
  std::string text;
  tokenizer::Decoder::State state = engine->decoder.start();
  for (int32_t id : ids)
    if (engine->vocabulary.hasFlag(id, Present) && !(skipSpecial && isSpecial(id)))
      engine->decoder.push(token(id), state, text);
  engine->decoder.finish(state, text);
  return text;
}

int32_t Tokenizer::vocabularySize() const { return engine->size; }
std::optional<int32_t> Tokenizer::find(std::string_view spelling) const {
  return engine->vocabulary.find(spelling);
}
std::string_view Tokenizer::token(int32_t id) const { return engine->vocabulary.token(id); }
bool Tokenizer::isSpecial(int32_t id) const { return engine->vocabulary.hasFlag(id, Special); }
int32_t Tokenizer::unknownId() const { return engine->unknown; }

struct StreamDecoder::State {
  std::shared_ptr<const Engine> engine;
  bool skipSpecial;
  tokenizer::Decoder::State stages;
};

StreamDecoder::StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial)
    : state(new State{tokenizer.engine, skipSpecial, tokenizer.engine->decoder.start()}) {}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder &&) noexcept = default;
StreamDecoder &StreamDecoder::operator=(StreamDecoder &&) noexcept = default;

std::string StreamDecoder::push(int32_t id) {
  const tokenizer::Vocabulary &vocabulary = state->engine->vocabulary;
  std::string text;
  if (vocabulary.hasFlag(id, Present) && !(state->skipSpecial && vocabulary.hasFlag(id, Special)))
    state->engine->decoder.push(vocabulary.token(id), state->stages, text);
  return text;
}

std::string StreamDecoder::flush() {
  std::string text;
  state->engine->decoder.finish(state->stages, text);
  state->stages = state->engine->decoder.start();
  return text;
}

} // namespace attune
