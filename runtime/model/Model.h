// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/program/Program.h"
#include "runtime/sampler/Sampler.h"
#include "runtime/template/Template.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <optional>

namespace attune {

struct ChatMessage {
  std::string role; ///< "system", "user", "assistant"
  std::string content;
};

/// A compiled program with what turns text into ids and back. Tokenizer and chat template are made when first
/// needed. Not for several threads at once.
class Model {
public:
  explicit Model(Program program) : compiled(std::move(program)) {}

  const Program &program() const { return compiled; }
  const Metadata &metadata() const { return compiled.metadata(); }

  bool hasTokenizer() const { return !compiled.tokenizer().empty(); }
  /// Throws attune::Error if the program was compiled without one.
  const Tokenizer &tokenizer();

  /// A text as a prompt: with the tokens that the model expects before it, but not those that would end it.
  std::vector<int32_t> encodePrompt(std::string_view text);

  /// A text whose vectors are wanted: with all tokens that the model expects around it.
  std::vector<int32_t> encodeWhole(std::string_view text);

  /// The token that stands for a word to be guessed. Throws attune::Error if the model has none.
  int32_t maskToken();
  std::optional<int32_t> findMask();
  /// A text with gaps: the model's own mask token, or "[MASK]" and "<mask>" where it is called otherwise.
  /// Throws attune::Error if there is no gap.
  std::vector<int32_t> encodeGaps(std::string_view text);
  /// The text of ids without the special tokens around it; gaps stay.
  std::string decodeGaps(std::span<const int32_t> ids);
  /// A token by itself, for people: its text without spaces around it, or its spelling.
  std::string label(int32_t id);

  /// A conversation in the words of the model's own template; with `addAnswer`, up to where an answer begins.
  /// Throws attune::Error if the model has no template or the template refuses.
  std::string renderChat(std::span<const ChatMessage> messages, bool addAnswer);
  /// The ids of such a text, whose control tokens are meant.
  std::vector<int32_t> encodeChat(std::string_view text);

  /// How many ids may be chosen: those that both the model and its tokenizer know.
  int32_t choices();

  /// What the model's makers recommend, the likeliest token where they say nothing.
  SamplerOptions recommendedSampling() const;

private:
  std::string spelling(std::optional<int32_t> id);

  Program compiled;
  std::optional<Tokenizer> loadedTokenizer;
  std::optional<jinja::Template> chatTemplate;
};

} // namespace attune
