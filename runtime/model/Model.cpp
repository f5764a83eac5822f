// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/model/Model.h"
#include "runtime/Error.h"

#include <fmt/format.h>

#include <algorithm>

using namespace attune;

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
