// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Terminal.h"
#include "runtime/engine/Generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <unistd.h>

using namespace attune;
using namespace attune::cli;

namespace {

/// A conversation: what was said, and what of it the model has read.
class Conversation {
public:
  Conversation(Model &model, const Chat &options, const Common &common)
      : model(model), options(options), engine(model.program(), {.context = common.context}),
        sequence(engine.open()), sampling(options.sampling.over(model.recommendedSampling())) {
    clear();
  }

  void clear() {
    messages.clear();
    if (!options.system.empty())
      messages.push_back({"system", options.system});
  }

  /// Prints the model's answer while it comes.
  void say(const std::string &text) {
    messages.push_back({"user", text});
    try {
      messages.push_back({"assistant", answer()});
    } catch (...) {
      messages.pop_back(); // the question was not answered
      throw;
    }
  }

private:
  std::string answer() {
    std::vector<int32_t> ids = model.encodeChat(model.renderChat(messages, true));
    size_t known = keepCommon(ids);
    Sampler sampler(sampling, model.choices());
    sampler.observe(std::span(ids).first(known));
    StreamDecoder decoder(model.tokenizer());
    for (int32_t id : ids)
      decoder.push(id);
    std::string text;
    auto show = [&](const std::string &piece) {
      text += piece;
      cli::write(piece);
    };

    std::vector<int32_t> answered;
    InterruptFlag interrupt;
    GenerationReport report = generate(engine, sequence, std::span(ids).subspan(known), sampler,
                                       {options.maxTokens, true}, [&](int32_t id) {
                                         show(decoder.push(id));
                                         answered.push_back(id);
                                         return !InterruptFlag::isSet();
                                       });
    show(decoder.flush());
    cli::write("\n");
    read = ids;
    read.insert(read.end(), answered.begin(), answered.end());
    read.resize(static_cast<size_t>(engine.length(sequence))); // the last token may not have been fed
    if (report.reason == StopReason::Context)
      fmt::print(stderr, "stopped: the context of {} tokens is full\n", engine.context());
    if (options.stats)
      fmt::print(stderr, "{} new prompt tokens in {:.3f} s, {} tokens in {:.3f} s ({:.1f}/s)\n",
                 ids.size() - known, report.promptSeconds, report.tokens, report.decodeSeconds,
                 static_cast<double>(report.tokens) / report.decodeSeconds);
    return text;
  }

  /// Cuts the sequence to what it has in common with these ids, at least one of which must be left to feed.
  size_t keepCommon(const std::vector<int32_t> &ids) {
    if (static_cast<int64_t>(ids.size()) > engine.context())
      throw Error(fmt::format("the conversation has {} tokens, but the context holds {}: begin a new one",
                              ids.size(), engine.context()));
    size_t common = static_cast<size_t>(std::ranges::mismatch(read, ids).in1 - read.begin());
    common = std::min(common, ids.empty() ? 0 : ids.size() - 1);
    engine.truncate(sequence, static_cast<int64_t>(common));
    read.resize(common);
    return common;
  }

  Model &model;
  const Chat &options;
  Engine engine;
  int sequence;
  SamplerOptions sampling;
  std::vector<ChatMessage> messages;
  std::vector<int32_t> read; // what the sequence holds
};

/// A line of stdin without its end; nothing at the end of input.
std::optional<std::string> readLine() {
  std::string line;
  int c;
  while ((c = std::getchar()) != EOF && c != '\n')
    line += static_cast<char>(c);
  return c == EOF && line.empty() ? std::nullopt : std::optional(line);
}

} // namespace

void cli::Chat::run(Model &model, const Common &common) {
  Conversation conversation(model, *this, common);
  if (message)
    return conversation.say(*message == "-" ? readAll("-") : *message);

  bool isTerminal = isatty(STDIN_FILENO);
  if (isTerminal)
    fmt::print(stderr, "Chat with {}. /clear begins anew, /exit or Ctrl-D ends; Ctrl-C stops an answer.\n",
               model.metadata().name);
  for (;;) {
    if (isTerminal)
      cli::write("> ");
    std::optional<std::string> line = readLine();
    if (!line || *line == "/exit")
      break;
    if (*line == "/clear")
      conversation.clear();
    else if (!line->empty())
      try {
        conversation.say(*line);
      } catch (const Error &error) {
        if (!isTerminal)
          throw;
        fmt::print(stderr, "{}\n", error.what());
      }
  }
  if (isTerminal)
    cli::write("\n");
}
