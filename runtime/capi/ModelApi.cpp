// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/capi/Handles.h"
#include "runtime/engine/Embed.h"
#include "runtime/parallel/ThreadPool.h"

#include <cstring>

using namespace attune;
using namespace attune::capi;

namespace {

thread_local std::string lastError;

} // namespace

void capi::setError(const char *text) noexcept {
  try {
    lastError = text;
  } catch (...) { // no memory even for that
    lastError.clear();
  }
}

const char *attune_error(void) { return lastError.c_str(); }

attune_model::attune_model(Program program, const attune_open_options &options)
    : model(std::move(program)), engineOptions{options.context, options.sessions ? options.sessions : 1} {
  const Metadata &data = model.metadata();
  info.name = data.name.c_str();
  info.kind = nameOf(data.kind).data();
  info.target = data.target.c_str();
  info.vocabulary = data.vocabulary;
  info.hidden = data.hidden;
  info.layers = data.layers;
  info.context = options.context ? options.context : data.context;
  info.parameters = data.parameters;
  if (const EntryInfo *step = data.find("step"))
    if (const ArgumentInfo *logits = step->find("logits"))
      info.logits = logits->rowSize();
  info.bos = data.tokens.bos.value_or(-1);
  info.eos = data.tokens.eos.data();
  info.eos_count = data.tokens.eos.size();
  info.chat_template = data.chatTemplate.empty() ? nullptr : data.chatTemplate.c_str();
  info.description = data.description.empty() ? nullptr : data.description.c_str();
  info.has_tokenizer = model.hasTokenizer();
  info.mask = model.findMask().value_or(-1);
  SentenceVector how = sentenceVectorOf(data);
  info.pooling = nameOf(how.pooling).data();
  info.normalize = how.normalize;
}

Engine &attune_model::engine() {
  if (!loadedEngine)
    loadedEngine = std::make_unique<Engine>(model.program(), engineOptions);
  return *loadedEngine;
}

attune_model *attune_open(const attune_open_options *options) {
  return guarded<attune_model *>(nullptr, [&] {
    attune_open_options given = options ? *options : attune_open_options{};
    auto model = std::make_unique<attune_model>(Program::own(), given);
    if (given.threads)
      ThreadPool::process().setThreads(given.threads);
    if (model->model.metadata().kind != ModelKind::Tokenizer)
      model->engine(); // what is wrong with the options or the file shows now
    return model.release();
  });
}

void attune_close(attune_model *model) { delete model; }

const attune_model_info *attune_info(const attune_model *model) {
  return guarded<const attune_model_info *>(nullptr, [&] { return &require(model, "the model")->info; });
}

int64_t attune_tokenize(attune_model *model, const char *text, size_t bytes, int flags, int32_t *ids,
                        int64_t capacity) {
  return guarded<int64_t>(-1, [&] {
    Model &m = require(model, "the model")->model;
    std::string_view view(bytes ? require(text, "the text") : "", bytes);
    if (flags & ATTUNE_PROMPT)
      return copyOut(m.encodePrompt(view), ids, capacity);
    ControlText control = flags & ATTUNE_CONTROL ? ControlText::Parse : ControlText::Default;
    return copyOut(m.tokenizer().encode(view, flags & ATTUNE_SPECIAL, control), ids, capacity);
  });
}

int64_t attune_detokenize(attune_model *model, const int32_t *ids, size_t count, int flags, char *text,
                          int64_t capacity) {
  return guarded<int64_t>(-1, [&] {
    std::span<const int32_t> list(count ? require(ids, "the list of ids") : nullptr, count);
    return copyOut(require(model, "the model")->model.tokenizer().decode(list, !(flags & ATTUNE_SPECIAL)),
                   text, capacity);
  });
}

int64_t attune_render_chat(attune_model *model, const attune_message *messages, size_t count, int add_answer,
                           char *text, int64_t capacity) {
  return guarded<int64_t>(-1, [&] {
    std::vector<ChatMessage> list;
    for (size_t i = 0; i < count; ++i)
      list.push_back({require(require(messages, "the list of messages")[i].role, "a message's role"),
                      require(messages[i].content, "a message's content")});
    return copyOut(require(model, "the model")->model.renderChat(list, add_answer != 0), text, capacity);
  });
}
