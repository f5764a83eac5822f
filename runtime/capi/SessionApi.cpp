// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/capi/Handles.h"
#include "runtime/engine/Generation.h"
#include "runtime/engine/Score.h"

#include <cstring>

using namespace attune;
using namespace attune::capi;

namespace {

/// Keeps what may come next: the engine's own rows are only there until any session's next step.
void keepLogits(attune_session &session, int64_t row) {
  auto logits = session.owner->engine().logits(row);
  session.logits.assign(logits.begin(), logits.end());
}

int64_t generateFrom(attune_session &session, const std::vector<int32_t> &prompt,
                     const attune_generate_options &options, attune_token_callback callback, void *user) {
  attune_model &owner = *session.owner;
  SamplerOptions sampling{options.temperature,        options.top_k, options.top_p, options.min_p,
                          options.repetition_penalty, options.seed};
  Sampler sampler(sampling, owner.model.choices());
  std::optional<StreamDecoder> decoder;
  if (owner.model.hasTokenizer()) {
    decoder.emplace(owner.model.tokenizer());
    for (int32_t id : prompt)
      decoder->push(id);
  }
  auto give = [&](const std::string &text, int32_t id) {
    return !callback || callback(user, text.data(), text.size(), id) == 0;
  };
  Engine &engine = owner.engine();
  GenerationReport report =
      generate(engine, session.sequence, prompt, sampler, {options.max_tokens, options.ignore_end == 0},
               [&](int32_t id) { return give(decoder ? decoder->push(id) : std::string(), id); });
  if (std::string rest = decoder ? decoder->flush() : std::string(); !rest.empty())
    give(rest, -1);
  keepLogits(session, engine.outputRows() - 1);
  return report.tokens;
}

attune_generate_options orDefault(const attune_generate_options *options) {
  attune_generate_options result;
  attune_default_options(&result);
  return options ? *options : result;
}

void copySampling(const SamplerOptions &from, attune_generate_options &to) {
  to.temperature = from.temperature;
  to.top_k = from.topK;
  to.top_p = from.topP;
  to.min_p = from.minP;
  to.repetition_penalty = from.repetitionPenalty;
  to.seed = from.seed;
}

} // namespace

attune_session *attune_session_create(attune_model *model) {
  return guarded<attune_session *>(nullptr, [&] {
    Engine &engine = require(model, "the model")->engine();
    if (engine.isEncoder())
      throw Error(
          "sessions are for models that predict the next token; this one is an encoder: use attune_run");
    auto session = std::make_unique<attune_session>(attune_session{model, engine.open(), {}});
    model->sessions += 1;
    return session.release();
  });
}

void attune_session_free(attune_session *session) {
  if (!session)
    return;
  guarded<int>(-1, [&] {
    session->owner->engine().close(session->sequence);
    session->owner->sessions -= 1;
    return 0;
  });
  delete session;
}

int64_t attune_session_length(const attune_session *session) {
  return guarded<int64_t>(
      -1, [&] { return require(session, "the session")->owner->engine().length(session->sequence); });
}

int attune_session_truncate(attune_session *session, int64_t length) {
  return guarded<int>(-1, [&] {
    Engine &engine = require(session, "the session")->owner->engine();
    if (length == engine.length(session->sequence))
      return 0;
    engine.truncate(session->sequence, length);
    session->logits.clear(); // they followed tokens that are gone
    return 0;
  });
}

int attune_feed(attune_session *session, const int32_t *ids, size_t count) {
  return guarded<int>(-1, [&] {
    Engine &engine = require(session, "the session")->owner->engine();
    engine.feed({session->sequence, {require(ids, "the list of ids"), count}});
    keepLogits(*session, 0);
    return 0;
  });
}

int attune_feed_each(attune_session *const *sessions, const int32_t *ids, size_t count) {
  return guarded<int>(-1, [&] {
    std::vector<Feed> feeds;
    for (size_t i = 0; i < count; ++i) {
      require(require(sessions, "the list of sessions")[i], "a session");
      if (sessions[i]->owner != sessions[0]->owner)
        throw Error("the sessions of a step must be of one model");
      feeds.push_back({sessions[i]->sequence, {require(ids, "the list of ids") + i, 1}});
    }
    if (feeds.empty())
      return 0;
    sessions[0]->owner->engine().step(feeds);
    for (size_t i = 0; i < count; ++i)
      keepLogits(*sessions[i], static_cast<int64_t>(i));
    return 0;
  });
}

const float *attune_logits(const attune_session *session) {
  return guarded<const float *>(nullptr, [&] {
    if (require(session, "the session")->logits.empty())
      throw Error("there are no logits: feed the session first");
    return session->logits.data();
  });
}

void attune_default_options(attune_generate_options *options) {
  if (!options)
    return;
  *options = {};
  copySampling({}, *options);
  options->max_tokens = 256;
}

void attune_recommended_options(const attune_model *model, attune_generate_options *options) {
  attune_default_options(options);
  if (model && options)
    copySampling(model->model.recommendedSampling(), *options);
}

int64_t attune_generate(attune_session *session, const char *prompt, const attune_generate_options *options,
                        attune_token_callback callback, void *user) {
  return guarded<int64_t>(-1, [&] {
    Model &model = require(session, "the session")->owner->model;
    attune_generate_options chosen = orDefault(options);
    std::string_view text = require(prompt, "the prompt");
    return generateFrom(*session, chosen.control_in_text ? model.encodeChat(text) : model.encodePrompt(text),
                        chosen, callback, user);
  });
}

int64_t attune_generate_ids(attune_session *session, const int32_t *ids, size_t count,
                            const attune_generate_options *options, attune_token_callback callback,
                            void *user) {
  return guarded<int64_t>(-1, [&] {
    require(session, "the session");
    std::vector<int32_t> prompt(require(ids, "the list of ids"), ids + count);
    return generateFrom(*session, prompt, orDefault(options), callback, user);
  });
}

int attune_score(attune_model *model, const int32_t *ids, size_t count, double *log_probabilities) {
  return guarded<int>(-1, [&] {
    std::span<const int32_t> list(require(ids, "the list of ids"), count);
    std::vector<double> scores = Scorer(require(model, "the model")->engine()).score(list);
    std::ranges::copy(scores, require(log_probabilities, "the buffer"));
    return 0;
  });
}
