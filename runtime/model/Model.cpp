// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/model/Model.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>

using namespace attune;

namespace {

/// What people write for a word to be guessed, whatever the model calls it.
constexpr std::string_view gapSpellings[] = {"[MASK]", "<mask>"};

} // namespace

const Tokenizer &Model::tokenizer() {
  if (!hasTokenizer())
    throw Error("this program was compiled without a tokenizer, so it takes and gives no text: use 'run' "
                "with token ids");
  if (!loadedTokenizer)
    loadedTokenizer = Tokenizer::load(compiled.tokenizer());
  return *loadedTokenizer;
}

std::vector<int32_t> Model::encodePrompt(std::string_view text) {
  std::vector<int32_t> ids = tokenizer().encode(text, true);
  const SpecialTokens &special = metadata().tokens;
  // A text that the model is to continue must not have been ended.
  while (ids.size() > 1 && std::ranges::find(special.eos, ids.back()) != special.eos.end() &&
         tokenizer().isSpecial(ids.back()))
    ids.pop_back();
  if (special.addBos && special.bos && (ids.empty() || ids.front() != *special.bos))
    ids.insert(ids.begin(), *special.bos);
  if (ids.empty() && special.bos)
    ids.push_back(*special.bos); // an empty prompt is a text's beginning
  return ids;
}

std::vector<int32_t> Model::encodeWhole(std::string_view text) {
  std::vector<int32_t> ids = tokenizer().encode(text, true);
  const SpecialTokens &special = metadata().tokens;
  if (special.addBos && special.bos && (ids.empty() || ids.front() != *special.bos))
    ids.insert(ids.begin(), *special.bos);
  return ids;
}

std::optional<int32_t> Model::findMask() {
  if (metadata().tokens.mask || !hasTokenizer() || metadata().kind != ModelKind::Encoder)
    return metadata().tokens.mask;
  for (std::string_view spelling : gapSpellings)
    if (std::optional<int32_t> id = tokenizer().find(spelling); id && tokenizer().isSpecial(*id))
      return id;
  return std::nullopt;
}

int32_t Model::maskToken() {
  if (std::optional<int32_t> id = findMask())
    return *id;
  throw Error("this model has no token that stands for a word to be guessed");
}

std::vector<int32_t> Model::encodeGaps(std::string_view text) {
  int32_t mask = maskToken();
  std::string_view own = tokenizer().token(mask);
  std::string usual(text);
  for (std::string_view spelling : gapSpellings)
    for (size_t at = 0; spelling != own && (at = usual.find(spelling, at)) != std::string::npos;
         at += own.size())
      usual.replace(at, spelling.size(), own);
  std::vector<int32_t> ids = encodeWhole(usual);
  if (std::ranges::find(ids, mask) == ids.end())
    throw Error(fmt::format("the text has no gap: write {} where a word is to be guessed", own));
  return ids;
}

std::string Model::decodeGaps(std::span<const int32_t> ids) {
  int32_t mask = maskToken();
  auto isAround = [&](int32_t id) { return id != mask && tokenizer().isSpecial(id); };
  while (!ids.empty() && isAround(ids.front()))
    ids = ids.subspan(1);
  while (!ids.empty() && isAround(ids.back()))
    ids = ids.first(ids.size() - 1);
  std::string text = tokenizer().decode(ids, false);
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

std::string Model::label(int32_t id) {
  std::string text = tokenizer().decode({&id, 1}, false);
  size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  if (first == std::string::npos)
    return std::string(tokenizer().token(id));
  std::string shown;
  for (char c : text.substr(first, last - first + 1))
    shown += c == '\n' ? std::string("\\n") : c == '\t' ? std::string("\\t") : std::string(1, c);
  return shown;
}

std::string Model::spelling(std::optional<int32_t> id) {
  return id && hasTokenizer() ? std::string(tokenizer().token(*id)) : std::string();
}

std::string Model::renderChat(std::span<const ChatMessage> messages, bool addAnswer) {
  if (metadata().chatTemplate.empty())
    throw Error("this model has no chat template: use 'generate'");
  if (!chatTemplate)
    chatTemplate = jinja::Template::parse(metadata().chatTemplate, "chat_template");
  using jinja::Value;
  std::vector<Value> list;
  for (const ChatMessage &message : messages)
    list.push_back(Value::dict({{"role", message.role}, {"content", message.content}}));
  const SpecialTokens &special = metadata().tokens;
  std::vector<std::pair<Value, Value>> context = {{"messages", Value::list(std::move(list))},
                                                  {"add_generation_prompt", addAnswer},
                                                  {"bos_token", spelling(special.bos)}};
  context.emplace_back("eos_token", special.eos.empty() ? std::string() : spelling(special.eos.front()));
  if (special.pad)
    context.emplace_back("pad_token", spelling(special.pad));
  return chatTemplate->render(Value::dict(std::move(context)));
}

std::vector<int32_t> Model::encodeChat(std::string_view text) {
  return tokenizer().encode(text, false, ControlText::Parse);
}

int32_t Model::choices() {
  int64_t count = metadata().vocabulary;
  if (hasTokenizer())
    count = std::min<int64_t>(count, tokenizer().vocabularySize());
  if (const EntryInfo *step = metadata().find("step"))
    if (const ArgumentInfo *logits = step->find("logits"))
      count = std::min(count, logits->rowSize());
  return static_cast<int32_t>(count);
}

SamplerOptions Model::recommendedSampling() const {
  const GenerationDefaults &defaults = metadata().generation;
  SamplerOptions options;
  options.temperature = defaults.temperature.value_or(options.temperature);
  options.topK = defaults.topK.value_or(options.topK);
  options.topP = defaults.topP.value_or(options.topP);
  options.minP = defaults.minP.value_or(options.minP);
  options.repetitionPenalty = defaults.repetitionPenalty.value_or(options.repetitionPenalty);
  return options;
}
